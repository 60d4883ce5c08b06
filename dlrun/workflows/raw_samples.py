"""A dataset as what a kept model takes: raw samples, numbers and words apart."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dlrun.data.columns import Column, cells_of
from dlrun.data.dataset import Dataset
from dlrun.data.stored import part_of
from dlrun.errors import DataError, Problem
from dlrun.workflows.new_data.check import Checked, check
from dlrun.workflows.new_data.rows import Rows, Samples

if TYPE_CHECKING:
    from dlrun.workflows.kept_model import KeptModel

__all__ = ["check_samples", "columns_as_in", "raw_batches"]

_AT_ONCE = 256
_NUMBERS_AT_ONCE = 2**22


def raw_batches(dataset: Dataset, rows: np.ndarray, signature: Mapping[str, Any]) -> Iterator[tuple[slice, Any]]:
    """The samples of these rows as the model takes them, some at a time, each with where in `rows` they are.

    Raises:
        DataError: they are not of the kind that the model takes.
    """
    columns = columns_as_in(dataset, signature)
    for begin in range(0, len(rows), _AT_ONCE):
        place = slice(begin, min(begin + _AT_ONCE, len(rows)))
        x = np.asarray(part_of(dataset.x, rows[place])[:], dtype=np.float32)
        yield place, _inputs(x, dataset, columns) if columns else x


def columns_as_in(dataset: Dataset, signature: Mapping[str, Any]) -> list[Column]:
    """The dataset's columns in the order of the model's; none where samples are not rows of columns.

    Raises:
        DataError: the samples are not of the kind that the model takes.
    """
    shape = tuple(signature["shape"])
    if dataset.columns and signature["columns"] and len(shape) == 1:
        known = {column.name: column for column in dataset.columns}
        if missing := [name for name in signature["columns"] if name not in known]:
            rule = "must have the columns that the run learned from"
            raise DataError([Problem("data", rule, got=f"none named {', '.join(missing[:8])}")])
        return [known[name] for name in signature["columns"]]
    found = dataset.input_shape
    if len(shape) != len(found) or any(a is not None and a != b for a, b in zip(shape, found, strict=True)):
        rule = f"must have samples of shape {_shown(shape)}, as in training"
        raise DataError([Problem("data", rule, got=_shown(found))])
    return []


def _shown(shape: Sequence[int | None]) -> str:
    return " x ".join("any" if size is None else str(size) for size in shape)


def _inputs(x: np.ndarray, dataset: Dataset, columns: Sequence[Column]) -> Any:
    """The inputs `rows` and `words` of a kept model; the one that is there where the other is not."""
    places = cells_of(dataset.columns)
    numbers = [x[:, places[column.name]] for column in columns if not column.holds_words]
    words = [_words(x[:, places[column.name]][:, 0], column, dataset) for column in columns if column.holds_words]
    inputs: dict[str, Any] = {}
    if numbers:
        inputs["rows"] = np.concatenate(numbers, axis=1)
    if words:
        import tensorflow as tf

        inputs["words"] = tf.constant(np.stack(words, axis=1))
    return next(iter(inputs.values())) if len(inputs) == 1 else inputs


def _words(cells: np.ndarray, column: Column, dataset: Dataset) -> np.ndarray:
    """What the numbers of a category or a text stand for, empty where it is missing."""
    words = dataset.texts if column.kind == "text" else column.values
    found = ["" if math.isnan(cell) else str(words[int(cell)]) for cell in cells.tolist()]
    return np.array(found, dtype=object)


class _OfDataset:
    """A dataset's rows as a source of new samples."""

    def __init__(self, dataset: Dataset, rows: np.ndarray) -> None:
        self._dataset, self._rows = dataset, rows
        self.file = "the data"
        self.names = tuple(column.name for column in dataset.columns) or None

    def batches(self, columns: Sequence[str], most: int) -> Iterator[Rows | Samples]:
        """See `new_data.rows.Source`."""
        most = max(1, min(most, _NUMBERS_AT_ONCE // max(1, math.prod(self._dataset.input_shape))))
        places = cells_of(self._dataset.columns)
        known = {column.name: column for column in self._dataset.columns}
        for begin in range(0, len(self._rows), most):
            chosen = self._rows[begin : begin + most]
            x = np.asarray(part_of(self._dataset.x, chosen)[:], dtype=np.float64)
            if self.names is None:
                yield Samples(begin + 1, x)
                continue
            cells = {name: self._cells(x[:, places[name]], known[name]) for name in columns}
            yield Rows(begin + 1, (chosen + 1).tolist(), cells)

    def _cells(self, x: np.ndarray, column: Column) -> Any:
        if column.holds_words:
            return _words(x[:, 0], column, self._dataset).tolist()
        if column.kind == "date":
            return (
                x[:, 0]
                + (np.nan_to_num(x[:, 6]) * 3600 + np.nan_to_num(x[:, 7]) * 60 + np.nan_to_num(x[:, 8])) / 86_400
            )
        return x[:, 0]


def check_samples(dataset: Dataset, rows: np.ndarray, kept: KeptModel) -> Checked:
    """Hold the rows of other data against what the run learned from.

    Raises:
        DataError: they are not of the kind that the model takes.
    """
    columns_as_in(dataset, kept.signature)
    return check(_OfDataset(dataset, rows), kept.signature, kept.schema)
