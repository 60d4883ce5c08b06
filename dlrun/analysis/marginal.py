"""The marginal effect of one hyperparameter: what its values come to, whatever the other settings are.

Two values are compared within blocks: runs that share seed, split and all other settings. What differs between blocks
(another model, an easier seed) cancels there. Blocks of one seed share its luck with a value (the weights it begins
with), so their differences are averaged first: tests and intervals are over seeds, however many settings there are.
Where a block lacks some value, because a run failed, plain means would compare other blocks with each other; the means
are then those of an additive model of value and block, fitted by least squares, which are the plain means where nothing
is missing.

References:
    Yates, F. (1936). Incomplete randomized blocks. Annals of Eugenics 7(2), 121-140. The intra-block analysis.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dlrun.analysis.compare import Comparison, Row
from dlrun.analysis.ranking import Goal
from dlrun.analysis.row import difference_of
from dlrun.analysis.statistics import Difference, Trend, adjusted_to_best, page_trend
from dlrun.analysis.trials import ABSENT

__all__ = ["Level", "Marginal", "adjusted_means", "marginal_effect"]

_FEWEST_LEVELS, _FEWEST_SEEDS = 3, 2  # of a trend

Block = Hashable


@dataclass(frozen=True)
class Level:
    """One value of the hyperparameter.

    Attributes:
        row: its row of the comparison by this key; its values go by block.
        mean: over the blocks, adjusted for those that it lacks.
        difference: how much higher it is than the best value, within the blocks that both have, over seeds; None for
            the best.
        p: of the difference, adjusted for all values; None where there is none.
        apart: short names of the other keys of which it and the best value have nothing in common; their difference is
            then as much that of those.
    """

    value: Any
    row: Row
    mean: float
    difference: Difference | None = None
    p: float | None = None
    apart: tuple[str, ...] = ()


@dataclass(frozen=True)
class Marginal:
    """The effect of one key.

    Attributes:
        key: dotted.
        name: its short name.
        levels: best first.
        blocks: how many there are.
        seeds: of how many seeds and splits these are.
        is_complete: whether every block has every value, so that the means are plain ones.
        is_blocked: whether blocks tie all values together; else the means are plain ones, of whatever each value has.
        trend: Page's test over the values in order, a row a seed; None unless three or more are numbers that two seeds
            have all of.
        lost: values and how their runs ended, where some came to an end without a score.
    """

    key: str
    name: str
    metric: str
    goal: Goal
    levels: tuple[Level, ...]
    blocks: int
    seeds: int
    is_complete: bool
    is_blocked: bool
    trend: Trend | None
    lost: tuple[tuple[Any, Counter[str]], ...] = ()


def marginal_effect(comparison: Comparison) -> Marginal:
    """The effect of the one key that `comparison` is by."""
    ((key, name),) = comparison.columns.items()
    rows = comparison.ranked
    blocks = {block for row in rows for block in row.values}
    means = adjusted_means([row.values for row in rows])
    levels = [
        Level(row.settings[key], row, row.mean if means is None else means[place]) for place, row in enumerate(rows)
    ]
    sign = -1.0 if comparison.goal == "max" else 1.0
    ordered = sorted(levels, key=lambda level: sign * level.mean)
    return Marginal(
        key=key,
        name=name,
        metric=comparison.metric,
        goal=comparison.goal,
        levels=tuple(_to_best(ordered, comparison.averaged, means is not None)),
        blocks=len(blocks),
        seeds=len({seed for row in rows for seed in row.seeds.values()}),
        is_complete=all(len(row.values) == len(blocks) for row in rows),
        is_blocked=means is not None,
        trend=_trend(levels),
        lost=tuple((row.settings.get(key, ABSENT), lost) for row in comparison.rows if (lost := row.lost)),
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
    if not places or not _are_tied(values):
        return None
    if all(len(each) == len(places) for each in values):
        return [math.fsum(each.values()) / len(each) for each in values]
    present = np.zeros((len(places), len(values)))
    table = np.zeros_like(present)
    for level, each in enumerate(values):
        at = [places[block] for block in each]
        present[at, level], table[at, level] = 1.0, list(each.values())
    sizes = present.sum(axis=1)
    within = present * (table - (table.sum(axis=1) / sizes)[:, None])
    information = np.diag(present.sum(axis=0)) - present.T @ (present / sizes[:, None])
    # the effects sum to 0: what that adds to the matrix makes it regular, for blocks tie all levels together
    effects = np.linalg.solve(information + 1 / len(values), within.sum(axis=0))
    of_blocks = (table.sum(axis=1) - present @ effects) / sizes
    found: list[float] = (float(of_blocks.mean()) + effects).tolist()
    return found


def _are_tied(values: Sequence[Mapping[Block, float]]) -> bool:
    """Whether one comes from each level to each other by levels that share a block."""
    above = list(range(len(values)))

    def root(level: int) -> int:
        while above[level] != level:
            above[level] = above[above[level]]
            level = above[level]
        return level

    first: dict[Block, int] = {}
    for level, each in enumerate(values):
        for block in each:
            above[root(level)] = root(first.setdefault(block, level))
    return len({root(level) for level in range(len(values))}) == 1


def _to_best(levels: Sequence[Level], averaged: Mapping[str, str], is_adjusted: bool) -> list[Level]:
    if len(levels) < 2:
        return list(levels)
    best, *others = levels
    found = [replace(level, difference=difference_of(level.row, best.row)) for level in others]
    adjusted = iter(adjusted_to_best([p for level in found if (p := _difference(level).p) is not None]))
    has = _values_of(best.row, averaged)
    return [best, *(_judged(level, best, adjusted, has, averaged, is_adjusted) for level in found)]


def _difference(level: Level) -> Difference:
    assert level.difference is not None
    return level.difference


def _judged(
    level: Level,
    best: Level,
    adjusted: Iterator[float],
    has: Mapping[str, set[str]],
    averaged: Mapping[str, str],
    is_adjusted: bool,
) -> Level:
    difference = _difference(level)
    if difference.p is not None:
        return replace(level, p=next(adjusted))
    if difference.n or not set(level.row.others.values()).isdisjoint(best.row.others.values()):
        return level
    # nothing in common: the model, where there is one, says more of how far they are apart than their own means
    mean = level.mean - best.mean if is_adjusted else difference.mean
    own = _values_of(level.row, averaged)
    apart = [name for key, name in averaged.items() if own[key].isdisjoint(has[key])] or list(averaged.values())
    return replace(level, difference=replace(difference, mean=mean), apart=tuple(apart))


def _values_of(row: Row, keys: Iterable[str]) -> dict[str, set[str]]:
    runs = [run for run, block in zip(row.runs, row.replicates, strict=True) if block in row.values]
    return {key: {repr(run.spec.get(key)) for run in runs} for key in keys}


def _trend(levels: Sequence[Level]) -> Trend | None:
    """Page's test along the values in their order, over the seeds: each the mean of its blocks that have all values."""
    numeric = [level for level in levels if _is_number(level.value)]
    if len(numeric) < _FEWEST_LEVELS or len(numeric) < len(levels):
        return None
    rows = [level.row for level in sorted(numeric, key=lambda level: float(level.value))]
    members: dict[Hashable, list[Block]] = {}
    for block, seed in rows[0].seeds.items():
        if all(block in row.values for row in rows):
            members.setdefault(seed, []).append(block)
    if len(members) < _FEWEST_SEEDS:
        return None
    return page_trend([[_mean(row, blocks) for row in rows] for blocks in members.values()])


def _mean(row: Row, blocks: Sequence[Block]) -> float:
    return math.fsum(row.values[block] for block in blocks) / len(blocks)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
