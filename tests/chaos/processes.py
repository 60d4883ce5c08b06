"""The processes of a sweep's command, and their deaths."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psutil

from dlrun.tracking.journal import last_attempt, read

__all__ = ["Command", "wait_until"]

_MARK = "DLRUN_TEST_MARK"  # a variable of the command's environment, which every process of it inherits


class Command:
    """One start of `dlrun WORDS` in `work`, in a session of its own."""

    def __init__(self, work: Path, words: Sequence[str]) -> None:
        self.work = work
        self._mark = secrets.token_hex(8)
        self._output = (work / "output.txt").open("w+")
        self.parent = subprocess.Popen(
            [sys.executable, "-m", "dlrun", *words],
            cwd=work,
            env=os.environ | {_MARK: self._mark},
            stdout=self._output,  # no pipe: what outlives the parent would hold it open
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def __enter__(self) -> Command:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.alive():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self.parent.wait()
        self._output.close()

    def alive(self) -> list[psutil.Process]:
        """All processes that the command has started and that are left, itself among them."""
        return [process for process in psutil.process_iter() if self._is_of_it(process)]

    def _is_of_it(self, process: psutil.Process) -> bool:
        with contextlib.suppress(psutil.Error):
            return process.status() != psutil.STATUS_ZOMBIE and process.environ().get(_MARK) == self._mark
        return False

    def writer(self) -> psutil.Process | None:
        """The process that records runs in MLflow."""
        found = [each for each in self.alive() if _told(each, "dlrun.tracking.writer")]
        return found[0] if found else None

    def trainers(self) -> list[psutil.Process]:
        """The processes, other than the command's own, that have a run in hand and have told of an epoch of it."""
        owners = set(owners_of_unfinished(self.work)) - {self.parent.pid}
        return [process for process in self.alive() if process.pid in owners]

    def kill_parent(self) -> None:
        """SIGKILL to the command's own process, and to nothing else."""
        os.kill(self.parent.pid, signal.SIGKILL)
        self.parent.wait()

    def seconds_until_gone(self, most: float) -> float:
        """How long it takes from now until no process is left, at most `most`."""
        began = time.monotonic()
        wait_until(lambda: not self.alive(), most, lambda: f"left over: {[p.cmdline() for p in self.alive()]}")
        return time.monotonic() - began

    def end(self, seconds: float) -> tuple[int, str]:
        """Wait for it; its exit code and what it printed."""
        code = self.parent.wait(seconds)
        self._output.seek(0)
        return code, self._output.read()


def owners_of_unfinished(work: Path) -> Iterator[int]:
    """Process ids in the journals of runs that have told of an epoch in this attempt, and not of their end."""
    for journal in work.glob("runs/*/journal.jsonl"):
        events = {event.event: event for event in last_attempt(read(journal))}
        if "epoch" in events and "end" not in events:
            yield events["start"]["pid"]


def _told(process: psutil.Process, word: str) -> bool:
    with contextlib.suppress(psutil.Error):
        return word in process.cmdline()
    return False


def wait_until(is_so: Callable[[], bool], seconds: float, told: Callable[[], str] = str) -> None:
    """Wait for something, and fail where it does not come."""
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until, f"not within {seconds} s: {told()}"
        time.sleep(0.05)
