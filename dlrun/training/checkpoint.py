"""The checkpoints of a run: two generations of a training's state, each whole or not there.

    checkpoint/00000007.state   numbers, arrays and texts: see `statefile`
    checkpoint/00000007.json    the manifest: the state's sha256 and size, where it stands, what it was made on

The state is written aside, forced to the disk and renamed, then its manifest, and only then is the oldest generation
removed: a kill at any instant leaves a good one, and so does a full disk.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dlrun.training import statefile
from dlrun.training.atomic import storage_errors, write_json
from dlrun.training.engine import Position

__all__ = ["Checkpoint", "Checkpoints"]

_GENERATIONS = 2
_STATE, _MANIFEST = ".state", ".json"
_ASIDE = ".writing"  # one name is enough: one process owns a run's directory at a time


@dataclass(frozen=True)
class Checkpoint:
    """A training's state at one position.

    Attributes:
        position: how far the training is.
        state: see `state.capture`.
        origin: what it was made on: see `machine.describe`.
        stopped: whether a callback has ended the training there, so that no epoch follows.
    """

    position: Position
    state: Mapping[str, Any]
    origin: Mapping[str, Any]
    stopped: bool = False


@dataclass
class Checkpoints:
    """The checkpoints in `folder`, which is made with the first one.

    Attributes:
        damaged: what `newest` found damaged, in words.
    """

    folder: Path
    damaged: list[str] = field(default_factory=list)
    _newest: Checkpoint | None = field(default=None, repr=False)

    def write(self, checkpoint: Checkpoint) -> None:
        """Write the next generation; the two newest good ones stay.

        Raises:
            StorageError: it cannot be written; the generations that were there are as they were.
            Unwritable: the state holds what is no plain value; likewise.
        """
        self._newest = None
        numbers = self._numbers()
        number = max(numbers, default=0) + 1
        state = self._path(number, _STATE)
        aside = self.folder / _ASIDE
        with storage_errors(self.folder):
            self.folder.mkdir(exist_ok=True)
            try:
                with aside.open("w+b") as file:
                    statefile.save(file, {"state": checkpoint.state, "stopped": checkpoint.stopped})
                    file.flush()
                    os.fsync(file.fileno())
                    file.seek(0)
                    digest = hashlib.file_digest(file, "sha256").hexdigest()
                    size = os.fstat(file.fileno()).st_size
                aside.replace(state)
                self._seal(number, checkpoint, {"sha256": digest, "bytes": size})
            except BaseException:  # a second Ctrl-C too: what is not whole must not count as a generation
                self._remove([number])
                with contextlib.suppress(OSError):
                    aside.unlink()
                raise
        self._remove(numbers[: len(numbers) + 1 - _GENERATIONS])

    def _seal(self, number: int, checkpoint: Checkpoint, facts: Mapping[str, Any]) -> None:
        position = {"epoch": checkpoint.position.epoch, "step": checkpoint.position.step}
        write_json(self._path(number, _MANIFEST), {**position, **facts, "origin": dict(checkpoint.origin)})
        _sync_folder(self.folder)

    def newest(self, owned: bool = True) -> Checkpoint | None:
        """The newest good checkpoint; None when there is none. It is read once, and damaged ones are told.

        Args:
            owned: whether the folder is the caller's: then damaged ones are removed.
        """
        for number in reversed(self._numbers() if self._newest is None else []):
            try:
                self._newest = self._read(number)
                break
            except (statefile.DamagedState, OSError) as error:
                self.damaged.append(f"checkpoint {number} is damaged ({error})")
                if owned:
                    self._remove([number])  # or it would count as one of the two generations
        return self._newest

    def forget(self) -> None:
        """Let go of what was read."""
        self._newest = None

    def manifest(self) -> Mapping[str, Any] | None:
        """What is said of the newest generation: `epoch`, `step`, `origin`; its state is not read. None without one."""
        for number in reversed(self._numbers()):
            with contextlib.suppress(statefile.DamagedState, OSError):
                return self._manifest(number)
        return None

    def keep_one(self) -> None:
        """Remove all generations but the newest: a finished training needs no second one."""
        self._remove(self._numbers()[:-1])

    def clear(self) -> None:
        """Remove all of them, and their folder.

        Raises:
            StorageError: the folder cannot be written.
        """
        self._newest = None
        with storage_errors(self.folder), contextlib.suppress(FileNotFoundError):
            shutil.rmtree(self.folder)

    def exist(self) -> bool:
        """Whether there is a generation, good or damaged."""
        return bool(self._numbers())

    def _read(self, number: int) -> Checkpoint:
        manifest = self._manifest(number)
        content = self._path(number, _STATE).read_bytes()
        if hashlib.sha256(content).hexdigest() != manifest["sha256"]:
            expected = f"{len(content)} of {manifest['bytes']} bytes" if len(content) != manifest["bytes"] else "sha256"
            raise statefile.DamagedState(f"its content is not what was written: {expected}")
        tree = statefile.load(content)
        position = Position(int(manifest["epoch"]), int(manifest["step"]))
        return Checkpoint(position, tree["state"], manifest["origin"], tree["stopped"])

    def _manifest(self, number: int) -> Mapping[str, Any]:
        path = self._path(number, _MANIFEST)
        try:
            manifest = json.loads(path.read_bytes())
            if isinstance(manifest, dict) and manifest.keys() >= {"epoch", "step", "sha256", "bytes", "origin"}:
                return manifest
        except (FileNotFoundError, ValueError):
            pass
        raise statefile.DamagedState(f"{path.name} is missing or cannot be read")

    def _numbers(self) -> list[int]:
        """The generations that have a manifest, oldest first; a state left without one is written over."""
        return sorted(self._found())

    def _found(self) -> Iterator[int]:
        if self.folder.is_dir():
            for path in self.folder.iterdir():
                if path.suffix == _MANIFEST and path.stem.isdigit():
                    yield int(path.stem)

    def _remove(self, numbers: list[int]) -> None:
        for number in numbers:
            for suffix in (_MANIFEST, _STATE):  # a state without its manifest is none
                with contextlib.suppress(OSError):
                    self._path(number, suffix).unlink()

    def _path(self, number: int, suffix: str) -> Path:
        return self.folder / f"{number:08d}{suffix}"


def _sync_folder(folder: Path) -> None:
    """Force the names of new files to the disk, so that a power cut does not undo the renames."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
