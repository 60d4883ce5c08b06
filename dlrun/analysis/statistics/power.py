"""How likely a difference is to be found with some replicates, and how many more it takes.

References:
    Cohen, J. (1988). Statistical Power Analysis for the Behavioral Sciences, 2nd ed., chapter 2.
    Nadeau, C., & Bengio, Y. (2003). Inference for the generalization error. Machine Learning 52, 239-281.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from dlrun.analysis.statistics.differences import Difference
from dlrun.analysis.statistics.student import ALPHA, Alternative, quantile

__all__ = ["paired_power", "replicates_for_power", "replicates_to_settle"]

_POWER = 0.8  # the customary chance of finding a difference that is there
_MOST = 100_000


def paired_power(
    effect: float, n: int, alpha: float = ALPHA, alternative: Alternative = "two-sided", test_to_train: float = 0.0
) -> float:
    """The chance that a paired t-test of `n` pairs comes below `alpha`.

    Args:
        effect: the true mean difference over the standard deviation of the differences (Cohen's d_z).
        n: at least 2.
        alternative: `greater` tests for an effect above 0, `less` for one below.
        test_to_train: above 0 for the corrected test of overlapping splits.
    """
    from scipy.special import nctdtr

    shift, freedom = effect / math.sqrt(1 / n + test_to_train), n - 1
    if alternative != "two-sided":
        shift = shift if alternative == "greater" else -shift
        return float(nctdtr(freedom, -shift, -quantile(1 - alpha, freedom)))
    limit = quantile(1 - alpha / 2, freedom)
    return float(nctdtr(freedom, -shift, -limit) + nctdtr(freedom, shift, -limit))


def replicates_for_power(
    effect: float, alpha: float = ALPHA, alternative: Alternative = "two-sided", power: float = _POWER
) -> int | None:
    """The least number of pairs that finds `effect` with a chance of `power`; None when no reasonable number does.

    >>> replicates_for_power(0.5)
    34
    """
    wrong_way = effect <= 0 if alternative == "greater" else effect >= 0 if alternative == "less" else effect == 0
    return None if wrong_way else _least(lambda n: paired_power(effect, n, alpha, alternative) >= power)


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
        reach = quantile(1 - alpha / 2, n - 1) + quantile(_POWER, n - 1)
        return reach * difference.sd * math.sqrt(1 / n + test_to_train) <= abs(difference.mean)

    return _least(enough)


def _least(enough: Callable[[int], bool]) -> int | None:
    """The least n from 2 on that is enough, where any more are too; None when no reasonable number is."""
    low, high = 1, 2
    while not enough(high):
        low, high = high, high * 2
        if high > _MOST:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
