"""What sources of new samples hand over, some at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

__all__ = ["Rows", "Samples", "Source"]


@dataclass(frozen=True)
class Rows:
    """Rows of a table that follow one another.

    Attributes:
        first: the number of the first, from 1.
        lines: of the file, that they start on.
        cells: by column, as the file has them: texts, or an array of numbers.
        names: of the files that they are from; () where they are from one file.
    """

    first: int
    lines: Sequence[int]
    cells: Mapping[str, Sequence[Any]]
    names: Sequence[str] = ()

    def __len__(self) -> int:
        return len(self.lines)


@dataclass(frozen=True)
class Samples:
    """Samples that are no rows of a table.

    Attributes:
        first: the number of the first, from 1.
        values: an array of shape (n, ...), or a list of arrays that differ in size, as images do.
        names: of the files that they are from; () where they are from one file.
    """

    first: int
    values: Any
    names: Sequence[str] = ()

    def __len__(self) -> int:
        return len(self.values)


class Source(Protocol):
    """Where new samples come from; it can be gone through as often as one likes.

    Attributes:
        file: as messages show it.
        names: of the columns; None where the samples are no rows of a table.
    """

    @property
    def file(self) -> str: ...

    @property
    def names(self) -> tuple[str, ...] | None: ...

    def batches(self, columns: Sequence[str], most: int) -> Iterator[Rows | Samples]:
        """All samples in order, at most so many at a time.

        Args:
            columns: those that are handed over, of a table.

        Raises:
            DataError: the source cannot be read: what is wrong first.
        """
