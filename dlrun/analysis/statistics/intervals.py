"""The mean of some replicates, and a median or other quantile of them, each with its interval.

References:
    Efron, B. (1987). Better bootstrap confidence intervals. Journal of the American Statistical Association 82(397),
        171-185. BCa intervals.
    Nadeau, C., & Bengio, Y. (2003). Inference for the generalization error. Machine Learning 52, 239-281. The
        corrected resampled t-test: the variance of a mean over J splits is (1/J + n_test/n_train) s^2.
    Conover, W. J. (1999). Practical Nonparametric Statistics, 3rd ed., section 3.2. Intervals of quantiles.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from dlrun.analysis.statistics import smallness
from dlrun.analysis.statistics.student import ALPHA, Values, mean_intervals, spread

__all__ = ["Estimate", "QuantileEstimate", "bca_intervals", "estimate", "quantile_estimate"]

_BOOTSTRAP_FROM = 100
"""Below, BCa covers less than t does of normal values, exponential ones and accuracies near 0.95 (normal, 20 values:
92.8% to 95.2%); from here the two cover alike, and BCa errs on both sides alike. docs/statistics.md has the tables."""

_RESAMPLES = 9999


@dataclass(frozen=True)
class Estimate:
    """A mean and its interval.

    Attributes:
        n: how many replicates.
        low: lower end of the 95% interval; None with one replicate, which says nothing about spread.
        method: `none`, `t`, `corrected t` (splits that overlap) or `BCa` (from 100 replicates).
        warning: what so few replicates, or equal ones, cannot tell; None where they can.
    """

    mean: float
    n: int
    low: float | None
    high: float | None
    method: Literal["none", "t", "corrected t", "BCa"]
    warning: str | None = None


@dataclass(frozen=True)
class QuantileEstimate:
    """A quantile and its interval.

    Attributes:
        value: the sample's quantile.
        low: lower end of an interval that covers the true one with 95% or more; None where n is too small for one.
        method: `order statistics` or `none`.
        warning: that n is too small, and what would be enough; else None.
    """

    value: float
    n: int
    low: float | None
    high: float | None
    method: Literal["none", "order statistics"]
    warning: str | None = None


def estimate(values: Sequence[float], test_to_train: float = 0.0) -> Estimate:
    """The mean with its 95% interval: Student's t, or the BCa bootstrap (Efron, 1987) from 100 replicates.

    Args:
        values: one per replicate, at least one.
        test_to_train: rows tested over rows trained on when replicates are splits of the same rows; the interval is
            then the corrected one (Nadeau & Bengio, 2003) at any number of replicates.
    """
    sample = np.asarray(values, dtype=np.float64)
    n = len(sample)
    if n == 1:
        return Estimate(float(sample[0]), 1, None, None, "none", smallness.of_mean(1))
    varies = bool(spread(sample))
    if n >= _BOOTSTRAP_FROM and not test_to_train and varies:
        ends = bca_intervals(sample)
        return Estimate(float(np.mean(sample)), n, float(ends[0]), float(ends[1]), "BCa")
    mean, low, high = (float(each) for each in mean_intervals(sample, test_to_train))
    warning = smallness.of_mean(n) if varies else smallness.of_equal_values(n)
    return Estimate(mean, n, low, high, "corrected t" if test_to_train else "t", warning)


def bca_intervals(samples: Values, resamples: int = _RESAMPLES) -> tuple[Values, Values]:
    """Both ends of the 95% interval of each mean by the bias-corrected and accelerated bootstrap, the same each time.

    Args:
        samples: (..., n), none of them all alike.
    """
    from scipy.stats import bootstrap  # half a second more than scipy.special: only where it is needed

    interval = bootstrap(
        (samples,), np.mean, confidence_level=1 - ALPHA, n_resamples=resamples, method="BCa", batch=100, rng=0, axis=-1
    ).confidence_interval
    return np.asarray(interval.low), np.asarray(interval.high)


def quantile_estimate(values: Sequence[float], probability: float = 0.5) -> QuantileEstimate:
    """A quantile, by default the median, with an interval that assumes nothing about the distribution.

    The ends are two of the values themselves (Conover, 1999), so coverage is 95% or more, never less; and with few
    values no two of them are far enough apart: a median takes six.

    Args:
        values: at least one.
        probability: between 0 and 1, both excluded.
    """
    from scipy.stats import quantile_test

    sample = np.asarray(values, dtype=np.float64)
    n, value = len(sample), float(np.quantile(sample, probability))
    interval: Any = quantile_test(sample, p=probability).confidence_interval(1 - ALPHA)  # the stubs call it a number
    low, high = float(interval.low), float(interval.high)
    if math.isnan(low) or math.isnan(high):
        rare = max(probability, 1 - probability)
        warning = f"{n} values are too few for a 95% interval of this quantile: it takes about {_needed(rare)}."
        return QuantileEstimate(value, n, None, None, "none", warning)
    return QuantileEstimate(value, n, low, high, "order statistics")


def _needed(rare: float) -> int:
    """How many values it takes until all of them lie on one side of the quantile with a chance below ALPHA / 2."""
    return math.ceil(math.log(ALPHA / 2) / math.log(rare))
