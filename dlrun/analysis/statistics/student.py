"""Student's t over the last axis of an array: means and paired differences of many samples at once, or of one.

What is said of one sample is computed here too, so that a simulation of thousands takes the way of the real numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "ALPHA",
    "Alternative",
    "PairedTests",
    "Values",
    "cumulative",
    "mean_intervals",
    "paired_tests",
    "quantile",
    "spread",
]

ALPHA = 0.05
"""Intervals are of 1 - ALPHA, and a difference counts as settled below it."""

Alternative = Literal["two-sided", "greater", "less"]
"""What a test is to show: that `a` differs from `b`, is greater, or is less."""

Values = NDArray[np.float64]

_ROUNDING = 1e-12  # a spread below this share of the values is rounding, not spread


@dataclass(frozen=True)
class PairedTests:
    """Paired t-tests of many samples of differences; every field has one value a sample.

    Attributes:
        sd: standard deviation of the differences; 0 where they differ by rounding only.
        low: lower end of the 95% interval of the mean; not a number where `sd` is 0.
        p: two-sided. Where `sd` is 0, t would be infinite: it is the sign test's p there, 1 for no difference at all.
        probability: that the true mean is above 0, given flat priors.
    """

    mean: Values
    sd: Values
    low: Values
    high: Values
    p: Values
    probability: Values


def mean_intervals(samples: Values, test_to_train: float = 0.0) -> tuple[Values, Values, Values]:
    """Mean, lower and upper end of its 95% t interval, of each sample.

    Args:
        samples: (..., n), n at least 2.
        test_to_train: rows tested over rows trained on where replicates are splits of the same rows, else 0.
    """
    n = samples.shape[-1]
    mean = np.mean(samples, axis=-1)
    half = quantile(1 - ALPHA / 2, n - 1) * spread(samples) * math.sqrt(1 / n + test_to_train)
    return mean, mean - half, mean + half


def paired_tests(a: Values, b: Values, test_to_train: float = 0.0) -> PairedTests:
    """The paired t-test of each sample in `a` against the one in `b`.

    Args:
        a: (..., n), n at least 2; `b` as large.
        test_to_train: above 0 makes it the corrected resampled t-test.
    """
    differences = a - b
    n = differences.shape[-1]
    mean = np.mean(differences, axis=-1)
    scale = np.maximum(np.max(np.abs(a), axis=-1), np.max(np.abs(b), axis=-1))
    sd = np.std(differences, axis=-1, ddof=1)
    constant = sd <= _ROUNDING * scale
    mean = np.where(constant & (np.abs(mean) <= sd), 0.0, mean)
    error = np.where(constant, 1.0, sd) * math.sqrt(1 / n + test_to_train)
    half = np.where(constant, np.nan, quantile(1 - ALPHA / 2, n - 1) * error)
    above = cumulative(mean / error, n - 1)
    by_sign = np.where(mean == 0.0, 1.0, 2 * 0.5**n)
    p = np.where(constant, by_sign, 2 * np.minimum(above, cumulative(-mean / error, n - 1)))
    probability = np.where(constant, np.where(mean > 0, 1 - by_sign / 2, by_sign / 2), above)
    return PairedTests(mean, np.where(constant, 0.0, sd), mean - half, mean + half, p, probability)


def spread(samples: Values) -> Values:
    """Standard deviation of each sample, n - 1 in the denominator; 0 for what is only rounding, and for one value."""
    if samples.shape[-1] < 2:
        return np.zeros(samples.shape[:-1])
    sd: Values = np.std(samples, axis=-1, ddof=1)
    return np.where(sd > _ROUNDING * np.max(np.abs(samples), axis=-1), sd, 0.0)


def quantile(probability: float, freedom: float) -> float:
    """Of Student's t with `freedom` degrees of freedom."""
    from scipy.special import stdtrit  # scipy.stats takes half a second more to be imported

    return float(stdtrit(freedom, probability))


def cumulative(t: Values | float, freedom: float) -> Values:
    """The chance of a Student's t of at most `t`."""
    from scipy.special import stdtr

    return np.asarray(stdtr(freedom, t), dtype=np.float64)
