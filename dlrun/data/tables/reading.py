"""From the cells of a table to the numbers that stand for them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from dlrun.data.columns import DATE_PARTS, Column
from dlrun.data.tables.dates import plain_dates
from dlrun.data.tables.layout import Settings
from dlrun.serving.served_cells import (
    ISO,
    as_flag,
    as_numbers,
    as_text,
    date_parts,
    flag_or_number,
    is_missing,
    numbers,
    parsed_date,
)

__all__ = ["Reading"]

_DAYS, _HOUR, _MINUTE, _SECOND = (DATE_PARTS.index(name) for name in ("days", "hour", "minute", "second"))


class Reading:
    """Reads blocks of cells by what their columns hold."""

    def __init__(self, columns: Sequence[Column], settings: Settings) -> None:
        self.columns = columns
        self.has_texts = any(column.kind == "text" for column in columns)
        self._settings = settings
        self._places = [
            {word: float(place) for place, word in enumerate(column.values)} if column.kind == "category" else {}
            for column in columns
        ]

    def samples(self, cells: Sequence[Any], first_text: int = 0) -> tuple[np.ndarray, list[str]]:
        """The numbers of a block, NaN where a cell is missing: float32 of shape (rows, cells); and its texts.

        Args:
            cells: of each column, in order: text, or float64 where a column of numbers was read as such.
            first_text: the number that the first text of the block gets.
        """
        rows = len(cells[0]) if cells else 0
        found = np.empty((rows, sum(column.cells for column in self.columns)), np.float32)
        texts: list[str] = []
        first = 0
        for column, each, places in zip(self.columns, cells, self._places, strict=True):
            if column.kind == "text":
                read: Any = np.arange(rows, dtype=np.float64) + first_text + len(texts)
                words = list(map(as_text, each))
                read[[is_missing(word, self._settings.missing_words) for word in words]] = math.nan
                texts += words
            else:
                read = self._read(column, each, places)
            found[:, first : first + column.cells] = np.asarray(read, np.float64).reshape(rows, column.cells)
            first += column.cells
        return found, texts

    def times(self, cells: Sequence[Any], column: Column) -> np.ndarray:
        """When each row is from: seconds since 1970, or the column's own numbers; float64."""
        if column.kind == "number":
            return np.asarray(self._numbers(cells), np.float64)
        parts = np.asarray(self._dates(cells, column.written), np.float64)
        hours = parts[:, _DAYS] * 24 + parts[:, _HOUR]
        return np.asarray((hours * 60 + parts[:, _MINUTE]) * 60 + parts[:, _SECOND], np.float64)

    def _read(self, column: Column, cells: Sequence[Any], places: dict[str, float]) -> Any:
        match column.kind:
            case "number":
                return self._numbers(cells)
            case "flag":
                read = partial(as_flag, decimal=self._settings.decimal)
                return as_numbers(cells, read, self._settings.missing_words)
            case "date":
                return self._dates(cells, column.written)
        cells = list(cells)  # of an array every look at a cell makes another object, and NaN is not equal to itself
        known = {cell: places.get(as_text(cell), math.nan) for cell in set(cells)}
        return [known[cell] for cell in cells]

    def _numbers(self, cells: Sequence[Any]) -> Any:
        if isinstance(cells, np.ndarray):  # of a plain stretch
            return cells
        if (found := numbers(cells, self._settings.decimal)) is not None:
            return found
        read = partial(flag_or_number, decimal=self._settings.decimal)
        return as_numbers(cells, read, self._settings.missing_words)

    def _dates(self, cells: Sequence[Any], written: str) -> Any:
        if written == ISO and (found := plain_dates(cells)) is not None:
            return found
        known: dict[str, tuple[float, ...]] = {}
        nothing = (math.nan,) * len(DATE_PARTS)
        for cell in set(cells):
            date = None if is_missing(cell, self._settings.missing_words) else parsed_date(cell, written)
            known[cell] = nothing if date is None else date_parts(date)
        return [known[cell] for cell in cells]
