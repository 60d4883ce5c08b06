"""The columns of a table, and what stands for their cells in a dataset's array of numbers.

Every cell of a table is held as a number: a category as its place among the words that the file has, a text as its
place among the texts, a date as its parts. Which of the words a model knows is decided later, on the training part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["DATE_PARTS", "KINDS", "Column", "cells_of", "numeric"]

KINDS = ("number", "flag", "category", "date", "text")
"""What a column may hold; a flag is yes or no."""

DATE_PARTS = ("days", "year", "month", "day", "weekday", "day_of_year", "hour", "minute", "second")
"""The numbers that a date is held as: days since 1970-01-01, then its parts as the calendar counts them; weekdays from
Monday, 0."""


@dataclass(frozen=True)
class Column:
    """One column to learn from.

    Attributes:
        name: as the file has it.
        kind: one of `KINDS`.
        values: of a category the words that its numbers 0, 1, ... stand for, sorted; else ().
        written: of a date how it is written, as `strptime` has it, or `iso`; else an empty text.
    """

    name: str
    kind: str = "number"
    values: tuple[str, ...] = ()
    written: str = ""

    @property
    def cells(self) -> int:
        """How many numbers stand for one of its cells; each is NaN where the cell is empty."""
        return len(DATE_PARTS) if self.kind == "date" else 1

    @property
    def holds_words(self) -> bool:
        """Whether a model gets its cells as text."""
        return self.kind in ("category", "text")


def numeric(names: Sequence[str]) -> tuple[Column, ...]:
    """Columns of numbers."""
    return tuple(Column(str(name)) for name in names)


def cells_of(columns: Sequence[Column]) -> dict[str, slice]:
    """Where in the array each column's numbers lie."""
    places, first = {}, 0
    for column in columns:
        places[column.name] = slice(first, first + column.cells)
        first += column.cells
    return places
