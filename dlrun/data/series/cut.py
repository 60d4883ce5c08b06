"""From a table to samples: each a window of rows, with what comes a while after it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from dlrun.data.series.clock import Clock, clock_problems, read_clock, uneven
from dlrun.data.series.problems import FEWEST, cell_problems, row_problems, too_short
from dlrun.data.series.settings import Settings
from dlrun.data.series.table import Table
from dlrun.data.series.targets import Targets, read_targets
from dlrun.data.series.windows import carried, starts_of
from dlrun.errors import Problem

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Cut", "cut"]


@dataclass(frozen=True, eq=False)
class Cut:
    """The samples of a series.

    Attributes:
        features: names of the columns of a window.
        values: the series' rows, float32 of shape (rows, features): one series after another, each in order.
        firsts: the row that each window begins with; windows are in the order of their times.
        y: class numbers of shape (samples,), or values of shape (samples, steps_ahead * targets), step after step.
        times: of the last predicted row of each sample.
        spans: the first and the last row that each touches.
        groups: which series each is of; None where there is one.
        naive: what forecasts without a model would answer, by their names, each of the shape of `y`; NaN where they
            have no answer.
    """

    features: tuple[str, ...]
    task: str | None
    classes: tuple[str, ...]
    problems: tuple[Problem, ...]
    values: NDArray[np.float32] = field(default_factory=lambda: np.empty((0, 0), np.float32))
    firsts: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    y: np.ndarray = field(default_factory=lambda: np.empty(0))
    times: np.ndarray = field(default_factory=lambda: np.empty(0))
    spans: np.ndarray = field(default_factory=lambda: np.empty((0, 2), np.int64))
    groups: np.ndarray | None = None
    naive: Mapping[str, np.ndarray] = field(default_factory=dict)


def cut(table: Table, settings: Settings, file: str) -> Cut:
    """Cut a table into samples, or say all that is wrong with it."""
    targets = read_targets(table, settings, file)
    features = _features(table, settings, targets)
    names = tuple(table.roles.names[place] for place in features)
    problems = [
        *targets.problems,
        *row_problems(table, settings, file),
        *cell_problems(table, features, settings, file),
    ]
    clock = read_clock(table, settings, file)
    if isinstance(clock, Problem):
        return Cut(names, targets.task, targets.classes, (*problems, clock))
    series = _series(table, clock, settings)
    problems += clock_problems(clock, series, settings, table, file)
    if problems:
        return Cut(names, targets.task, targets.classes, tuple(problems))
    return _samples(table, features, targets, _Order(clock, series), settings, file)


@dataclass(frozen=True, eq=False)
class _Order:
    """The rows of each series in the order in which they are read, and when they are."""

    clock: Clock
    series: list[np.ndarray]

    def stretches(self, settings: Settings) -> list[tuple[int, int]]:
        """Where, with the series one after another, rows follow on each other: the first, and the one behind."""
        found, begin = [], 0
        for rows in self.series:
            cuts = np.flatnonzero(uneven(self.clock, rows)) + 1 if settings.gaps == "split" else ()
            ends = [0, *cuts, len(rows)]
            found += [(begin + int(first), begin + int(behind)) for first, behind in pairwise(ends)]
            begin += len(rows)
        return found


def _features(table: Table, settings: Settings, targets: Targets) -> tuple[int, ...]:
    """The columns of a window: the past of what is predicted is among them, where it is numbers."""
    if settings.features is not None or targets.task == "regression":
        return table.roles.features
    return tuple(place for place in table.roles.features if place not in table.roles.targets)


def _series(table: Table, clock: Clock, settings: Settings) -> list[np.ndarray]:
    if table.roles.group is None:
        series = [np.arange(table.rows)]
    else:
        _, number = np.unique(np.array(table.cells[table.roles.group], dtype=object).astype(str), return_inverse=True)
        series = [np.flatnonzero(number == each) for each in range(int(number.max(initial=-1)) + 1)]
    if settings.order == "sort":
        series = [rows[np.argsort(clock.times[rows], kind="stable")] for rows in series]
    return series


def _samples(
    table: Table, features: tuple[int, ...], targets: Targets, order: _Order, settings: Settings, file: str
) -> Cut:
    names = tuple(table.roles.names[place] for place in features)
    rows = np.concatenate([np.empty(0, np.int64), *order.series])
    values = np.stack([table.values[place] for place in features], axis=1)[rows]
    if settings.missing == "forward":
        values = np.concatenate([carried(part) for part in _apart(values, order)])
    known = targets.values[rows]
    times = order.clock.times[rows] if table.roles.time is not None else _counted(order)
    stretches = order.stretches(settings)
    each = [starts_of(first, behind, settings.span, settings.stride) for first, behind in stretches]
    firsts = np.concatenate([np.empty(0, np.int64), *each])
    firsts = firsts[_usable(firsts, values, known, settings)]
    firsts = firsts[np.argsort(times[firsts + settings.span - 1], kind="stable")]
    if len(firsts) < FEWEST:
        problem = too_short(len(firsts), stretches, settings, table, file)
        return Cut(names, targets.task, targets.classes, (problem,))
    last = firsts + settings.span - 1
    ahead = firsts[:, np.newaxis] + settings.window - 1 + np.arange(settings.horizon, settings.ahead + 1)
    number = np.repeat(np.arange(len(order.series)), [len(part) for part in order.series])
    is_regression = targets.task == "regression"
    return Cut(
        names,
        targets.task,
        targets.classes,
        (),
        values=values,
        firsts=firsts,
        y=known[ahead].reshape(len(firsts), -1) if is_regression else known[ahead].reshape(-1).astype(np.int64),
        times=times[last],
        spans=np.stack([firsts, last], axis=1),
        groups=None if settings.group is None else number[firsts],
        naive=_naive(known, order, firsts, ahead, settings) if is_regression else {},
    )


def _apart(values: np.ndarray, order: _Order) -> list[np.ndarray]:
    """The rows of each series by themselves."""
    return np.split(values, np.cumsum([len(rows) for rows in order.series])[:-1])


def _counted(order: _Order) -> np.ndarray:
    """The place of each row in its series, where nothing says when it was."""
    return np.concatenate([np.empty(0), *(np.arange(len(rows), dtype=np.float64) for rows in order.series)])


def _usable(firsts: np.ndarray, values: np.ndarray, known: np.ndarray, settings: Settings) -> np.ndarray:
    """Which windows can be learned from: what is predicted is there, and nothing is missing that may not be."""
    behind = firsts + settings.window
    there = np.cumsum(np.concatenate([[0], np.isnan(known).any(axis=1)]))
    usable: np.ndarray = there[firsts + settings.span] == there[behind + settings.horizon - 1]
    if settings.missing == "keep":
        return usable
    gone = np.cumsum(np.concatenate([np.zeros((1, values.shape[1])), np.isnan(values)]), axis=0)
    missing = gone[behind] - gone[firsts]
    most = settings.window - 1 if settings.missing == "interpolate" else 0
    found: np.ndarray = usable & (missing <= most).all(axis=1)
    return found


def _naive(
    known: np.ndarray, order: _Order, firsts: np.ndarray, ahead: np.ndarray, settings: Settings
) -> Mapping[str, np.ndarray]:
    """The last value again; where seasons are told, the value of a season before. NaN where a series begins later."""
    carried_on = np.concatenate([carried(part) for part in _apart(known, order)])
    last = np.broadcast_to((firsts + settings.window - 1)[:, np.newaxis], ahead.shape)
    found = {"last value": carried_on[last].reshape(len(firsts), -1)}
    if settings.season is not None:
        seasons = -(-np.arange(settings.horizon, settings.ahead + 1) // settings.season)
        place = ahead - seasons * settings.season
        begins = np.cumsum([0, *(len(rows) for rows in order.series)])
        begin = begins[np.searchsorted(begins, firsts, side="right") - 1][:, np.newaxis]
        values = np.where((place < begin)[:, :, np.newaxis], np.nan, carried_on[np.maximum(place, 0)])
        found["value of a season before"] = values.reshape(len(firsts), -1)
    return found
