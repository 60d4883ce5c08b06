"""How closely a metric follows a setting, and how steeply it rises with it: single points, whatever their spread.

References:
    Bonett, D. G., & Wright, T. A. (2000). Sample size requirements for estimating Pearson, Kendall and Spearman
        correlations. Psychometrika 65(1), 23-28. The interval of Spearman's rho.
    Sen, P. K. (1968). Estimates of the regression coefficient based on Kendall's tau. Journal of the American
        Statistical Association 63(324), 1379-1389.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dlrun.analysis.statistics import smallness
from dlrun.analysis.statistics.attainable import least_p, replicates_for
from dlrun.analysis.statistics.student import ALPHA, Values

__all__ = ["Correlation", "Slope", "spearman", "theil_sen"]

_ALL_ORDERS_TO = 8  # points: 40,320 orders
_DRAWN = 9999
_FEWEST_POINTS = 3
_FEWEST_FOR_INTERVAL = 4
_ROUGH_BELOW = 8


@dataclass(frozen=True)
class Correlation:
    """Spearman's rank correlation.

    Attributes:
        low: lower end of the 95% interval (Bonett & Wright, 2000); None below four points.
        p: two-sided; all orders counted to eight points, 9,999 of them drawn beyond.
        n: points.
        warning: that so few cannot come below 5%; else None.
    """

    rho: float
    low: float | None
    high: float | None
    p: float
    n: int
    least_p: float
    method: str
    warning: str | None = None


@dataclass(frozen=True)
class Slope:
    """The median of the slopes between all points (Theil and Sen).

    Attributes:
        slope: change of `y` for one more of `x`.
        low: lower end of the 95% interval.
        intercept: of the line through both medians.
        n: points.
        warning: that the interval holds only roughly with so few points; else None.
    """

    slope: float
    low: float
    high: float
    intercept: float
    n: int
    method: str = "Theil-Sen"
    warning: str | None = None


def spearman(x: Sequence[float], y: Sequence[float]) -> Correlation:
    """Spearman's rank correlation of `x` and `y`; 0 and p 1 where one of them does not vary.

    Raises:
        ValueError: they are not of one length, or fewer than three points.
    """
    from scipy.stats import permutation_test, rankdata

    _check(x, y)
    n = len(x)
    first, second = (rankdata(np.asarray(each, dtype=np.float64)) - (n + 1) / 2 for each in (x, y))
    scale = math.sqrt(float(first @ first) * float(second @ second))
    least = least_p("Spearman", (n,))
    few = smallness.of_rank_test(n, "points", least, replicates_for("Spearman"))
    if scale == 0.0:
        return Correlation(0.0, None, None, 1.0, n, least, "Spearman", "One of the two does not vary.")

    def correlation(order: Values, axis: int = -1) -> Values:
        found: Values = np.sum(order * second, axis=axis) / scale
        return found

    resamples = math.factorial(n) if n <= _ALL_ORDERS_TO else _DRAWN
    found = permutation_test(
        (first,), correlation, permutation_type="pairings", n_resamples=resamples, vectorized=True, rng=0
    )
    how = "all orders" if n <= _ALL_ORDERS_TO else "orders drawn at random"
    rho = float(found.statistic)
    low, high = _of_rho(rho, n)
    return Correlation(rho, low, high, float(found.pvalue), n, least, f"Spearman, {how}", few)


def theil_sen(x: Sequence[float], y: Sequence[float]) -> Slope:
    """The median slope of `y` over `x` with Sen's interval (1968); not moved by a few outliers.

    Raises:
        ValueError: they are not of one length, fewer than three points, or `x` does not vary.
    """
    from scipy.stats import theilslopes

    _check(x, y)
    if len(set(x)) < 2:
        raise ValueError(f"x must vary; got {x[0]} alone")
    found = theilslopes(y, x, 1 - ALPHA)
    n = len(x)
    warning = f"{n} points: the interval of a slope holds only roughly." if n < _ROUGH_BELOW else None
    ends = float(found.low_slope), float(found.high_slope)
    return Slope(float(found.slope), *ends, float(found.intercept), n, warning=warning)


def _check(x: Sequence[float], y: Sequence[float]) -> None:
    if len(x) != len(y) or len(x) < _FEWEST_POINTS:
        raise ValueError(f"x and y must be of one length, at least {_FEWEST_POINTS}; got {len(x)} and {len(y)}")


def _of_rho(rho: float, n: int) -> tuple[float | None, float | None]:
    from scipy.special import ndtri

    if n < _FEWEST_FOR_INTERVAL:
        return None, None
    if abs(rho) > 1 - 1e-12:
        return rho, rho
    half = float(ndtri(1 - ALPHA / 2)) * math.sqrt((1 + rho**2 / 2) / (n - 3))
    return math.tanh(math.atanh(rho) - half), math.tanh(math.atanh(rho) + half)
