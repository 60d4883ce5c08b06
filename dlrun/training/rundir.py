"""A run's directory: who owns it, what lies in it, and what state the run is truly in."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from filelock import FileLock, Timeout

from dlrun.training import environment
from dlrun.training.atomic import storage_errors, write_json, write_text
from dlrun.training.checkpoint import Checkpoints
from dlrun.training.result import Result

__all__ = ["RunDirectory"]

_OF_AN_ATTEMPT = ("result.json", "stop", "model.keras", "signature.json", "schema.json", "weights.npz", "split.npz")
_OF_A_TRAINING = "best.weights.h5"


class _Spec(Protocol):
    def to_json(self) -> str: ...


@dataclass(frozen=True)
class RunDirectory:
    """The directory `path` of one run. Making the object creates nothing."""

    path: Path

    @property
    def journal(self) -> Path:
        """The event file."""
        return self.path / "journal.jsonl"

    @property
    def model(self) -> Path:
        """The saved model, if it was kept."""
        return self.path / "model.keras"

    @property
    def weights(self) -> Path:
        """The weights of its core, of a run whose model was not kept."""
        return self.path / "weights.npz"

    @property
    def split(self) -> Path:
        """Which rows trained, validated and tested."""
        return self.path / "split.npz"

    @property
    def stop(self) -> Path:
        """A file that, when somebody makes it, ends the run after the epoch it is in."""
        return self.path / "stop"

    @cached_property
    def checkpoints(self) -> Checkpoints:
        """The training's state, as it was written last."""
        return Checkpoints(self.path / "checkpoint")

    @contextlib.contextmanager
    def owned(self) -> Iterator[RunDirectory]:
        """Own the directory while inside; waits while another process does.

        The operating system holds the lock: it is free the instant its owner ends, however that ends.

        Raises:
            StorageError: the directory cannot be made or written.
        """
        lock = self._lock
        with storage_errors(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        try:
            yield self
        finally:
            lock.release()

    def is_owned(self) -> bool:
        """Whether a live process owns the directory."""
        if not Path(self._lock.lock_file).exists():  # asking must not create it
            return False
        try:
            with self._lock.acquire(timeout=0):
                return False
        except Timeout:
            return True
        except OSError:  # a directory of somebody else's, where nothing of ours can be at work
            return False

    def status(self) -> str:
        """`queued running finished diverged failed pruned interrupted`, true at this moment."""
        result = self.result()
        if result is not None and result.is_final:
            return result.status
        if self.is_owned():
            return "running"
        if result is not None:
            return result.status
        return "interrupted" if self.journal.exists() else "queued"

    def begin(self, spec: _Spec, description: Mapping[str, Any]) -> int:
        """Write down what is to be done, and clear away what an earlier attempt left, the journal excepted.

        What a training goes on from stays: its checkpoint, and the best weights so far.

        Args:
            spec: written to spec.json.
            description: written to environment.json.

        Returns:
            The number of this attempt, from 1.

        Raises:
            StorageError: the directory cannot be written.
        """
        with storage_errors(self.path):
            for name in _OF_AN_ATTEMPT:
                (self.path / name).unlink(missing_ok=True)
            if self.checkpoints.newest() is None:
                self.checkpoints.clear()
                (self.path / _OF_A_TRAINING).unlink(missing_ok=True)
        write_text(self.path / "spec.json", spec.to_json())
        environment.write(self.path, description)
        starts = [event for event in self._events() if event.get("event") == "start"]
        return len(starts) + 1

    def finish(self, result: Result) -> Result:
        """Write result.json, which ends the run; returns the result with its directory.

        Raises:
            StorageError: the directory cannot be written.
        """
        write_json(self.path / "result.json", result.to_json())
        return dataclasses.replace(result, path=self.path)

    def result(self) -> Result | None:
        """What became of the run; None while there is no result, or none that can be read."""
        try:
            content = json.loads((self.path / "result.json").read_text(encoding="utf-8"))
            return Result.from_json(content, self.path)
        except (OSError, ValueError, AttributeError):
            return None

    def log(self, text: str) -> None:
        """Append to log.txt.

        Raises:
            StorageError: it cannot be written.
        """
        file = self.path / "log.txt"
        with storage_errors(file), file.open("a", encoding="utf-8") as log:
            log.write(text.rstrip("\n") + "\n")

    @property
    def _lock(self) -> FileLock:
        return FileLock(self.path / ".lock")

    def _events(self) -> Iterator[Mapping[str, Any]]:
        """The journal's records as far as they can be read; their checksums are the journal's own business."""
        if not self.journal.exists():
            return
        for line in self.journal.read_bytes().splitlines():
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if isinstance(event, Mapping):
                yield event
