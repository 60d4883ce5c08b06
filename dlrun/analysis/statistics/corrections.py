"""p values of several tests together: the more one looks at, the more must each of them show.

References:
    Holm, S. (1979). A simple sequentially rejective multiple test procedure. Scandinavian Journal of Statistics 6(2),
        65-70.
    Benjamini, Y., & Hochberg, Y. (1995). Controlling the false discovery rate: a practical and powerful approach to
        multiple testing. Journal of the Royal Statistical Society B 57(1), 289-300.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dlrun.analysis.statistics.student import Values

__all__ = ["adjusted_to_best", "adjusted_to_best_rows", "benjamini_hochberg", "holm", "holm_rows"]


def holm(p_values: Sequence[float]) -> list[float]:
    """The p values adjusted for being several (Holm, 1979), in the order given.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    return _listed(holm_rows(np.asarray(p_values, dtype=np.float64)))


def adjusted_to_best(p_values: Sequence[float]) -> list[float]:
    """Holm's adjustment for comparisons of k - 1 trials with the best one, when the data chose which is best.

    Holm's alone holds for a rival named beforehand. Any of the k could have come out best, so with k trials that are
    all the same some rival would be called worse too often (12% of the time at ten trials of eight seeds). Holding
    the one-sided tests of each candidate to ALPHA / k bounds the chance of any false claim by ALPHA, whichever comes
    out best; on two-sided p values that is a factor of k/2, which is 1 for two trials.

    Args:
        p_values: two-sided p values of the k - 1 others against the best.
    """
    return _listed(adjusted_to_best_rows(np.asarray(p_values, dtype=np.float64)))


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """The p values adjusted so that, of what is called a difference below 5%, at most 5% is none on average (1995).

    For screening many settings, where some false alarms are worth the finds; a claim takes `holm`.
    """
    if not p_values:
        return []
    from scipy.stats import false_discovery_control

    return _listed(np.asarray(false_discovery_control(p_values), dtype=np.float64))


def holm_rows(p_values: Values) -> Values:
    """`holm` of each row of (..., k)."""
    adjusted: Values = np.minimum(1.0, _holm(p_values))
    return adjusted


def adjusted_to_best_rows(p_values: Values) -> Values:
    """`adjusted_to_best` of each row of (..., k - 1)."""
    trials = p_values.shape[-1] + 1
    adjusted: Values = np.minimum(1.0, _holm(p_values) * trials / 2)
    return adjusted


def _holm(p_values: Values) -> Values:
    """Holm's products before anything is cut off at 1."""
    order = np.argsort(p_values, axis=-1, kind="stable")
    factors = np.arange(p_values.shape[-1], 0, -1)
    products = np.maximum.accumulate(np.take_along_axis(p_values, order, axis=-1) * factors, axis=-1)
    adjusted = np.empty_like(products)
    np.put_along_axis(adjusted, order, products, axis=-1)
    return adjusted


def _listed(values: Values) -> list[float]:
    return [float(value) for value in values]
