"""Follow a sweep, whatever launcher runs the trials and wherever: what is told, and what run directories say."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from dlrun.errors import StorageError
from dlrun.sweeps.ledger import Ledger
from dlrun.sweeps.observer import Observer, while_read
from dlrun.sweeps.record import Sweep
from dlrun.sweeps.tail import Tail
from dlrun.training.causes import cause
from dlrun.training.result import Result
from dlrun.training.rundir import RunDirectory

__all__ = ["Watcher"]

_SECONDS_BETWEEN_LOOKS = 0.25
_ENDED_EARLY = cause("crash", "its process ended early")

_Change = tuple[str, str, dict[str, Any]]


@dataclass
class _Followed:
    """A run that is not done.

    Attributes:
        tail: of its journal.
        stale: what an earlier attempt came to, which is no news.
        attempt: the one that is being trained, or was last.
    """

    directory: RunDirectory
    tail: Tail
    stale: Result | None = None
    attempt: int = 0


class Watcher:
    """Tells the ledger and an observer what becomes of the runs of a sweep.

    A launcher of dlrun's own tells it. With any other one it looks at the run directories a few times a second. Its
    methods may be called from any thread; a full disk ends nothing before the sweep has ended.

    Args:
        runs: the folder of run directories.
        adopt: called with the directory of a run that was added.

    Attributes:
        is_told: whether the launcher tells of every beginning and end: then only journals are followed.
    """

    def __init__(
        self,
        sweep: Sweep,
        runs: Path,
        ledger: Ledger,
        observer: Observer,
        adopt: Callable[[Path], object] | None = None,
    ) -> None:
        self.is_told = False
        self._adopt = adopt
        self._sweep = sweep
        self._runs = runs
        self._ledger = ledger
        self._observer = while_read(observer)
        self._open: dict[str, _Followed] = {}
        self._running: set[str] = set()
        self._lock = threading.RLock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="sweep-watcher", daemon=True)

    def __enter__(self) -> Watcher:
        done, changes = [], []
        for run in (run for trial in self._sweep.trials for run in trial.runs):
            directory = RunDirectory(self._runs / run)
            result = directory.result()
            if result is not None and result.is_final:
                done.append(result)
                changes.append((run, result.status, self._told(result)))
            else:
                self._open[run] = _Followed(directory, Tail(run, directory.journal), result)
                changes += [*self._corrected(run), (run, "queued", {})]
        self._ledger.record_all(changes)
        self._observer.began(self._sweep, done)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        with self._lock:
            self._look()
            self._settle()
        with contextlib.ExitStack() as stack:
            if error is not None:  # which says more than a disk that is full
                stack.enter_context(contextlib.suppress(StorageError))
            self._ledger.close()

    def say(self, text: str) -> None:
        """Tell the user a sentence."""
        with self._lock:
            self._observer.said(text)

    def begun(self, run: str, attempt: int) -> None:
        """A worker has begun a run."""
        with self._lock:
            if run in self._open:
                self._begin(run, attempt)

    def look_at(self, run: str) -> None:
        """A run may have a result now."""
        with self._lock:
            if run in self._open:
                self._end(run)

    def lost(self, run: str, cause: Mapping[str, Any], attempt: int, again: bool) -> None:
        """An attempt has ended without a result; with `again` the run waits to be begun once more."""
        with self._lock:
            if run not in self._open or (not again and self._end(run)):  # somebody has written its end already
                return
            self._running.discard(run)
            followed = self._open[run] if again else self._open.pop(run)
            log = self._log_of(followed.directory)
            self._record(run, "queued" if again else "failed", cause=dict(cause), attempt=attempt, log=log)
            self._observer.lost(run, cause, attempt, again)

    def added(self, run: str, of: str, name: str) -> None:
        """A run was added beside the run `of` of this sweep."""
        with self._lock:
            directory = RunDirectory(self._runs / run)
            if self._adopt is not None:
                self._adopt(directory.path)
            self._observer.added(run, of, name)
            result = directory.result()
            if result is not None and result.is_final:  # an earlier command has added it too
                self._record(run, result.status, of=of, name=name, **self._told(result))
                self._observer.ended(result)
            else:
                self._open[run] = _Followed(directory, Tail(run, directory.journal), result)
                self._record(run, "queued", of=of, name=name)

    def _follow(self) -> None:
        while not self._stop.wait(_SECONDS_BETWEEN_LOOKS):
            with self._lock:
                if not self.is_told:
                    self._look()
                if self._observer.wants_epochs:
                    for run in self._running:
                        self._open[run].tail.tell(self._observer)

    def _look(self) -> None:
        """See what has begun and what has ended; of ten thousand runs most have no directory yet, or are done."""
        for run in self._present():
            if not self._end(run) and run not in self._running and self._open[run].directory.is_owned():
                self._begin(run, self._open[run].attempt + 1)

    def _present(self) -> set[str]:
        """The runs that are not done and have a directory."""
        try:
            return self._open.keys() & {path.name for path in self._runs.iterdir()}
        except FileNotFoundError:
            return set()

    def _begin(self, run: str, attempt: int) -> None:
        followed = self._open[run]
        followed.attempt, followed.tail = attempt, Tail(run, followed.directory.journal)
        self._running.add(run)
        self._record(run, "running", attempt=attempt)
        self._observer.running(run, attempt)

    def _end(self, run: str) -> bool:
        """Tell the result of a run, and whether there is one that is news."""
        followed = self._open[run]
        result = followed.directory.result()
        if result is None or result == followed.stale:
            return False
        self._open.pop(run)
        self._running.discard(run)
        if (followed.directory.path / "log.txt").exists():  # where warnings stand: few runs have any
            followed.tail.tell(self._observer)
        self._record(run, result.status, **self._told(result))
        self._observer.ended(result)
        return True

    def _settle(self) -> None:
        """Say of what has no new result how it was left, now that nobody is at work any more."""
        for run in self._present():
            followed, status = self._open[run], self._open[run].directory.status()
            if status in ("running", "queued"):  # it is another command's, or was not begun
                continue
            told = {"cause": _ENDED_EARLY} if followed.stale is None else self._told(followed.stale)
            self._record(run, status, **{"attempt": followed.attempt, **told})
            if run in self._running:
                self._observer.left(run, _ENDED_EARLY, followed.attempt)

    def _corrected(self, run: str) -> Iterator[_Change]:
        """What became of a run that the ledger calls running since a command was killed."""
        account, followed = self._ledger.account(run), self._open[run]
        if account is None:
            return
        followed.attempt = account.attempt
        if account.status != "running" or followed.directory.is_owned():
            return
        told = {"cause": _ENDED_EARLY} if followed.stale is None else self._told(followed.stale)
        yield run, followed.directory.status(), {"attempt": account.attempt, **told}

    def _told(self, result: Result) -> dict[str, Any]:
        """What the ledger says of a result."""
        log = None if result.status == "finished" else self._log_of(RunDirectory(self._runs / result.id))
        return {"attempt": result.attempt, "cause": result.cause, "log": log}

    def _log_of(self, directory: RunDirectory) -> str | None:
        path = directory.path / "log.txt"
        return path.relative_to(self._runs.parent).as_posix() if path.exists() else None

    def _record(self, run: str, status: str, **fields: Any) -> None:
        with contextlib.suppress(StorageError):  # it is written with the next entry, or told at the end
            self._ledger.record(run, status, **fields)
