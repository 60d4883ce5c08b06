"""Samples in NumPy's files, to predict on."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlrun.data.room import available_bytes
from dlrun.errors import DataError, Problem
from dlrun.workflows.new_data.rows import Rows, Samples

if TYPE_CHECKING:
    import numpy as np

__all__ = ["ArrayFile", "array_of"]

_ARRAY = "x"  # the name of the samples in a .npz that holds several arrays


@dataclass(frozen=True)
class ArrayFile:
    """An array of samples, numbers of any real type.

    Attributes:
        names: what its columns are, of the rows of a table; None of other samples.
    """

    file: str
    names: tuple[str, ...] | None
    values: np.ndarray

    def batches(self, columns: Sequence[str], most: int) -> Iterator[Rows | Samples]:
        """See `Source`."""
        import numpy as np

        for begin in range(0, len(self.values), most):
            part = np.asarray(self.values[begin : begin + most], dtype=np.float64)
            if self.names is None:
                yield Samples(begin + 1, part)
            else:
                cells: dict[str, Any] = {name: part[:, self.names.index(name)] for name in columns}
                yield Rows(begin + 1, range(begin + 1, begin + 1 + len(part)), cells)


def array_of(path: Path, file: str, shape: Sequence[int | None], columns: Sequence[str]) -> ArrayFile:
    """The samples in a `.npy` or `.npz` file; nothing of it is unpickled.

    Args:
        shape: of a sample of the model; None where any size will do.
        columns: of a table that the model takes; () of other samples.

    Raises:
        DataError: it holds no such samples.
    """
    values = _loaded(path, file)
    expected = (len(columns),) if columns else tuple(shape)
    fits = values.ndim == len(expected) + 1 and all(
        size is None or size == found for size, found in zip(expected, values.shape[1:], strict=True)
    )
    if not fits:
        sizes = ", ".join("any" if size is None else str(size) for size in expected)
        got = f"an array of shape {values.shape}"
        raise DataError([Problem("FILE", f"must hold samples of shape ({sizes}), as in training", got, place=file)])
    if not len(values):
        raise DataError([Problem("FILE", "must hold samples", got="none", place=file)])
    return ArrayFile(file, tuple(columns) or None, values)


def _loaded(path: Path, file: str) -> np.ndarray:
    import numpy as np

    try:
        if zipfile.is_zipfile(path):
            values = _of_archive(path, file)
        else:
            values = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError, KeyError, OSError, zipfile.BadZipFile) as error:
        reason = str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__
        if "pickle" in reason:
            reason = "an array of Python objects, or no array"
        mend = "Write it with numpy.save, or numpy.savez(FILE, x=...)."
        raise DataError([Problem("FILE", "must be a file of NumPy's", got=reason, mend=mend, place=file)]) from error
    if values.dtype.kind not in "fiub":
        got, rule = f"an array of {values.dtype}", "must hold real numbers"
        raise DataError([Problem("FILE", rule, got=got, place=file)])
    return values


def _of_archive(path: Path, file: str) -> np.ndarray:
    import numpy as np

    with zipfile.ZipFile(path) as archive:
        sizes = {member.filename.removesuffix(".npy"): member.file_size for member in archive.infolist()}
    name = _ARRAY if _ARRAY in sizes or len(sizes) != 1 else next(iter(sizes))
    if name not in sizes:
        got = f"the arrays {', '.join(sorted(sizes)[:8]) or 'none'}"
        raise DataError([Problem("FILE", f"must hold the samples as '{_ARRAY}'", got=got, place=file)])
    free = available_bytes()
    if free is not None and sizes[name] > free:
        got = f"{sizes[name]:,} bytes, unpacked"
        mend = "Save it with numpy.save, which is read piece by piece."
        raise DataError([Problem("FILE", "must fit into memory", got=got, mend=mend, place=file)])
    with np.load(path, allow_pickle=False) as arrays:
        values: np.ndarray = arrays[name]
        return values
