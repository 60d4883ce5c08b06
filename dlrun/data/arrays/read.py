"""Load arrays that have been looked at: samples in memory, or block by block into a file where they do not fit."""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from dlrun.config.digest import content_digest
from dlrun.data.arrays.headers import Faulty, Header, npy_array, npz_array
from dlrun.data.arrays.inspect import Arrays, look_at_npy, look_at_npz
from dlrun.data.arrays.labels import numbered
from dlrun.data.converted import Form, convert, entry_name, is_too_large, opened
from dlrun.data.dataset import Content
from dlrun.data.stored import Stored
from dlrun.errors import DataError, Problem

__all__ = ["read_npy", "read_npz"]

_BLOCK = 2**24  # bytes that are read together

Open = Callable[[int], AbstractContextManager[Any]]
"""Opens the numbers of a pair's samples, by its place, behind their header."""


def read_npz(path: str, x: str, y: str, task: str, stream: bool | str, cache: str) -> Content:
    """The samples and labels in a .npz file.

    Args:
        path: the file.
        x, y, task: as conf/data/npz.yaml has them.
        stream: whether samples stay on the disk, converted; `auto` where memory is too small for them.
        cache: the folder for that.

    Raises:
        DataError: the file cannot be used: all its problems.
        StorageError: the converted form cannot be written.
    """
    file = Path(path)
    found = look_at_npz(file, x, y, task)
    _require(found)

    def open_(place: int) -> AbstractContextManager[Any]:
        return zipfile.ZipFile(file).open(f"{found.pairs[place].x}.npy")

    labels = np.concatenate([_whole(npz_array, file, pair.y) for pair in found.pairs])
    samples: Any
    if _is_left(found, stream):
        samples = _streamed(found, open_, content_digest(file), Path(cache), str(file))
    else:
        arrays = [_whole(npz_array, file, pair.x) for pair in found.pairs]
        samples = np.concatenate(arrays) if len(arrays) > 1 else arrays[0]
    return _content(found, samples, labels)


def read_npy(path: str, labels: str, task: str, stream: bool | str, cache: str) -> Content:
    """The samples in one .npy file and the labels in another; arguments as in `read_npz`."""
    file, beside = Path(path), Path(labels)
    found = look_at_npy(file, beside, task)
    _require(found)

    def open_(_place: int) -> AbstractContextManager[Any]:
        return file.open("rb")

    samples: Any
    if _is_left(found, stream):
        samples = _streamed(found, open_, content_digest(file), Path(cache), str(file))
    else:
        samples = _whole(lambda each, _: npy_array(each), file, "")
    return _content(found, samples, _whole(lambda each, _: npy_array(each), beside, ""))


def _content(found: Arrays, samples: Any, labels: np.ndarray) -> Content:
    parts = [np.full(pair.header.shape[0], pair.part) for pair in found.pairs if pair.part is not None]
    features = tuple(f"x{place}" for place in range(1, found.shape[0] + 1)) if len(found.shape) == 1 else ()
    y = numbered(labels, found.labels)
    return Content(samples, y, found.labels.classes, features, parts=np.concatenate(parts) if parts else None)


def _require(found: Arrays) -> None:
    if found.problems:
        raise DataError(found.problems)


def _whole(read: Callable[[Path, str], Any], file: Path, name: str) -> np.ndarray:
    try:
        array: np.ndarray = read(file, name)
    except Faulty as fault:
        raise DataError([Problem("data.path", fault.rule, fault.got, fault.mend, str(file))]) from fault
    return array


def _form(found: Arrays) -> Form:
    types = {pair.header.dtype.newbyteorder("=") for pair in found.pairs}
    return Form(found.samples, found.shape, "uint8" if types == {np.dtype(np.uint8)} else "float32")


def _is_left(found: Arrays, stream: bool | str) -> bool:
    return is_too_large(_form(found)) if stream == "auto" else bool(stream)


def _streamed(found: Arrays, open_: Open, digest: str, cache: Path, file: str) -> Stored:
    """The samples in their converted form, which is made if it is not there."""
    if any(pair.header.fortran and len(pair.header.shape) > 1 for pair in found.pairs):
        rule, mend = "must have each sample in one piece to be streamed", "Save numpy.ascontiguousarray(x)."
        raise DataError([Problem("data.path", rule, "samples in Fortran order", mend, file)])
    names = hashlib.sha256("/".join(pair.x for pair in found.pairs).encode()).hexdigest()
    entry = cache / entry_name("arrays", digest, {"names": names})
    try:
        return (opened(entry) or convert(entry, _form(found), _pieces(found, open_, file), dict)).samples
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise DataError([Problem("data.path", "must be a whole file", str(error), "Save it again.", file)]) from error


def _pieces(found: Arrays, open_: Open, file: str) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    row = 1
    for place, pair in enumerate(found.pairs):
        with open_(place) as stream:
            stream.read(pair.header.offset)
            for block in _blocks(stream, pair.header):
                if not np.isfinite(block).all() and (np.isinf(block).any() or block.ndim == 4):
                    rule = "must hold finite numbers, below 3.4e38 in size"
                    got = f"another value in samples {row} to {row + len(block) - 1}"
                    raise DataError([Problem("data.path", rule, got, place=file)])
                row += len(block)
                yield block, np.zeros(len(block), np.int8)


def _blocks(stream: BinaryIO, header: Header) -> Iterator[np.ndarray]:
    """The samples that follow in the stream, some at a time: float32."""
    a_sample = max(1, header.nbytes // header.shape[0])
    at_once, left = max(1, _BLOCK // a_sample), header.shape[0]
    while left:
        rows = min(at_once, left)
        content = stream.read(rows * a_sample)
        with np.errstate(over="ignore"):
            yield np.frombuffer(content, header.dtype).reshape(rows, *header.shape[1:]).astype(np.float32)
        left -= rows
