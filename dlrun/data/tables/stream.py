"""A CSV file that does not fit in memory: converted once, block by block, and read from its converted form."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

from dlrun.data.room import available_bytes
from dlrun.data.stored import RowFile, Stored
from dlrun.data.tables.inspect import Inspection
from dlrun.data.tables.kept import ABOUT, forget_others, recall
from dlrun.errors import DataError, Problem, StorageError

__all__ = ["Pieces", "bytes_of", "is_too_large", "joined", "stored"]

_COPIES = 5  # of the samples, at once: as parsed, as one array, scaled, split into parts, as tensors
_SAMPLES, _SIDES = "samples.float32", "sides.npz"
_BYTES, _ENDS = ".utf8", ".ends"  # of texts among the sides

Pieces = Iterable[tuple[np.ndarray, Mapping[str, np.ndarray]]]
"""Samples, and what goes with each of them: labels `y`, and `groups`, `times` where the table has them; of text columns
all `texts` at the end."""


def bytes_of(found: Inspection) -> int:
    """What samples and labels take, converted."""
    return found.samples * (4 * found.cells + 8)


def is_too_large(found: Inspection) -> bool:
    """Whether training in memory would take more than there is free at this moment."""
    available = available_bytes()
    return available is not None and _COPIES * bytes_of(found) > available


def stored(entry: Path, found: Inspection, pieces: Pieces) -> tuple[Stored, Mapping[str, np.ndarray]]:
    """Samples and labels from the entry of the cache, which is made if it is not there.

    Args:
        entry: its folder.
        found: what the file holds.
        pieces: its samples and labels, block after block; taken only where the entry is made.

    Returns:
        The samples, read as they are asked for, and what goes with them, in memory.

    Raises:
        DataError: the disk has no room for it, or `pieces` says what is wrong.
        StorageError: it cannot be written.
    """
    assert found.layout is not None  # a file without columns has a problem
    width = found.cells
    try:
        entry.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(entry.parent / ".lock"):
            if not _is_complete(entry, found.samples, width):
                _convert(entry, found, pieces)
            forget_others(entry)
            with np.load(entry / _SIDES, allow_pickle=False) as sides:
                return Stored(RowFile(entry / _SAMPLES, width)), _unpacked(sides)
    except OSError as error:
        reason = error.strerror or str(error)
        raise StorageError(f"{error.filename or entry} cannot be written: {reason}.") from error


def joined(sides: Sequence[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """What goes with the samples of all blocks, in one."""
    return {name: np.concatenate([each[name] for each in sides]) for name in sides[0]}


def _packed(sides: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """With texts as their bytes, one behind the other, and where each ends: none takes as much as the longest."""
    found: dict[str, np.ndarray] = {}
    for name, values in sides.items():
        if values.dtype != object:
            found[name] = values
            continue
        spelled = [text.encode() for text in values.tolist()]
        found[name + _BYTES] = np.frombuffer(b"".join(spelled), np.uint8)
        found[name + _ENDS] = np.cumsum([len(each) for each in spelled], dtype=np.int64)
    return found


def _unpacked(kept: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    found = {name: kept[name] for name in kept if not name.endswith((_BYTES, _ENDS))}
    for name in (each.removesuffix(_ENDS) for each in kept if each.endswith(_ENDS)):
        content, ends = kept[name + _BYTES].tobytes(), kept[name + _ENDS].tolist()
        begins = [0, *ends[:-1]]
        found[name] = np.array([content[a:b].decode() for a, b in zip(begins, ends, strict=True)], dtype=object)
    return found


def _is_complete(entry: Path, samples: int, width: int) -> bool:
    if recall(entry) is None:
        return False
    content, sides = entry / _SAMPLES, entry / _SIDES
    return sides.is_file() and content.is_file() and content.stat().st_size == samples * width * 4


def _convert(entry: Path, found: Inspection, pieces: Pieces) -> None:
    """Write the entry aside, force it to the disk, then rename it."""
    _require_room(entry.parent, found)
    aside = entry.with_name(f"{entry.name}.partial")  # ours alone: the cache is locked
    for left in (aside, entry):
        shutil.rmtree(left, ignore_errors=True)
    aside.mkdir()
    try:
        sides: list[Mapping[str, np.ndarray]] = []
        with (aside / _SAMPLES).open("wb") as file:
            for x, beside in pieces:
                file.write(np.ascontiguousarray(x, dtype=np.float32).data)
                sides.append(beside)
            _force(file)
        with (aside / _SIDES).open("wb") as file:
            np.savez(file, allow_pickle=False, **_packed(joined(sides)))
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
