"""Means with their uncertainty, differences with theirs, and what it would take to tell two apart.

Replicates that share a data split and differ in `seed` are independent draws of the training's own randomness.
Replicates that split the same rows anew (folds, split seeds) are not: their training parts overlap, so the plain
variance is too small. `test_to_train`, the ratio of test to training rows, corrects for that; 0 means independent.

References:
    Efron, B. (1987). Better bootstrap confidence intervals. Journal of the American Statistical Association 82(397),
        171-185. BCa intervals.
    Holm, S. (1979). A simple sequentially rejective multiple test procedure. Scandinavian Journal of Statistics 6(2),
        65-70.
    Nadeau, C., & Bengio, Y. (2003). Inference for the generalization error. Machine Learning 52, 239-281. The
        corrected resampled t-test: the variance of a mean over J splits is (1/J + n_test/n_train) s^2.
    Benavoli, A., Corani, G., Demsar, J., & Zaffalon, M. (2017). Time for a change: a tutorial for comparing multiple
        classifiers through Bayesian analysis. Journal of Machine Learning Research 18(77), 1-36. The Bayesian
        correlated t-test, whose posterior is the t distribution of the corrected test.
    Welch, B. L. (1947). The generalization of 'Student's' problem when several different population variances are
        involved. Biometrika 34(1-2), 28-35.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

__all__ = [
    "ALPHA",
    "Difference",
    "Estimate",
    "adjusted_to_best",
    "estimate",
    "holm",
    "paired_difference",
    "replicates_to_settle",
    "unpaired_difference",
]

ALPHA = 0.05
"""Intervals are of 1 - ALPHA, and a difference counts as settled below it."""

_BOOTSTRAP_FROM = 20  # below, BCa covers too little: 72, 84, 89% at 3, 5, 10 replicates
_RESAMPLES = 9999
_POWER = 0.8  # the customary chance of finding a difference that is there
_MOST = 100_000
_ROUNDING = 1e-12  # a spread below this share of the values is rounding, not spread


@dataclass(frozen=True)
class Estimate:
    """A mean and its interval.

    Attributes:
        n: how many replicates.
        low: lower end of the 95% interval; None with one replicate, which says nothing about spread.
        method: `none`, `t`, `corrected t` (splits that overlap) or `BCa` (from 20 replicates).
    """

    mean: float
    n: int
    low: float | None
    high: float | None
    method: Literal["none", "t", "corrected t", "BCa"]


@dataclass(frozen=True)
class Difference:
    """The mean of `a - b`, what is known about it, and how.

    Attributes:
        sd: standard deviation of the paired differences; for unpaired ones that of a difference of two draws.
        n: pairs; for unpaired samples the smaller of the two sizes.
        low: lower end of the 95% interval; None where no interval can be had.
        p: two-sided, not adjusted; None with fewer than two replicates.
        probability: that the true mean difference is above 0, given flat priors (Benavoli et al., 2017).
        method: `paired t`, `corrected t`, `Welch`, `sign` (all pairs differ by the same amount) or `none`.
    """

    mean: float
    sd: float
    n: int
    low: float | None
    high: float | None
    p: float | None
    probability: float | None
    method: Literal["none", "paired t", "corrected t", "Welch", "sign"]


def estimate(values: Sequence[float], test_to_train: float = 0.0) -> Estimate:
    """The mean with its 95% interval: Student's t, or the BCa bootstrap (Efron, 1987) from 20 replicates.

    Args:
        values: one per replicate, at least one.
        test_to_train: rows tested over rows trained on when replicates are splits of the same rows; the interval is
            then the corrected one (Nadeau & Bengio, 2003) at any number of replicates.
    """
    sample = np.asarray(values, dtype=np.float64)
    n, mean = len(sample), float(np.mean(sample))
    if n == 1:
        return Estimate(mean, 1, None, None, "none")
    if n >= _BOOTSTRAP_FROM and not test_to_train and _spread(sample):
        low, high = _bca(sample)
        return Estimate(mean, n, low, high, "BCa")
    half = _quantile(1 - ALPHA / 2, n - 1) * _spread(sample) * math.sqrt(1 / n + test_to_train)
    return Estimate(mean, n, mean - half, mean + half, "corrected t" if test_to_train else "t")


def paired_difference(a: Sequence[float], b: Sequence[float], test_to_train: float = 0.0) -> Difference:
    """How much higher `a` is than `b`, where `a[i]` and `b[i]` share seed, split and fold.

    Student's paired t-test, or with `test_to_train` the corrected resampled t-test (Nadeau & Bengio, 2003). Where all
    pairs differ by the same amount, t would be infinite and p zero at any n: the sign test's p is given instead.

    Raises:
        ValueError: the two are not of one length, or empty.
    """
    if len(a) != len(b) or len(a) == 0:
        raise ValueError(f"pairs must match and be at least one; got {len(a)} and {len(b)}")
    first, second = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    differences = first - second
    n, mean = len(differences), float(np.mean(differences))
    if n == 1:
        return Difference(mean, 0.0, 1, None, None, None, None, "none")
    sd = float(np.std(differences, ddof=1))
    if sd <= _ROUNDING * float(np.max(np.abs([first, second]))):
        return _same_everywhere(mean if abs(mean) > sd else 0.0, n)
    error = sd * math.sqrt(1 / n + test_to_train)
    return _t_difference(mean, sd, n, error, n - 1, "corrected t" if test_to_train else "paired t")


def unpaired_difference(a: Sequence[float], b: Sequence[float]) -> Difference:
    """How much higher `a` is than `b` where no replicates match: Welch's t-test (1947)."""
    first, second = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    mean, n = float(np.mean(first) - np.mean(second)), min(len(first), len(second))
    if n < 2:
        return Difference(mean, 0.0, n, None, None, None, None, "none")
    parts = [_spread(sample) ** 2 / len(sample) for sample in (first, second)]
    error = math.sqrt(sum(parts))
    if error == 0.0:
        return Difference(mean, 0.0, n, None, None, None, None, "none")
    freedom = error**4 / sum(part**2 / (len(s) - 1) for part, s in zip(parts, (first, second), strict=True))
    return _t_difference(mean, error * math.sqrt(n), n, error, freedom, "Welch")


def holm(p_values: Sequence[float]) -> list[float]:
    """The p values adjusted for being several (Holm, 1979), in the order given.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    count, adjusted, largest = len(p_values), [1.0] * len(p_values), 0.0
    for rank, index in enumerate(sorted(range(count), key=lambda i: p_values[i])):
        largest = max(largest, (count - rank) * p_values[index])
        adjusted[index] = min(1.0, largest)
    return adjusted


def adjusted_to_best(p_values: Sequence[float]) -> list[float]:
    """Holm's adjustment for comparisons of k - 1 trials with the best one, when the data chose which is best.

    Holm's alone holds for a rival named beforehand. Any of the k could have come out best, so with k trials that are
    all the same some rival would be called worse too often (12% of the time at ten trials of eight seeds). Holding
    the one-sided tests of each candidate to ALPHA / k bounds the chance of any false claim by ALPHA, whichever comes
    out best; on two-sided p values that is a factor of k/2, which is 1 for two trials.

    Args:
        p_values: two-sided p values of the k - 1 others against the best.
    """
    trials = len(p_values) + 1
    raw = [p / max(1, len(p_values)) for p in p_values]  # Holm's factors stay below 1 here, so that nothing is cut off
    return [min(1.0, p * len(p_values) * trials / 2) for p in holm(raw)]


def replicates_to_settle(difference: Difference, alpha: float = ALPHA, test_to_train: float = 0.0) -> int | None:
    """How many replicates in all would show `difference`, if it is what it looks like, in four cases of five.

    The least n with (t[1 - alpha/2] + t[0.8]) * sqrt(1/n + test_to_train) * sd <= |mean|, the usual sample size of a
    paired t-test.

    Returns:
        The number, or None when no number would do: no difference is seen, or overlapping splits bound what can be
        learnt from these rows.
    """
    if difference.mean == 0.0:
        return None

    def enough(n: int) -> bool:
        if difference.sd == 0.0:  # the sign test's p
            return 2 * 0.5**n <= alpha
        reach = _quantile(1 - alpha / 2, n - 1) + _quantile(_POWER, n - 1)
        return bool(reach * difference.sd * math.sqrt(1 / n + test_to_train) <= abs(difference.mean))

    low, high = 1, 2
    while not enough(high):
        low, high = high, high * 2
        if high > _MOST:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _t_difference(
    mean: float, sd: float, n: int, error: float, freedom: float, method: Literal["paired t", "corrected t", "Welch"]
) -> Difference:
    half = _quantile(1 - ALPHA / 2, freedom) * error
    below = _cumulative(mean / error, freedom)
    p = 2 * min(below, _cumulative(-mean / error, freedom))
    return Difference(mean, sd, n, mean - half, mean + half, p, below, method)


def _same_everywhere(mean: float, n: int) -> Difference:
    p = 1.0 if mean == 0.0 else 2 * 0.5**n
    probability = 0.5 if mean == 0.0 else 1 - p / 2 if mean > 0 else p / 2
    return Difference(mean, 0.0, n, None, None, p, probability, "sign")


def _spread(sample: np.ndarray) -> float:
    """Standard deviation, n - 1 in the denominator; 0 for what is only rounding."""
    if len(sample) < 2:
        return 0.0
    sd = float(np.std(sample, ddof=1))
    return sd if sd > _ROUNDING * float(np.max(np.abs(sample))) else 0.0


def _bca(sample: np.ndarray) -> tuple[float, float]:
    from scipy.stats import bootstrap  # half a second more than scipy.special: only where it is needed

    interval = bootstrap(
        (sample,), np.mean, confidence_level=1 - ALPHA, n_resamples=_RESAMPLES, method="BCa", rng=0
    ).confidence_interval
    return float(interval.low), float(interval.high)


def _quantile(probability: float, freedom: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(freedom, probability))


def _cumulative(t: float, freedom: float) -> float:
    from scipy.special import stdtr

    return float(stdtr(freedom, t))
