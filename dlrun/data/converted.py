"""Samples that were converted once, into a folder of the cache, and are read from there: `samples`, `sides.npy`, and
`about.json`, which the folder is complete with.

A folder is named by the content of the files that it was made from and by how they are read, so what is edited has
another; all of it may be removed at any time.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

from dlrun.data.room import available_bytes
from dlrun.data.stored import RowFile, Stored
from dlrun.data.tables.kept import ABOUT, forget_others, recall
from dlrun.errors import DataError, Problem, StorageError

__all__ = ["Form", "Opened", "Pieces", "convert", "entry_name", "is_too_large", "opened"]

_COPIES = 5  # of the samples as float32, at once: as one array, scaled, split into parts, as tensors
_FORMAT = 1  # raise it when what is written changes
_NAME_LENGTH = 32  # hex characters
_SAMPLES, _SIDES = "samples", "sides.npy"

Pieces = Iterable[tuple[np.ndarray, np.ndarray]]
"""Samples and what goes with each, block after block."""


@dataclass(frozen=True)
class Form:
    """What the converted samples are.

    Attributes:
        samples: how many there will be, at most.
        shape: of each.
        dtype: as they lie in the file.
    """

    samples: int
    shape: tuple[int, ...]
    dtype: str = "uint8"

    @property
    def bytes_a_sample(self) -> int:
        """In the file."""
        return np.dtype(self.dtype).itemsize * math.prod(self.shape)


def entry_name(kind: str, digest: str, settings: Mapping[str, Any]) -> str:
    """The name of the folder for files of this content that are read in this way."""
    identity = [_FORMAT, kind, digest, dict(settings)]
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:_NAME_LENGTH]


def is_too_large(form: Form) -> bool:
    """Whether training in memory would take more than there is free at this moment."""
    available = available_bytes()
    return available is not None and _COPIES * 4 * form.samples * math.prod(form.shape) > available


@dataclass(frozen=True)
class Opened:
    """Converted samples, open for reading.

    Attributes:
        sides: what goes with each sample, shape (n, ...).
        about: what is known of them; `samples`, `shape` and `dtype` among it.
    """

    samples: Stored
    sides: np.ndarray
    about: Mapping[str, Any]

    @property
    def form(self) -> Form:
        """What the samples are."""
        return _form_of(self.about)

    def here_or_there(self, stream: bool | str) -> np.ndarray | Stored:
        """The samples in memory, or where they are: as `stream` says it, `auto` being by the memory that is free."""
        is_left = is_too_large(self.form) if stream == "auto" else bool(stream)
        return self.samples if is_left else self.samples[:]


def opened(entry: Path) -> Opened | None:
    """What the entry of the cache holds, marked as used; None where it is none, or is damaged."""
    about = recall(entry)
    try:
        form = _form_of(about or {})
        samples = RowFile(entry / _SAMPLES, form.shape, form.dtype)
        sides = np.load(entry / _SIDES, allow_pickle=False)
        if about is None or not samples.rows == len(sides) == form.samples:
            return None
        forget_others(entry)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return Opened(Stored(samples), sides, about)


def convert(entry: Path, form: Form, pieces: Pieces, about: Callable[[], Mapping[str, Any]]) -> Opened:
    """Make an entry of the cache, unless another process has made it in the meantime.

    Args:
        entry: its folder.
        about: what is known of the samples; asked when all pieces were taken.

    Raises:
        DataError: the disk has no room for it, or `pieces` says what is wrong.
        StorageError: it cannot be written.
    """
    try:
        entry.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(entry.parent / ".lock"):
            if (found := opened(entry)) is None:
                _write(entry, form, pieces, about)
                found = opened(entry)
    except OSError as error:
        reason = error.strerror or str(error)
        raise StorageError(f"{error.filename or entry} cannot be written: {reason}.") from error
    if found is None:
        raise StorageError(f"{entry} cannot be read: it has just been written, and is gone or damaged.")
    return found


def _form_of(about: Mapping[str, Any]) -> Form:
    return Form(about["samples"], tuple(about["shape"]), about["dtype"])


def _write(entry: Path, form: Form, pieces: Pieces, about: Callable[[], Mapping[str, Any]]) -> None:
    """Write the entry aside, force it to the disk, then rename it."""
    _require_room(entry.parent, form)
    aside = entry.with_name(f"{entry.name}.partial")  # ours alone: the cache is locked
    for left in (aside, entry):
        shutil.rmtree(left, ignore_errors=True)
    aside.mkdir()
    try:
        sides = []
        with (aside / _SAMPLES).open("wb") as file:
            for x, y in pieces:
                file.write(np.ascontiguousarray(x, dtype=form.dtype).data)
                sides.append(y)
            _force(file)
        with (aside / _SIDES).open("wb") as file:
            together = np.concatenate(sides)
            np.save(file, together, allow_pickle=False)
            _force(file)
        known = {**about(), "samples": len(together), "shape": form.shape, "dtype": form.dtype}
        with (aside / ABOUT).open("w", encoding="utf-8") as text:
            json.dump(known, text)
            _force(text)
        aside.replace(entry)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise


def _force(file: Any) -> None:
    file.flush()
    os.fsync(file.fileno())


def _require_room(folder: Path, form: Form) -> None:
    needed, free = form.samples * form.bytes_a_sample, shutil.disk_usage(folder).free
    if needed > free:
        rule = f"must have room on the disk to convert the files: {needed / 1e9:.1f} GB in {folder}"
        mend = "Free some space, run dlrun in a directory on another disk, or choose a smaller data.size."
        raise DataError([Problem("data.path", rule, got=f"{free / 1e9:.1f} GB free", mend=mend)])
