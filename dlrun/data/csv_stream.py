"""A CSV file that does not fit in memory: converted once, block by block, and read from its converted form."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

from dlrun.data.csv_inspect import Inspection
from dlrun.data.csv_kept import ABOUT, forget_others, recall
from dlrun.data.room import available_bytes
from dlrun.data.stored import RowFile, Stored
from dlrun.errors import DataError, Problem, StorageError

__all__ = ["Pieces", "bytes_of", "is_too_large", "stored"]

_COPIES = 5  # of the samples, at once: as parsed, as one array, scaled, split into parts, as tensors
_SAMPLES, _LABELS = "samples.float32", "labels.npy"

Pieces = Iterable[tuple[np.ndarray, np.ndarray]]


def bytes_of(found: Inspection) -> int:
    """What samples and labels take, converted."""
    features = 0 if found.layout is None else len(found.layout.features)
    return found.samples * (4 * features + 8)


def is_too_large(found: Inspection) -> bool:
    """Whether training in memory would take more than there is free at this moment."""
    available = available_bytes()
    return available is not None and _COPIES * bytes_of(found) > available


def stored(entry: Path, found: Inspection, pieces: Pieces) -> tuple[Stored, np.ndarray]:
    """Samples and labels from the entry of the cache, which is made if it is not there.

    Args:
        entry: its folder.
        found: what the file holds.
        pieces: its samples and labels, block after block; taken only where the entry is made.

    Returns:
        The samples, read as they are asked for, and the labels, in memory.

    Raises:
        DataError: the disk has no room for it, or `pieces` says what is wrong.
        StorageError: it cannot be written.
    """
    assert found.layout is not None  # a file without columns has a problem
    width = len(found.layout.features)
    try:
        entry.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(entry.parent / ".lock"):
            if not _is_complete(entry, found.samples, width):
                _convert(entry, found, pieces)
            forget_others(entry)
            return Stored(RowFile(entry / _SAMPLES, width)), np.load(entry / _LABELS)
    except OSError as error:
        reason = error.strerror or str(error)
        raise StorageError(f"{error.filename or entry} cannot be written: {reason}.") from error


def _is_complete(entry: Path, samples: int, width: int) -> bool:
    if recall(entry) is None:
        return False
    content, labels = entry / _SAMPLES, entry / _LABELS
    return labels.is_file() and content.is_file() and content.stat().st_size == samples * width * 4


def _convert(entry: Path, found: Inspection, pieces: Pieces) -> None:
    """Write the entry aside, force it to the disk, then rename it."""
    _require_room(entry.parent, found)
    aside = entry.with_name(f"{entry.name}.partial")  # ours alone: the cache is locked
    for left in (aside, entry):
        shutil.rmtree(left, ignore_errors=True)
    aside.mkdir()
    try:
        labels = []
        with (aside / _SAMPLES).open("wb") as file:
            for x, y in pieces:
                file.write(np.ascontiguousarray(x, dtype=np.float32).data)
                labels.append(y)
            _force(file)
        with (aside / _LABELS).open("wb") as file:
            np.save(file, np.concatenate(labels))
            _force(file)
        with (aside / ABOUT).open("w", encoding="utf-8") as text:
            json.dump(found.to_json(), text)
            _force(text)
        aside.replace(entry)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise


def _force(file: Any) -> None:
    file.flush()
    os.fsync(file.fileno())


def _require_room(folder: Path, found: Inspection) -> None:
    needed, free = bytes_of(found), shutil.disk_usage(folder).free
    if needed > free:
        rule = f"must have room on the disk to convert the file: {needed / 1e9:.1f} GB in {folder}"
        mend = "Free some space, or run dlrun in a directory on another disk."
        raise DataError([Problem("data.stream", rule, got=f"{free / 1e9:.1f} GB free", mend=mend)])
