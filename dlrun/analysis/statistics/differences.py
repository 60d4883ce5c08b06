"""How far apart the means of two trials are, and how sure that is: paired by replicate, or not.

Replicates that share a data split and differ in `seed` are independent draws of the training's own randomness.
Replicates that split the same rows anew (folds, split seeds) are not: their training parts overlap, so the plain
variance is too small. `test_to_train`, the ratio of test to training rows, corrects for that; 0 means independent.

References:
    Nadeau, C., & Bengio, Y. (2003). Inference for the generalization error. Machine Learning 52, 239-281. The
        corrected resampled t-test.
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

from dlrun.analysis.statistics import smallness
from dlrun.analysis.statistics.student import ALPHA, Values, cumulative, paired_tests, quantile, spread

__all__ = ["Difference", "matched", "paired_difference", "unpaired_difference", "welch_error"]

_NO_SPREAD = "The values of each are all equal, so that their spread is not known."


@dataclass(frozen=True)
class Difference:
    """The mean of `a - b`, what is known about it, and how.

    Attributes:
        sd: standard deviation of the paired differences; for unpaired ones that of a difference of two draws.
        n: pairs; for unpaired samples the smaller of the two sizes; 0 where nothing can be compared.
        low: lower end of the 95% interval; None where no interval can be had.
        p: two-sided, not adjusted; None with fewer than two replicates.
        probability: that the true mean difference is above 0, given flat priors (Benavoli et al., 2017).
        method: `paired t`, `corrected t`, `Welch`, `corrected Welch`, `sign` (all pairs differ by the same amount) or
            `none`.
        warning: what so few replicates cannot tell; None where they can.
    """

    mean: float
    sd: float
    n: int
    low: float | None
    high: float | None
    p: float | None
    probability: float | None
    method: Literal["none", "paired t", "corrected t", "Welch", "corrected Welch", "sign"]
    warning: str | None = None

    @property
    def is_paired(self) -> bool:
        """Whether it is of pairs that share seed, split and fold, and not of two samples."""
        return self.method in ("paired t", "corrected t", "sign") or (self.method == "none" and self.n == 1)


def paired_difference(a: Sequence[float], b: Sequence[float], test_to_train: float = 0.0) -> Difference:
    """How much higher `a` is than `b`, where `a[i]` and `b[i]` share seed, split and fold.

    Student's paired t-test, or with `test_to_train` the corrected resampled t-test (Nadeau & Bengio, 2003). Where all
    pairs differ by the same amount, t would be infinite and p zero at any n: the sign test's p is given instead.

    Raises:
        ValueError: the two are not of one length, or empty.
    """
    first, second = matched(a, b)
    n = len(first)
    warning = smallness.of_mean(n, "pair")
    if n == 1:
        return Difference(float(first[0] - second[0]), 0.0, 1, None, None, None, None, "none", warning)
    found = paired_tests(first, second, test_to_train)
    mean, sd, p, probability = (float(each) for each in (found.mean, found.sd, found.p, found.probability))
    if not sd:
        return Difference(mean, 0.0, n, None, None, p, probability, "sign", _of_same(n))
    low, high = float(found.low), float(found.high)
    return Difference(mean, sd, n, low, high, p, probability, "corrected t" if test_to_train else "paired t", warning)


def unpaired_difference(a: Sequence[float], b: Sequence[float], test_to_train: float = 0.0) -> Difference:
    """How much higher `a` is than `b` where no replicates match: Welch's t-test (1947).

    Args:
        test_to_train: above 0 where both are over several splits of the same rows. Each variance of a mean is then the
            one of Nadeau and Bengio, (1/n + test_to_train) times the variance of its values.
    """
    first, second = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    mean, n = float(np.mean(first) - np.mean(second)), min(len(first), len(second))
    error, freedom = welch_error(first, second, test_to_train)
    if n < 2 or error == 0.0:
        return Difference(mean, 0.0, n, None, None, None, None, "none", smallness.of_mean(n) or _NO_SPREAD)
    half = quantile(1 - ALPHA / 2, freedom) * error
    above = float(cumulative(mean / error, freedom))
    p = 2 * min(above, float(cumulative(-mean / error, freedom)))
    method: Literal["Welch", "corrected Welch"] = "corrected Welch" if test_to_train else "Welch"
    sd = error / math.sqrt(1 / n + test_to_train)
    return Difference(mean, sd, n, mean - half, mean + half, p, above, method, smallness.of_mean(n))


def matched(a: Sequence[float], b: Sequence[float]) -> tuple[Values, Values]:
    """Both as arrays.

    Raises:
        ValueError: the two are not of one length, or empty.
    """
    if len(a) != len(b) or len(a) == 0:
        raise ValueError(f"pairs must match and be at least one; got {len(a)} and {len(b)}")
    return np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)


def welch_error(first: Values, second: Values, test_to_train: float = 0.0) -> tuple[float, float]:
    """The standard error of the difference of two means, and its degrees of freedom; 0 and 0 without spread."""
    parts = [float(spread(sample)) ** 2 * (1 / len(sample) + test_to_train) for sample in (first, second)]
    error = math.sqrt(sum(parts))
    if error == 0.0:
        return 0.0, 0.0
    terms = (part**2 / max(len(s) - 1, 1) for part, s in zip(parts, (first, second), strict=True))
    return error, error**4 / sum(terms)


def _of_same(n: int) -> str:
    return f"All {n} pairs differ by the same amount, so that their spread is not known: p is the sign test's."
