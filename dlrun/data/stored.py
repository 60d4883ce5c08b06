"""Samples that lie in a file and are read as they are asked for: data that does not fit in memory."""

from __future__ import annotations

import os
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dlrun.data.scalers import apply

if TYPE_CHECKING:
    import keras

__all__ = ["RowFile", "Stored", "part_of", "through"]

_GAP = 8192  # bytes: what is read in the time that another read takes to begin
_LONGEST = 2**24  # bytes of a single read
_SAMPLE = np.dtype(np.float32)


class RowFile:
    """A file of float32 rows, one after another, open for reading. It may be removed while it is open.

    It is read and not mapped: pages of a mapped file would count as memory of the process.
    """

    def __init__(self, path: Path, width: int) -> None:
        self.width = width
        self._file = os.open(path, os.O_RDONLY)
        self.rows = os.fstat(self._file).st_size // (_SAMPLE.itemsize * width)
        weakref.finalize(self, os.close, self._file)

    def read(self, rows: np.ndarray) -> np.ndarray:
        """The rows of these numbers, in their order: float32 of shape `(len(rows), width)`.

        Neighbours are read together, and what lies between them is thrown away.

        Raises:
            OSError: the file cannot be read, or has been cut short.
        """
        order = np.argsort(rows, kind="stable")
        wanted = rows[order]
        found = np.empty((len(rows), self.width), _SAMPLE)
        for first, behind in self._runs(wanted):
            begin = int(wanted[first])
            found[order[first:behind]] = self._span(begin, int(wanted[behind - 1]) + 1)[wanted[first:behind] - begin]
        return found

    def _runs(self, wanted: np.ndarray) -> Sequence[tuple[int, int]]:
        """Where in the sorted numbers each read begins, and behind which it ends."""
        if not len(wanted):
            return []
        size = _SAMPLE.itemsize * self.width
        is_far = np.diff(wanted) > max(1, _GAP // size)
        piece = wanted // max(1, _LONGEST // size)  # no read goes beyond the piece of the file that it begins in
        cuts = np.flatnonzero(is_far | (np.diff(piece) > 0)) + 1
        ends = [0, *cuts.tolist(), len(wanted)]
        return list(pairwise(ends))

    def _span(self, first: int, behind: int) -> np.ndarray:
        size = _SAMPLE.itemsize * self.width
        length, content = (behind - first) * size, b""
        while len(content) < length:
            more = os.pread(self._file, length - len(content), first * size + len(content))
            if not more:
                raise OSError(f"the samples end at byte {first * size + len(content)}: their file has been cut short")
            content = content + more if content else more
        return np.frombuffer(content, _SAMPLE).reshape(-1, self.width)


@dataclass(frozen=True, eq=False)
class Stored:
    """Samples in a file, looking like the array that they would be: `len`, `shape`, `dtype`, and rows by number.

    Attributes:
        file: where they are.
        rows: which of the file's rows they are, int64; None for all.
        layers: what they are led through as they are read: stock Keras layers that scale.
    """

    file: RowFile
    rows: np.ndarray | None = None
    layers: tuple[keras.Layer, ...] = ()

    dtype = _SAMPLE

    def __len__(self) -> int:
        return self.file.rows if self.rows is None else len(self.rows)

    @property
    def shape(self) -> tuple[int, int]:
        """Samples and columns."""
        return len(self), self.file.width

    @property
    def ndim(self) -> int:
        """Two: samples are rows of columns."""
        return 2

    def __getitem__(self, chosen: slice | np.ndarray) -> np.ndarray:
        """The samples of a slice or of these numbers, read and scaled: float32 of shape `(chosen, columns)`."""
        if isinstance(chosen, slice):
            chosen = np.arange(*chosen.indices(len(self)), dtype=np.int64)
        rows = np.asarray(chosen) if self.rows is None else self.rows[chosen]
        return apply(self.layers, self.file.read(rows)) if len(rows) else np.empty((0, self.file.width), _SAMPLE)


def part_of(x: np.ndarray | Stored, rows: np.ndarray) -> Any:
    """The samples of these numbers: an array of an array, and of what is stored a view that reads nothing yet."""
    if not isinstance(x, Stored):
        return x[rows]
    return replace(x, rows=rows if x.rows is None else x.rows[rows])


def through(layers: tuple[keras.Layer, ...], x: np.ndarray | Stored) -> Any:
    """The samples led through the layers: at once, or of what is stored as they are read."""
    return apply(layers, x) if isinstance(x, np.ndarray) else replace(x, layers=(*x.layers, *layers))
