"""Shares of something counted (runs that diverged, rows that were right), and how far apart two of them are.

References:
    Wilson, E. B. (1927). Probable inference, the law of succession, and statistical inference. Journal of the American
        Statistical Association 22(158), 209-212.
    Newcombe, R. G. (1998). Interval estimation for the difference between independent proportions: comparison of
        eleven methods. Statistics in Medicine 17(8), 873-890. Method 10, from the two Wilson intervals.
    Fisher, R. A. (1935). The Design of Experiments, chapter 2. The exact test.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from dlrun.analysis.statistics import smallness
from dlrun.analysis.statistics.attainable import least_p, replicates_for
from dlrun.analysis.statistics.student import ALPHA, Alternative

__all__ = ["Proportion", "ProportionDifference", "proportion", "proportion_difference"]

_FEW = 5


@dataclass(frozen=True)
class Proportion:
    """A share and its 95% interval, between 0 and 1.

    Attributes:
        count: of `n`.
        warning: that the interval spans most of what is possible; else None.
    """

    share: float
    count: int
    n: int
    low: float
    high: float
    method: str = "Wilson"
    warning: str | None = None


@dataclass(frozen=True)
class ProportionDifference:
    """How much larger one share is than another.

    Attributes:
        low: lower end of the 95% interval by Newcombe's method 10.
        p: of Fisher's exact test, for `alternative`.
        least_p: the smallest p that so many can give.
        warning: that so few cannot come below 5%; else None.
    """

    difference: float
    low: float
    high: float
    p: float
    least_p: float
    alternative: Alternative
    method: str = "Newcombe interval, Fisher exact test"
    warning: str | None = None


def proportion(count: int, n: int) -> Proportion:
    """`count` of `n`, with Wilson's interval (1927), which holds at 0 and at n too.

    Raises:
        ValueError: `count` is not within 0 and n, or n is 0.
    """
    from scipy.stats import binomtest

    _check(count, n)
    ends = binomtest(count, n).proportion_ci(1 - ALPHA, method="wilson")
    few = f"{n} cases leave most shares possible: see the interval." if n < _FEW else None
    return Proportion(count / n, count, n, float(ends.low), float(ends.high), warning=few)


def proportion_difference(
    first: tuple[int, int], second: tuple[int, int], alternative: Alternative = "two-sided"
) -> ProportionDifference:
    """How much larger the share of `first` is than that of `second`.

    Args:
        first: count and number of cases; `second` too.
        alternative: `greater` is to show that the first share is greater.

    Raises:
        ValueError: a count is not within 0 and its number of cases, or there are no cases.
    """
    from scipy.stats import fisher_exact

    a, b = proportion(*first), proportion(*second)
    difference = a.share - b.share
    low = difference - math.hypot(a.share - a.low, b.high - b.share)
    high = difference + math.hypot(a.high - a.share, b.share - b.low)
    table = np.array([[a.count, a.n - a.count], [b.count, b.n - b.count]])
    p = float(fisher_exact(table, alternative=alternative).pvalue)
    least = least_p("Fisher", (a.n, b.n), alternative)
    needed = replicates_for("Fisher", alternative=alternative)
    warning = smallness.of_rank_test(min(a.n, b.n), "cases a side", least, needed)
    return ProportionDifference(difference, low, high, p, least, alternative, warning=warning)


def _check(count: int, n: int) -> None:
    if not 0 <= count <= n or n == 0:
        raise ValueError(f"a count must be between 0 and the number of cases, at least one; got {count} of {n}")
