"""Where the best value of one hyperparameter depends on another one: the marginal effect alone would mislead there.

Named is only what is clear: that the best value at one setting of the other key beats the best value at another
setting, and the other way round there, both by paired tests over seeds (differences within the blocks of a seed are
averaged first), corrected for every pair of values and every setting that was looked at. That nothing is named is no
evidence that there is nothing.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from dlrun.analysis.compare import Comparison, Row
from dlrun.analysis.marginal import adjusted_means
from dlrun.analysis.row import overlap_of, seed_pairs
from dlrun.analysis.statistics import ALPHA, paired_difference

__all__ = ["Interaction", "interactions"]

_FEWEST_PAIRS = 2
_MOST_SETTINGS = 50  # of the other key: with more of them no correction leaves anything clear

Values = Mapping[Hashable, float]


@dataclass(frozen=True)
class Interaction:
    """At two settings of another key, two values of the key change places.

    Attributes:
        other: the other key, dotted; `name` is its short name.
        best_at: two pairs: a setting of the other key, and the value that is best there.
        p: the greater of the two corrected p values.
    """

    other: str
    name: str
    best_at: tuple[tuple[Any, Any], tuple[Any, Any]]
    p: float


def interactions(comparison: Comparison) -> list[Interaction]:
    """The clear ones of the one key that `comparison` is by, one for each other key that has any."""
    (key,) = comparison.columns
    found = {other: _split(comparison.ranked, other) for other in comparison.averaged}
    pairs = len(comparison.ranked) * (len(comparison.ranked) - 1) // 2
    looked_at = pairs * sum(len(settings) for settings in found.values() if 1 < len(settings) <= _MOST_SETTINGS)
    levels = [row.settings[key] for row in comparison.ranked]
    clear = []
    for other, settings in found.items():
        if 1 < len(settings) <= _MOST_SETTINGS:
            swaps = list(_swaps(settings, comparison, looked_at))
            if swaps:
                p, (one, first), (two, second) = min(swaps, key=lambda swap: swap[0])
                best_at = ((one, levels[first]), (two, levels[second]))
                clear.append(Interaction(other, comparison.averaged[other], best_at, p))
    return clear


def _split(rows: Sequence[Row], other: str) -> dict[Any, list[Values]]:
    """The values of each level by block, at each setting of the other key."""
    settings: dict[Hashable, tuple[Any, list[dict[Hashable, float]]]] = {}
    for place, row in enumerate(rows):
        for run, block in zip(row.runs, row.replicates, strict=True):
            if block in row.values and other in run.spec:
                value = run.spec[other]
                _, levels = settings.setdefault(repr(value), (value, [{} for _ in rows]))
                levels[place][block] = row.values[block]
    return {_as_key(value): list(levels) for value, levels in settings.values()}


def _swaps(
    settings: Mapping[Any, Sequence[Values]], comparison: Comparison, looked_at: int
) -> Iterator[tuple[float, tuple[Any, int], tuple[Any, int]]]:
    """The corrected p of each pair of settings whose best levels differ clearly, and these levels."""
    better = 1.0 if comparison.goal == "max" else -1.0
    best = {setting: place for setting, levels in settings.items() if (place := _best(levels, better)) is not None}

    def p_of(setting: Any, ahead: int, behind: int) -> float:
        a, b = settings[setting][ahead], settings[setting][behind]
        shared = [block for block in a if block in b]
        row, rival = comparison.ranked[ahead], comparison.ranked[behind]
        first, second = seed_pairs(a, b, shared, row.seeds)
        if len(first) < _FEWEST_PAIRS:
            return 1.0
        found = paired_difference(first, second, overlap_of(row, rival, shared))
        return 1.0 if found.p is None or better * found.mean <= 0 else min(1.0, found.p * looked_at)

    for one, two in combinations(best, 2):
        if best[one] != best[two]:
            p = max(p_of(one, best[one], best[two]), p_of(two, best[two], best[one]))
            if p < ALPHA:
                yield p, (one, best[one]), (two, best[two])


def _best(levels: Sequence[Values], better: float) -> int | None:
    """The place of the level with the best mean over blocks; None where they cannot be compared within blocks."""
    there = [place for place, values in enumerate(levels) if values]
    means = adjusted_means([levels[place] for place in there])
    return None if means is None else there[max(range(len(there)), key=lambda index: better * means[index])]


def _as_key(value: Any) -> Any:
    return value if isinstance(value, Hashable) else repr(value)
