"""What is looked at of a data set: all of a small one, blocks of rows of a large one."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from dlrun.data.columns import Column, cells_of

if TYPE_CHECKING:
    from dlrun.data.dataset import Dataset
    from dlrun.data.splits.split import Split

__all__ = ["PARTS", "Cells", "View", "part_of_each", "view_of"]

PARTS = ("train", "validation", "test")

_MOST_CELLS = 2_000_000  # numbers that are looked at: a tenth of a second
_MOST_ROWS = 50_000
_BLOCKS = 64
_SECONDS_A_DAY = 86_400


@dataclass(frozen=True, eq=False)
class Cells:
    """A column of a table, of the rows that are looked at.

    Attributes:
        values: one number a row, float64; of a category or text the number of its word, of a date its days. NaN is
            missing.
    """

    column: Column
    values: np.ndarray

    @property
    def name(self) -> str:
        """The column's."""
        return self.column.name

    @cached_property
    def known(self) -> np.ndarray:
        """The values that are there."""
        known: np.ndarray = self.values[~np.isnan(self.values)]
        return known

    @cached_property
    def counts(self) -> tuple[np.ndarray, np.ndarray]:
        """The distinct values and how often each is there."""
        values, counts = np.unique(self.known, return_counts=True)
        return values, counts

    def words(self, values: np.ndarray) -> list[str]:
        """The words that numbers of a category stand for."""
        return [self.column.values[int(value)] for value in values]


@dataclass(frozen=True, eq=False)
class View:
    """A data set as it is split, and the rows of it that are looked at.

    Attributes:
        spec: the run's, for what is done about what is found.
        rows: the numbers of the rows that are looked at, sorted.
        x: their samples.
        part: of each of them 0 train, 1 validation, 2 test, -1 none.
        separate: whether the parts are different rows; with `split=none` each is all of them.
    """

    dataset: Dataset
    split: Split
    spec: Mapping[str, Any]
    rows: np.ndarray
    x: np.ndarray
    part: np.ndarray
    separate: bool

    @property
    def is_sampled(self) -> bool:
        """Whether some rows are not looked at."""
        return len(self.rows) < self.dataset.samples

    @property
    def has_classes(self) -> bool:
        """Whether each sample has one class."""
        return self.dataset.task != "regression" and self.dataset.y.ndim == 1

    @cached_property
    def y(self) -> np.ndarray:
        """The labels of the rows that are looked at."""
        labels: np.ndarray = self.dataset.y[self.rows]
        return labels

    @cached_property
    def cells(self) -> tuple[Cells, ...]:
        """The columns of a table; of other samples none."""
        if self.x.ndim != 2:
            return ()
        places = cells_of(self.dataset.columns)
        columns = self.dataset.columns
        return tuple(Cells(column, _one_number(column, self.x[:, places[column.name]])) for column in columns)

    @cached_property
    def numbers(self) -> tuple[tuple[str, ...], np.ndarray]:
        """The columns of numbers: their names, and float64 of shape (rows, columns) sorted by column, NaN last."""
        chosen = [cells for cells in self.cells if cells.column.kind == "number"]
        if not chosen:
            return (), np.empty((len(self.rows), 0))
        return tuple(c.name for c in chosen), np.sort(np.stack([c.values for c in chosen], axis=1), axis=0)

    def of(self, part: int) -> np.ndarray:
        """Which of the rows that are looked at are of a part."""
        found: np.ndarray = self.part == part
        return found

    def others(self) -> Iterator[tuple[str, np.ndarray]]:
        """The parts that are not trained on, where they are rows of their own and some are looked at."""
        for number in (1, 2) if self.separate else ():
            if (chosen := self.of(number)).any():
                yield PARTS[number], chosen


def view_of(dataset: Dataset, split: Split, spec: Mapping[str, Any]) -> View:
    """What is looked at. Reads streamed samples from their file."""
    rows = _looked_at(dataset)
    part = part_of_each(dataset, split)
    separate = len(split.train) != len(split.test) or not np.array_equal(split.train, split.test)
    x = dataset.x[rows] if len(rows) < dataset.samples else dataset.x[:]
    return View(dataset, split, spec, rows, x, part[rows], separate)


def part_of_each(dataset: Dataset, split: Split) -> np.ndarray:
    """Of each row 0 train, 1 validation, 2 test, -1 none."""
    part = np.full(dataset.samples, -1, np.int8)
    for number in (2, 1, 0):
        part[getattr(split, PARTS[number])] = number
    return part


def _looked_at(dataset: Dataset) -> np.ndarray:
    most = min(_MOST_ROWS, max(_BLOCKS, _MOST_CELLS // max(1, math.prod(dataset.input_shape))))
    if dataset.samples <= most:
        return np.arange(dataset.samples, dtype=np.int64)
    size = max(1, most // _BLOCKS)
    starts = np.linspace(0, dataset.samples - size, _BLOCKS).astype(np.int64)
    return np.unique((starts[:, np.newaxis] + np.arange(size)).reshape(-1))


def _one_number(column: Column, cells: np.ndarray) -> np.ndarray:
    values: np.ndarray = cells[:, 0].astype(np.float64)
    if column.kind == "date":
        hour, minute, second = cells[:, 6].astype(np.float64), cells[:, 7], cells[:, 8]
        values = values + np.nan_to_num((hour * 60 + minute) * 60 + second) / _SECONDS_A_DAY
    return values
