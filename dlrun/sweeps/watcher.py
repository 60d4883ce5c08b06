"""Follow a sweep from its run directories, whatever launcher runs the trials and wherever."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from dlrun.errors import StorageError
from dlrun.sweeps.record import Ledger, Sweep
from dlrun.training.result import Result
from dlrun.training.rundir import RunDirectory

__all__ = ["Observer", "Watcher"]

_SECONDS_BETWEEN_LOOKS = 0.25


class Observer(Protocol):
    """Told how a sweep goes, from another thread than the one that trains."""

    def began(self, sweep: Sweep, finished: Sequence[Result]) -> None:
        """The sweep begins; `finished` were done before."""

    def running(self, run: str) -> None:
        """A run has begun."""

    def ended(self, result: Result) -> None:
        """A run has ended."""


class Watcher:
    """Looks at run directories a few times a second; tells the ledger and an observer what changed."""

    def __init__(self, sweep: Sweep, runs: Path, ledger: Ledger, observer: Observer | None) -> None:
        self._sweep = sweep
        self._directories = {run: RunDirectory(runs / run) for trial in sweep.trials for run in trial.runs}
        self._ledger = ledger
        self._observer = observer
        self._open = dict(self._directories)
        self._running: set[str] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="sweep-watcher", daemon=True)

    def __enter__(self) -> Watcher:
        done = []
        for run, directory in self._directories.items():
            result = directory.result()
            if result is not None and result.is_final:
                self._ledger.record(run, result.status)
                self._open.pop(run)
                done.append(result)
            else:
                self._ledger.record(run, "queued")
        if self._observer is not None:
            self._observer.began(self._sweep, done)
        # results of earlier attempts that are to be repeated are no news
        self._stale = {run: result for run, d in self._open.items() if (result := d.result()) is not None}
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._look()

    def _follow(self) -> None:
        while not self._stop.wait(_SECONDS_BETWEEN_LOOKS):
            with contextlib.suppress(StorageError):  # the next look tries again, and the last one tells
                self._look()

    def _look(self) -> None:
        for run, directory in list(self._open.items()):
            result = directory.result()
            if result is not None and result != self._stale.get(run):
                log = str(directory.path / "log.txt") if result.status == "failed" else None
                self._ledger.record(run, result.status, cause=result.cause, attempt=result.attempt, log=log)
                self._open.pop(run)
                if self._observer is not None:
                    self._observer.ended(result)
            elif run not in self._running and directory.is_owned():
                self._ledger.record(run, "running")
                self._running.add(run)
                if self._observer is not None:
                    self._observer.running(run)
