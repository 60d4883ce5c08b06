"""Tests that look at signs and ranks only: no outlier can decide them, and no distribution is assumed.

Accuracies are counts over a few hundred rows, so that equal values and equal differences are the rule. Tables and
scipy's exact methods hold without ties; with them the same count of arrangements is made here on the ranks as they are.

References:
    Wilcoxon, F. (1945). Individual comparisons by ranking methods. Biometrics Bulletin 1(6), 80-83.
    Mann, H. B., & Whitney, D. R. (1947). On a test of whether one of two random variables is stochastically larger
        than the other. Annals of Mathematical Statistics 18(1), 50-60.
    Streitberg, B., & Roehmel, J. (1986). Exact distributions for permutation and rank tests. Statistical Software
        Newsletter 12(1), 10-17. The shift algorithm, which counts arrangements with ties too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dlrun.analysis.statistics import smallness
from dlrun.analysis.statistics.attainable import Test, least_p, replicates_for
from dlrun.analysis.statistics.differences import matched
from dlrun.analysis.statistics.student import Alternative, Values

__all__ = ["RankTest", "mann_whitney", "sign_test", "wilcoxon"]

_EXACT_TO = 50  # replicates; beyond, the normal approximation is as good


@dataclass(frozen=True)
class RankTest:
    """What a test of ranks says.

    Attributes:
        statistic: of Wilcoxon the sum of the ranks of positive differences, of the sign test how many are positive, of
            Mann-Whitney in how many pairs of an `a` and a `b` the `a` is greater, ties as halves.
        n: the pairs that differ; of Mann-Whitney the smaller size.
        least_p: the smallest p that so many can give.
        method: the test, and how its p was had: `exact` or `normal approximation`.
        dropped: pairs left out because they do not differ.
        warning: that so few cannot come below 5%; else None.
    """

    statistic: float
    p: float
    n: int
    least_p: float
    alternative: Alternative
    method: str
    dropped: int = 0
    warning: str | None = None


def wilcoxon(a: Sequence[float], b: Sequence[float], alternative: Alternative = "two-sided") -> RankTest:
    """Wilcoxon's signed-rank test (1945) of pairs; exact to 50 pairs. Pairs that do not differ are left out.

    Raises:
        ValueError: the two are not of one length, or empty.
    """
    from scipy.stats import rankdata
    from scipy.stats import wilcoxon as of_scipy

    differences, dropped = _differing(a, b)
    n = len(differences)
    if n == 0:
        return _nothing("Wilcoxon", dropped, alternative)
    ranks = rankdata(_rounded(np.abs(differences)))
    statistic = float(np.sum(ranks[differences > 0]))
    exact, tied = n <= _EXACT_TO, len(np.unique(ranks)) < n
    if exact and tied:
        p = _p(_sums(ranks).sum(axis=0), statistic, alternative)
    else:
        how: Any = "exact" if exact else "asymptotic"  # the stubs do not know the latter
        found = of_scipy(differences, alternative=alternative, method=how)
        p = float(found.pvalue)
    return _told("Wilcoxon", exact, (statistic, p, dropped), (n,), alternative)


def sign_test(a: Sequence[float], b: Sequence[float], alternative: Alternative = "two-sided") -> RankTest:
    """How often `a` is above `b`, held against a coin. Pairs that do not differ are left out.

    Raises:
        ValueError: the two are not of one length, or empty.
    """
    from scipy.stats import binomtest

    differences, dropped = _differing(a, b)
    n, above = len(differences), int(np.sum(differences > 0))
    if n == 0:
        return _nothing("sign", dropped, alternative)
    p = float(binomtest(above, n, alternative=alternative).pvalue)
    return _told("sign", True, (above, p, dropped), (n,), alternative)


def mann_whitney(a: Sequence[float], b: Sequence[float], alternative: Alternative = "two-sided") -> RankTest:
    """The test of Mann and Whitney (1947), also called Wilcoxon's rank sum test; exact to 50 values in all.

    Args:
        a: at least one; `b` too.
    """
    from scipy.stats import mannwhitneyu, rankdata

    values = np.concatenate([np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)])
    size = len(a)
    ranks = rankdata(values)
    statistic = float(np.sum(ranks[:size])) - size * (size + 1) / 2
    exact, tied = len(values) <= _EXACT_TO, len(np.unique(ranks)) < len(values)
    if exact and tied:
        p = _p(_sums(ranks)[size], statistic + size * (size + 1) / 2, alternative)
    else:
        found = mannwhitneyu(a, b, alternative=alternative, method="exact" if exact else "asymptotic")
        p = float(found.pvalue)
    return _told("Mann-Whitney", exact, (statistic, p, 0), (size, len(b)), alternative)


def _differing(a: Sequence[float], b: Sequence[float]) -> tuple[Values, int]:
    """The differences that are not 0, nor rounding alone, and how many were left out."""
    first, second = matched(a, b)
    scale = float(max(np.max(np.abs(first)), np.max(np.abs(second))))
    differences = first - second
    kept = differences[np.abs(differences) > 1e-12 * scale]
    return kept, len(differences) - len(kept)


def _rounded(sizes: Values) -> Values:
    """Differences that are equal but for rounding made equal: 0.97 - 0.96 and 0.96 - 0.95 have one rank."""
    return np.round(sizes / np.max(sizes), 9)


def _sums(ranks: Values) -> Values:
    """How many choices of k ranks have twice the sum s, at [k, s]: the shift algorithm (Streitberg & Roehmel, 1986)."""
    doubled = np.rint(2 * ranks).astype(int)  # midranks are halves
    counts = np.zeros((len(ranks) + 1, int(doubled.sum()) + 1))
    counts[0, 0] = 1
    for done, rank in enumerate(doubled, start=1):
        counts[1 : done + 1, rank:] += counts[:done, : counts.shape[1] - rank].copy()
    return counts


def _p(counts: Values, statistic: float, alternative: Alternative) -> float:
    at, total = round(2 * statistic), float(np.sum(counts))
    greater, less = float(np.sum(counts[at:])) / total, float(np.sum(counts[: at + 1])) / total
    if alternative == "two-sided":
        return min(1.0, 2 * min(greater, less))
    return greater if alternative == "greater" else less


def _told(
    test: Test, exact: bool, found: tuple[float, float, int], sizes: tuple[int, ...], alternative: Alternative
) -> RankTest:
    """The result, with what `sizes` cannot give; `found` is the statistic, its p, and what was left out."""
    least, (statistic, p, dropped) = least_p(test, sizes, alternative), found
    what = "pairs that differ" if len(sizes) == 1 else "a side"
    warning = smallness.of_rank_test(min(sizes), what, least, replicates_for(test, alternative=alternative))
    method = f"{test}, {'exact' if exact else 'normal approximation'}"
    return RankTest(float(statistic), p, min(sizes), least, alternative, method, dropped, warning)


def _nothing(test: Test, dropped: int, alternative: Alternative) -> RankTest:
    warning = f"None of {dropped} pairs differs: there is nothing to rank."
    return RankTest(0.0, 1.0, 0, 1.0, alternative, f"{test}, exact", dropped, warning)
