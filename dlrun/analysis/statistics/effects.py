"""How large a difference is beside the luck of a replicate: sizes that can be compared across metrics and data.

References:
    Hedges, L. V. (1981). Distribution theory for Glass's estimator of effect size and related estimators. Journal of
        Educational Statistics 6(2), 107-128. The correction for small samples.
    Steiger, J. H., & Fouladi, R. T. (1997). Noncentrality interval estimation and the evaluation of statistical models.
        In What If There Were No Significance Tests?, 221-257. The interval from the noncentral t distribution.
    Cliff, N. (1993). Dominance statistics: ordinal analyses to answer ordinal questions. Psychological Bulletin
        114(3), 494-509.
    Feng, D., & Cliff, N. (2004). Monte Carlo evaluation of ordinal d with improved confidence interval. Journal of
        Modern Applied Statistical Methods 3(2), 322-332. The asymmetric interval.
    Vargha, A., & Delaney, H. D. (2000). A critique and improvement of the CL common language effect size statistics of
        McGraw and Wong. Journal of Educational and Behavioral Statistics 25(2), 101-132.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dlrun.analysis.statistics import smallness
from dlrun.analysis.statistics.differences import matched
from dlrun.analysis.statistics.student import ALPHA, Values, paired_tests, quantile, spread

__all__ = ["Dominance", "EffectSize", "dominance", "hedges_correction", "paired_effect", "unpaired_effect"]


@dataclass(frozen=True)
class EffectSize:
    """A mean difference in units of a standard deviation.

    Attributes:
        d: Cohen's, too large on average in small samples; None where nothing varies.
        g: Hedges's, the same without that bias.
        low: lower end of the 95% interval of the true value, which both estimate.
        n: pairs; for unpaired samples the smaller of the two sizes.
        method: `d_z` in units of the differences' standard deviation, `d` in units of the pooled one of both samples.
        warning: what so few replicates cannot tell; None where they can.
    """

    d: float | None
    g: float | None
    low: float | None
    high: float | None
    n: int
    method: str
    warning: str | None = None


@dataclass(frozen=True)
class Dominance:
    """How often a replicate of `a` is above one of `b`.

    Attributes:
        delta: Cliff's: share of pairs with `a` above less share with `a` below, between -1 and 1.
        low: lower end of its 95% interval.
        superiority: Vargha and Delaney's A: the chance that `a` is above, ties as halves; (delta + 1) / 2.
        n: the smaller of the two sizes.
        warning: what so few replicates cannot tell; None where they can.
    """

    delta: float
    low: float | None
    high: float | None
    superiority: float
    n: int
    method: str = "Cliff's delta, interval of Feng and Cliff"
    warning: str | None = None


def paired_effect(a: Sequence[float], b: Sequence[float]) -> EffectSize:
    """Cohen's d_z and Hedges's g_z of `a - b`, where `a[i]` and `b[i]` belong together.

    Raises:
        ValueError: the two are not of one length, or empty.
    """
    first, second = matched(a, b)
    n, warning = len(first), smallness.of_mean(len(first), "pair")
    if n < 2:
        return EffectSize(None, None, None, None, n, "d_z", warning)
    found = paired_tests(first, second)
    return _effect(float(found.mean), float(found.sd), (1 / n, n - 1), (n, "d_z", warning))


def unpaired_effect(a: Sequence[float], b: Sequence[float]) -> EffectSize:
    """Cohen's d and Hedges's g of `a - b`, in units of the pooled standard deviation.

    Args:
        a: at least one; `b` too, and three in all.
    """
    first, second = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    n, freedom = min(len(first), len(second)), len(first) + len(second) - 2
    if freedom < 1:
        return EffectSize(None, None, None, None, n, "d", smallness.of_mean(n))
    squares = sum((len(each) - 1) * float(spread(each)) ** 2 for each in (first, second))
    mean = float(np.mean(first) - np.mean(second))
    share = 1 / len(first) + 1 / len(second)
    return _effect(mean, math.sqrt(squares / freedom), (share, freedom), (n, "d", smallness.of_mean(n)))


def dominance(a: Sequence[float], b: Sequence[float]) -> Dominance:
    """Cliff's delta (1993) and Vargha and Delaney's A (2000) of two samples.

    Args:
        a: at least one; `b` too.
    """
    first, second = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    signs = np.sign(first[:, None] - second[None, :])
    delta, n = float(np.mean(signs)), min(len(first), len(second))
    low, high = (None, None) if n < 2 else _of_delta(delta, signs)
    return Dominance(delta, low, high, (delta + 1) / 2, n, warning=smallness.of_mean(n))


def hedges_correction(freedom: int) -> float:
    """What d is multiplied by to lose its bias (Hedges, 1981, J(m)).

    >>> round(hedges_correction(4), 4)
    0.7979
    """
    return math.exp(math.lgamma(freedom / 2) - math.lgamma((freedom - 1) / 2)) / math.sqrt(freedom / 2)


def _effect(mean: float, sd: float, scale: tuple[float, int], facts: tuple[int, str, str | None]) -> EffectSize:
    """`scale`: the squared standard error of d at no effect, and degrees of freedom; `facts`: n, method, warning."""
    n, method, warning = facts
    share, freedom = scale
    if not sd:
        return EffectSize(
            None, None, None, None, n, method, warning or "Nothing varies: there is no unit to measure in."
        )
    d = mean / sd
    g = d * hedges_correction(freedom) if freedom > 1 else None
    low, high = (math.sqrt(share) * end for end in _noncentralities(d / math.sqrt(share), freedom))
    return EffectSize(d, g, low, high, n, method, warning)


def _noncentralities(t: float, freedom: int) -> tuple[float, float]:
    """The noncentral t distributions for which `t` would be just too large, and just too small."""
    from scipy.special import nctdtrinc

    return float(nctdtrinc(freedom, 1 - ALPHA / 2, t)), float(nctdtrinc(freedom, ALPHA / 2, t))


def _of_delta(delta: float, signs: Values) -> tuple[float, float]:
    """Feng and Cliff's interval (2004); (count - t^2) / (count + t^2) is its limit where all pairs agree."""
    m, n = signs.shape
    t = quantile(1 - ALPHA / 2, m + n - 2)
    if abs(delta) == 1.0:
        count = min(m, n)
        inner = (count - t**2) / (count + t**2)
        return (inner, 1.0) if delta > 0 else (-1.0, -inner)
    rows = float(np.sum((signs.mean(axis=1) - delta) ** 2))
    columns = float(np.sum((signs.mean(axis=0) - delta) ** 2))
    cells = float(np.sum((signs - delta) ** 2))
    unbiased = (n**2 * rows + m**2 * columns - cells) / (m * n * (m - 1) * (n - 1))
    variance = max(unbiased, (1 - delta**2) / (m * n - 1))
    middle, reach = delta - delta**3, t * math.sqrt(variance) * math.sqrt((1 - delta**2) ** 2 + t**2 * variance)
    divisor = 1 - delta**2 + t**2 * variance
    return max(-1.0, (middle - reach) / divisor), min(1.0, (middle + reach) / divisor)
