"""Whether two trials are the same for all practical purposes: not the lack of a proof that they differ.

References:
    Schuirmann, D. J. (1987). A comparison of the two one-sided tests procedure and the power approach for assessing
        the equivalence of average bioavailability. Journal of Pharmacokinetics and Biopharmaceutics 15(6), 657-680.
    Lakens, D. (2017). Equivalence tests: a practical primer for t tests, correlations, and meta-analyses. Social
        Psychological and Personality Science 8(4), 355-362.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from dlrun.analysis.statistics import smallness
from dlrun.analysis.statistics.differences import matched, welch_error
from dlrun.analysis.statistics.student import ALPHA, cumulative, paired_tests, quantile

__all__ = ["Equivalence", "paired_equivalence", "unpaired_equivalence"]


@dataclass(frozen=True)
class Equivalence:
    """What the two one-sided tests say of `a - b`.

    Attributes:
        margin: a mean difference within -margin and +margin counts as none.
        low: lower end of the 90% interval; it lies within the margins exactly when p is below 5%. None without one.
        p: the larger of the two one-sided p values; None with fewer than two replicates.
        n: pairs; for unpaired samples the smaller of the two sizes.
        method: `TOST, paired t`, `TOST, corrected t`, `TOST, Welch`, `sign` (no spread) or `none`.
        warning: what so few replicates cannot tell; None where they can.
    """

    mean: float
    margin: float
    low: float | None
    high: float | None
    p: float | None
    n: int
    method: Literal["none", "sign", "TOST, paired t", "TOST, corrected t", "TOST, Welch"]
    warning: str | None = None

    @property
    def is_equivalent(self) -> bool:
        """Whether equivalence is shown at 5%. False says that it is not shown, not that the two differ."""
        return self.p is not None and self.p < ALPHA


def paired_equivalence(
    a: Sequence[float], b: Sequence[float], margin: float, test_to_train: float = 0.0
) -> Equivalence:
    """Two one-sided paired t-tests (Schuirmann, 1987), corrected for overlapping splits with `test_to_train`.

    Raises:
        ValueError: the two are not of one length, or empty, or the margin is not above 0.
    """
    first, second = matched(a, b)
    _check(margin)
    n, warning = len(first), smallness.of_mean(len(first), "pair")
    if n < 2:
        return Equivalence(float(first[0] - second[0]), margin, None, None, None, n, "none", warning)
    found = paired_tests(first, second, test_to_train)
    mean, sd = float(found.mean), float(found.sd)
    if not sd:
        return Equivalence(mean, margin, None, None, 0.5**n if abs(mean) < margin else 1.0, n, "sign", warning)
    p, half = _two_tests(mean, sd * math.sqrt(1 / n + test_to_train), n - 1, margin)
    method: Literal["TOST, corrected t", "TOST, paired t"] = "TOST, corrected t" if test_to_train else "TOST, paired t"
    return Equivalence(mean, margin, mean - half, mean + half, p, n, method, warning)


def unpaired_equivalence(a: Sequence[float], b: Sequence[float], margin: float) -> Equivalence:
    """Two one-sided Welch tests, where no replicates match.

    Raises:
        ValueError: the margin is not above 0.
    """
    _check(margin)
    first, second = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    mean, n = float(np.mean(first) - np.mean(second)), min(len(first), len(second))
    warning = smallness.of_mean(n)
    error, freedom = welch_error(first, second)
    if n < 2 or error == 0.0:
        return Equivalence(mean, margin, None, None, None, n, "none", warning)
    p, half = _two_tests(mean, error, freedom, margin)
    return Equivalence(mean, margin, mean - half, mean + half, p, n, "TOST, Welch", warning)


def _two_tests(mean: float, error: float, freedom: float, margin: float) -> tuple[float, float]:
    """The larger p of the two, and half of the 90% interval."""
    above_lower = float(cumulative(-(mean + margin) / error, freedom))
    below_upper = float(cumulative((mean - margin) / error, freedom))
    return max(above_lower, below_upper), quantile(1 - ALPHA, freedom) * error


def _check(margin: float) -> None:
    if not margin > 0:
        raise ValueError(f"a margin must be above 0; got {margin}")
