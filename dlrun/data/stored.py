"""Samples that lie in a file and are read as they are asked for: data that does not fit in memory."""

from __future__ import annotations

import math
import os
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from dlrun.data.room import available_bytes

__all__ = ["RowFile", "Rows", "Stored", "part_of", "through"]

_GAP = 8192  # bytes: what is read in the time that another read takes to begin
_COPIES = 3  # of encoded samples, at once: as one array, split into parts, as tensors
_LONGEST = 2**24  # bytes of a single read
_SAMPLE = np.dtype(np.float32)


class RowFile:
    """A file of rows, one after another, open for reading. It may be removed while it is open.

    It is read and not mapped: pages of a mapped file would count as memory of the process.

    Attributes:
        shape: of a row.
        dtype: of its numbers, as they lie in the file.
        rows: how many there are.
    """

    def __init__(self, path: Path, shape: int | tuple[int, ...], dtype: Any = _SAMPLE) -> None:
        """Open a file; a `shape` that is a number is that of a row of so many numbers."""
        self.shape = (shape,) if isinstance(shape, int) else shape
        self.dtype = np.dtype(dtype)
        self._bytes_a_row = self.dtype.itemsize * math.prod(self.shape)
        self._file = os.open(path, os.O_RDONLY)
        self.rows = os.fstat(self._file).st_size // self._bytes_a_row
        weakref.finalize(self, os.close, self._file)

    def read(self, rows: np.ndarray) -> np.ndarray:
        """The rows of these numbers, in their order: of shape `(len(rows), *shape)`, in the file's own type.

        Neighbours are read together, and what lies between them is thrown away.

        Raises:
            OSError: the file cannot be read, or has been cut short.
        """
        order = np.argsort(rows, kind="stable")
        wanted = rows[order]
        found = np.empty((len(rows), *self.shape), self.dtype)
        for first, behind in self._runs(wanted):
            begin = int(wanted[first])
            found[order[first:behind]] = self._span(begin, int(wanted[behind - 1]) + 1)[wanted[first:behind] - begin]
        return found

    def _runs(self, wanted: np.ndarray) -> Sequence[tuple[int, int]]:
        """Where in the sorted numbers each read begins, and behind which it ends."""
        if not len(wanted):
            return []
        size = self._bytes_a_row
        is_far = np.diff(wanted) > max(1, _GAP // size)
        piece = wanted // max(1, _LONGEST // size)  # no read goes beyond the piece of the file that it begins in
        cuts = np.flatnonzero(is_far | (np.diff(piece) > 0)) + 1
        ends = [0, *cuts.tolist(), len(wanted)]
        return list(pairwise(ends))

    def _span(self, first: int, behind: int) -> np.ndarray:
        size = self._bytes_a_row
        length, content = (behind - first) * size, b""
        while len(content) < length:
            more = os.pread(self._file, length - len(content), first * size + len(content))
            if not more:
                raise OSError(f"the samples end at byte {first * size + len(content)}: their file has been cut short")
            content = content + more if content else more
        return np.frombuffer(content, self.dtype).reshape(-1, *self.shape)


class Rows(Protocol):
    """Where samples are read from; `RowFile` is one.

    Attributes:
        rows: how many there are.
        shape: of one.
    """

    @property
    def rows(self) -> int: ...

    @property
    def shape(self) -> tuple[int, ...]: ...

    def read(self, rows: np.ndarray) -> np.ndarray:
        """Those of these numbers, in their order: of shape `(len(rows), *shape)`."""
        ...


@dataclass(frozen=True, eq=False)
class Stored:
    """Samples in a file, looking like the array that they would be: `len`, `shape`, `dtype`, and rows by number.

    Attributes:
        file: where they are.
        rows: which of the file's rows they are, int64; None for all.
        encode: what they are led through as they are read; None for nothing.
        encoded: the shape of a sample behind it.
    """

    file: Rows
    rows: np.ndarray | None = None
    encode: Callable[[np.ndarray], np.ndarray] | None = None
    encoded: tuple[int, ...] | None = None

    dtype = _SAMPLE

    def __len__(self) -> int:
        return self.file.rows if self.rows is None else len(self.rows)

    @property
    def shape(self) -> tuple[int, ...]:
        """How many samples, and the shape of each."""
        return len(self), *(self.file.shape if self.encoded is None else self.encoded)

    @property
    def ndim(self) -> int:
        """Two of rows of columns, four of images."""
        return len(self.shape)

    def __getitem__(self, chosen: slice | np.ndarray) -> np.ndarray:
        """The samples of a slice or of these numbers, read and scaled: float32 of shape `(chosen, ...)`."""
        if isinstance(chosen, slice):
            chosen = np.arange(*chosen.indices(len(self)), dtype=np.int64)
        rows = np.asarray(chosen) if self.rows is None else self.rows[chosen]
        if not len(rows):
            return np.empty((0, *self.shape[1:]), _SAMPLE)
        found = self.file.read(rows).astype(_SAMPLE, copy=False)
        return found if self.encode is None else self.encode(found)


def part_of(x: np.ndarray | Stored, rows: np.ndarray) -> Any:
    """The samples of these numbers: an array of an array, and of what is stored a view that reads nothing yet."""
    if not isinstance(x, Stored):
        return x[rows]
    return replace(x, rows=rows if x.rows is None else x.rows[rows])


def through(encode: Callable[[np.ndarray], np.ndarray], x: np.ndarray | Stored) -> Any:
    """The samples led through `encode`: at once, or as they are read where they are stored or would become too many."""
    encoded = encode(x[:1]).shape[1:]
    if isinstance(x, Stored):
        return replace(x, encode=encode, encoded=encoded)
    available, size = available_bytes(), _SAMPLE.itemsize * len(x) * math.prod(encoded)
    if available is not None and size > x.nbytes and _COPIES * size > available:
        return Stored(_Held(x), encode=encode, encoded=encoded)
    return encode(x)


@dataclass(frozen=True)
class _Held:
    """Samples in memory whose encoded form would be too large for it."""

    samples: np.ndarray

    @property
    def rows(self) -> int:
        return len(self.samples)

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.samples.shape[1:])

    def read(self, rows: np.ndarray) -> np.ndarray:
        return np.asarray(self.samples[rows])
