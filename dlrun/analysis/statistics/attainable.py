"""The smallest p that a test of ranks or counts can give at all: below it, no result however clear can come.

Such a test counts arrangements of the replicates that are equally likely when nothing differs; the clearest result is
one of them. So its p cannot fall below one part in that number, and a rule that needs less can never be met.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from dlrun.analysis.statistics.student import ALPHA, Alternative

__all__ = ["Test", "least_p", "replicates_for"]

Test = Literal[
    "t", "Welch", "TOST", "sign", "Wilcoxon", "Mann-Whitney", "Fisher", "Page", "Jonckheere-Terpstra", "Spearman"
]

_OF_T: tuple[Test, ...] = ("t", "Welch", "TOST")
_OF_LEVELS: tuple[Test, ...] = ("Page", "Jonckheere-Terpstra")
_MOST = 10_000


def least_p(test: Test, sizes: Sequence[int], alternative: Alternative = "two-sided") -> float:
    """The smallest p that `test` can give; 0 for the t-tests, which have none.

    Args:
        sizes: `sign`, `Wilcoxon`: (pairs,), those without a difference not counted; `Mann-Whitney`, `Fisher`: both
            sizes; `Page`: (seeds, levels); `Jonckheere-Terpstra`: replicates of each level; `Spearman`: (points,), no
            two alike.
        alternative: `two-sided`, or either side.

    >>> least_p("Wilcoxon", [5], "greater")
    0.03125
    """
    if test in _OF_T:
        return 0.0
    sides = 2 if alternative == "two-sided" else 1
    if test == "Fisher" and sides == 2 and sizes[0] != sizes[1]:
        sides = 1  # the clearest table of the other direction is likelier, and does not count as being as clear
    return min(1.0, sides / _arrangements(test, sizes))


def replicates_for(
    test: Test, alpha: float = ALPHA, rules: int = 1, alternative: Alternative = "two-sided", levels: int = 3
) -> int:
    """How many replicates each side or level needs before `test` can come to `alpha` or below.

    Args:
        rules: how many tests Holm's correction holds together: the smallest p is multiplied by that.
        levels: of `Page` and `Jonckheere-Terpstra`.

    >>> replicates_for("Wilcoxon", rules=3, alternative="greater")
    6
    """
    if test in _OF_T:
        return 2
    return next(n for n in range(1, _MOST) if rules * least_p(test, _even(test, n, levels), alternative) <= alpha)


def _even(test: Test, n: int, levels: int) -> tuple[int, ...]:
    if test == "Page":
        return n, levels
    if test in ("Mann-Whitney", "Fisher"):
        return n, n
    return (n,) * levels if test in _OF_LEVELS else (n,)


def _arrangements(test: Test, sizes: Sequence[int]) -> int:
    if test in ("sign", "Wilcoxon"):
        return int(2 ** sizes[0])
    if test == "Page":
        return int(math.factorial(sizes[1]) ** sizes[0])
    if test == "Spearman":
        return math.factorial(sizes[0])
    return math.factorial(sum(sizes)) // math.prod(math.factorial(size) for size in sizes)
