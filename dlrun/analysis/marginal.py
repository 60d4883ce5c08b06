"""The marginal effect of one hyperparameter: what its values come to, whatever the other settings are.

Two values are compared within blocks: runs that share seed, split and all other settings. What differs between blocks
(another model, an easier seed) cancels there. Where a block lacks some value, because a run failed, plain means would
compare other blocks with each other; the means are then those of an additive model of value and block, fitted by least
squares, which are the plain means where nothing is missing.

References:
    Yates, F. (1936). Incomplete randomized blocks. Annals of Eugenics 7(2), 121-140. The intra-block analysis.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dlrun.analysis.compare import Comparison, Row, shared_values
from dlrun.analysis.ranking import Goal
from dlrun.analysis.statistics import (
    Difference,
    Trend,
    adjusted_to_best,
    page_trend,
    paired_difference,
    unpaired_difference,
)

__all__ = ["Level", "Marginal", "adjusted_means", "marginal_effect"]

_FEWEST_LEVELS, _FEWEST_BLOCKS = 3, 2  # of a trend

Block = Hashable


@dataclass(frozen=True)
class Level:
    """One value of the hyperparameter.

    Attributes:
        row: its row of the comparison by this key; its values go by block.
        mean: over the blocks, adjusted for those that it lacks.
        difference: how much higher it is than the best value, within the blocks that both have; None for the best.
        p: of the difference, adjusted for all values; None where there is none.
    """

    value: Any
    row: Row
    mean: float
    difference: Difference | None = None
    p: float | None = None


@dataclass(frozen=True)
class Marginal:
    """The effect of one key.

    Attributes:
        key: dotted.
        name: its short name.
        levels: best first.
        blocks: how many there are.
        is_complete: whether every block has every value, so that the means are plain ones.
        is_blocked: whether all values can be compared within blocks; else they are compared as independent samples,
            with plain means.
        trend: Page's test over the values in order; None unless three or more are numbers that two blocks have all of.
        trend_blocks: how many blocks have all of them.
    """

    key: str
    name: str
    metric: str
    goal: Goal
    levels: tuple[Level, ...]
    blocks: int
    is_complete: bool
    is_blocked: bool
    trend: Trend | None
    trend_blocks: int = 0


def marginal_effect(comparison: Comparison) -> Marginal:
    """The effect of the one key that `comparison` is by."""
    ((key, name),) = comparison.columns.items()
    rows = comparison.ranked
    blocks = {block for row in rows for block in row.values}
    means = adjusted_means([row.values for row in rows])
    is_blocked = means is not None
    levels = [
        Level(row.settings[key], row, row.mean if means is None else means[place]) for place, row in enumerate(rows)
    ]
    sign = -1.0 if comparison.goal == "max" else 1.0
    trend, in_trend = _trend(levels)
    return Marginal(
        key=key,
        name=name,
        metric=comparison.metric,
        goal=comparison.goal,
        levels=tuple(_to_best(sorted(levels, key=lambda level: sign * level.mean), comparison.test_to_train)),
        blocks=len(blocks),
        is_complete=all(len(row.values) == len(blocks) for row in rows),
        is_blocked=is_blocked,
        trend=trend,
        trend_blocks=in_trend,
    )


def adjusted_means(values: Sequence[Mapping[Block, float]]) -> list[float] | None:
    """The mean of each level over all blocks, by the additive model of level and block.

    Args:
        values: of each level its value in the blocks that have one.

    Returns:
        A mean a level; None where blocks do not tie all levels together, so that the model says nothing of some.
    """
    places: dict[Block, int] = {}
    for each in values:
        for block in each:
            places.setdefault(block, len(places))
    if not places:
        return None
    present = np.zeros((len(places), len(values)))
    table = np.zeros_like(present)
    for level, each in enumerate(values):
        at = [places[block] for block in each]
        present[at, level], table[at, level] = 1.0, list(each.values())
    sizes = present.sum(axis=1)
    within = present * (table - (table.sum(axis=1) / sizes)[:, None])
    information = np.diag(present.sum(axis=0)) - present.T @ (present / sizes[:, None])
    # levels that blocks tie together have one eigenvalue of 0 between them
    if len(values) > 1 and np.linalg.matrix_rank(information) < len(values) - 1:
        return None
    effects = np.linalg.pinv(information) @ within.sum(axis=0)
    of_blocks = (table.sum(axis=1) - present @ effects) / sizes
    found: list[float] = (float(of_blocks.mean()) + effects).tolist()
    return found


def _to_best(levels: Sequence[Level], overlap: float) -> list[Level]:
    if len(levels) < 2:
        return list(levels)
    best, *others = levels
    differences = [_difference(level.row, best.row, overlap) for level in others]
    tested = [p for each in differences if (p := each.p) is not None]
    adjusted = iter(adjusted_to_best(tested))
    return [
        best,
        *(
            Level(level.value, level.row, level.mean, each, None if each.p is None else next(adjusted))
            for level, each in zip(others, differences, strict=True)
        ),
    ]


def _difference(row: Row, best: Row, overlap: float) -> Difference:
    pairs = shared_values(row, best)
    if pairs is None:
        return unpaired_difference(list(row.values.values()), list(best.values.values()))
    return paired_difference(*pairs, overlap)


def _trend(levels: Sequence[Level]) -> tuple[Trend | None, int]:
    """Page's test along the values in their order, over the blocks that have all of them."""
    numeric = [level for level in levels if _is_number(level.value)]
    if len(numeric) < _FEWEST_LEVELS or len(numeric) < len(levels):
        return None, 0
    ordered = [level.row.values for level in sorted(numeric, key=lambda level: float(level.value))]
    blocks = [block for block in ordered[0] if all(block in values for values in ordered)]
    if len(blocks) < _FEWEST_BLOCKS:
        return None, len(blocks)
    return page_trend([[values[block] for values in ordered] for block in blocks]), len(blocks)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
