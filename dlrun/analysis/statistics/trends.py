"""Whether a metric rises or falls along the ordered levels of a setting.

Comparing every level with every other asks many small questions; these ask one. `page_trend` is for levels that share
their seeds (each seed is a block), `jonckheere_trend` for levels that do not. How steep it is says `slopes`.

References:
    Page, E. B. (1963). Ordered hypotheses for multiple treatments: a significance test for linear ranks. Journal of the
        American Statistical Association 58(301), 216-230.
    Jonckheere, A. R. (1954). A distribution-free k-sample test against ordered alternatives. Biometrika 41(1-2),
        133-145.
    Hollander, M., & Wolfe, D. A. (1999). Nonparametric Statistical Methods, 2nd ed., section 6.2. Variance with ties.
    Harding, E. F. (1984). An efficient, minimal-storage procedure for calculating the Mann-Whitney U, generalized U and
        similar distributions. Applied Statistics 33(1), 1-6. The exact distribution.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from dlrun.analysis.statistics import smallness
from dlrun.analysis.statistics.attainable import Test, least_p, replicates_for
from dlrun.analysis.statistics.student import Alternative, Values

__all__ = ["Direction", "Trend", "jonckheere_trend", "page_trend"]

Direction = Literal["two-sided", "rising", "falling"]
"""What a trend test is to show."""

_SIDES: dict[Direction, Alternative] = {"two-sided": "two-sided", "rising": "greater", "falling": "less"}
_FEWEST_LEVELS = 3
_PAGE_LEVELS, _PAGE_SEEDS = 6, 20  # scipy's exact distribution takes seconds beyond
_EXACT_TO = 100  # values in all; beyond, the normal approximation is as good


@dataclass(frozen=True)
class Trend:
    """What a trend test says.

    Attributes:
        statistic: Page's L, or Jonckheere's J.
        effect: from -1 (falls everywhere) over 0 to 1 (rises everywhere): of Page the mean of each seed's rank
            correlation with the order, of Jonckheere the share of pairs of levels' values that rise less that of those
            that fall.
        levels: how many.
        n: seeds, or replicates of the smallest level.
        least_p: the smallest p that so many can give.
        method: the test, and how its p was had: `exact` or `normal approximation`.
        warning: that so few cannot come below 5%, or that ties make p approximate; else None.
    """

    statistic: float
    effect: float
    p: float
    levels: int
    n: int
    least_p: float
    direction: Direction
    method: str
    warning: str | None = None


def page_trend(table: Sequence[Sequence[float]], direction: Direction = "two-sided") -> Trend:
    """Page's test (1963) that values rise along the columns, within each row.

    Args:
        table: one row a seed, at least two; one column a level in order, at least three.

    Raises:
        ValueError: there are fewer, or rows differ in length.
    """
    from scipy.stats import page_trend_test, rankdata

    if len(table) < 2 or len({len(row) for row in table}) != 1 or len(table[0]) < _FEWEST_LEVELS:
        raise ValueError(f"a table needs 2 rows of one length, at least {_FEWEST_LEVELS}; got {[*map(len, table)]}")
    ranks = rankdata(np.asarray(table, dtype=np.float64), axis=1)
    seeds, levels = ranks.shape
    exact = levels <= _PAGE_LEVELS and seeds <= _PAGE_SEEDS
    how: Literal["exact", "asymptotic"] = "exact" if exact else "asymptotic"
    rising = page_trend_test(ranks, ranked=True, method=how)
    falling = page_trend_test(levels + 1 - ranks, ranked=True, method=how)
    p = _one_of(float(rising.pvalue), float(falling.pvalue), direction)
    middle, span = seeds * levels * (levels + 1) ** 2 / 4, seeds * levels * (levels**2 - 1) / 12
    least = least_p("Page", (seeds, levels), _SIDES[direction])
    few = _few("Page", seeds, least, direction, levels)
    ties = "Ties within a seed: the true p is somewhat smaller." if _has_ties(ranks) else None
    statistic = float(rising.statistic)
    effect = (statistic - middle) / span
    return Trend(statistic, effect, p, levels, seeds, least, direction, _named("Page", exact), few or ties)


def jonckheere_trend(groups: Sequence[Sequence[float]], direction: Direction = "two-sided") -> Trend:
    """The test of Jonckheere (1954) and Terpstra that values rise from group to group; exact without ties.

    Args:
        groups: the values of each level, in order of the levels; at least three levels with a value or more each.

    Raises:
        ValueError: there are fewer.
    """
    if len(groups) < _FEWEST_LEVELS or not all(groups):
        raise ValueError(f"at least {_FEWEST_LEVELS} levels with values are needed; got {[*map(len, groups)]}")
    sizes = [len(group) for group in groups]
    samples = [np.asarray(group, dtype=np.float64) for group in groups]
    signs = [np.sign(b[None, :] - a[:, None]) for i, a in enumerate(samples) for b in samples[i + 1 :]]
    pairs = sum(each.size for each in signs)
    balance = sum(float(each.sum()) for each in signs)
    statistic = (balance + pairs) / 2
    tied = len(np.unique(np.concatenate(samples))) < sum(sizes)
    exact = not tied and sum(sizes) <= _EXACT_TO
    if exact:
        counts = _orders(sizes)
        rising, falling = _tail(counts, round(statistic)), _tail(counts, round(pairs - statistic))
    else:
        deviation = math.sqrt(_variance(sizes, np.concatenate(samples)))
        rising, falling = _above(balance / 2, deviation), _above(-balance / 2, deviation)
    least = least_p("Jonckheere-Terpstra", sizes, _SIDES[direction])
    few = _few("Jonckheere-Terpstra", min(sizes), least, direction, len(sizes))
    ties = "Ties: p is approximate." if tied and sum(sizes) <= _EXACT_TO else None
    name, p = _named("Jonckheere-Terpstra", exact), _one_of(rising, falling, direction)
    return Trend(statistic, balance / pairs, p, len(sizes), min(sizes), least, direction, name, few or ties)


def _one_of(rising: float, falling: float, direction: Direction) -> float:
    if direction == "two-sided":
        return min(1.0, 2 * min(rising, falling))
    return rising if direction == "rising" else falling


def _named(test: Test, exact: bool) -> str:
    return f"{test}, {'exact' if exact else 'normal approximation'}"


def _few(test: Test, n: int, least: float, direction: Direction, levels: int) -> str | None:
    needed = replicates_for(test, alternative=_SIDES[direction], levels=levels)
    return smallness.of_rank_test(n, "seeds" if test == "Page" else "replicates a level", least, needed)


def _has_ties(ranks: Values) -> bool:
    return any(len(np.unique(row)) < len(row) for row in ranks)


def _orders(sizes: Sequence[int]) -> list[int]:
    """How many orders of all values have J = 0, 1, 2, ...: coefficients of the q-multinomial (Harding, 1984)."""
    counts, before = [1], 0
    for size in sizes:
        for step in range(1, size + 1):
            up = before + step  # times (1 - q^up) / (1 - q^step)
            longer = counts + [0] * up
            for at, count in enumerate(counts):
                longer[at + up] -= count
            for at in range(step, len(longer)):
                longer[at] += longer[at - step]
            counts = longer[: len(counts) + before]
        before += size
    return counts


def _tail(counts: Sequence[int], statistic: int) -> float:
    return sum(counts[statistic:]) / sum(counts)


def _variance(sizes: Sequence[int], values: Values) -> float:
    """Of J when nothing differs, with ties among the values (Hollander & Wolfe, 1999, equation 6.19)."""
    n, (_, ties) = len(values), np.unique(values, return_counts=True)
    parts = [[float(count) for count in counts] for counts in (sizes, ties)]
    spread = n * (n - 1) * (2 * n + 5) - sum(c * (c - 1) * (2 * c + 5) for counts in parts for c in counts)
    triples = math.prod(sum(c * (c - 1) * (c - 2) for c in counts) for counts in parts)
    pairs = math.prod(sum(c * (c - 1) for c in counts) for counts in parts)
    return spread / 72 + triples / (36 * n * (n - 1) * max(n - 2, 1)) + pairs / (8 * n * (n - 1))


def _above(deviation: float, sd: float) -> float:
    """The chance of so much above the mean, or more, in a normal distribution; 1 without spread."""
    return 0.5 * math.erfc(deviation / sd / math.sqrt(2)) if sd else 1.0
