"""The command's end of a worker: its pipe, its process, the run in its hands, and how it died."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

from dlrun.sweeps import fork
from dlrun.sweeps.queueing import Order
from dlrun.sweeps.worker import Post, serve
from dlrun.tracking.owner import is_alive
from dlrun.training.causes import Cause, cause
from dlrun.training.settings import Settings

__all__ = ["Handle"]

_SECONDS_TO_DIE = 5.0
_VMSTAT = Path("/proc/vmstat")
_GROWN_BYTES = 700_000_000  # since its first run: programs and graphs that Keras keeps; then it is renewed


class Handle:
    """A worker, as the command sees it.

    Attributes:
        order: the run in its hands; None while it waits.
        attempt: which attempt at that it is; 0 before it has begun.
        settings: what TensorFlow has been told there; None before its first run.
        is_ready: whether it has lived to say so.
        is_forsaken: whether the server that it was forked from has died, which would tell of its end.
        waits: whether another command is at the run that it was handed: then its time does not count yet.
        known: likenesses of the runs it has trained or trains.
        seconds: what the last run took that was not the first of its likeness; None before.
    """

    def __init__(self, post: Post) -> None:
        self.post = post
        self.order: Order | None = None
        self.attempt = 0
        self.settings: Settings | None = None
        self.is_ready = self.waits = False
        self.known: set[str] = set()
        self.seconds: float | None = None
        self._is_first = True
        self._given = 0.0
        self._first_bytes: int | None = None
        self._killed_because: Cause | None = None
        self._kills_for_memory = 0
        self.is_forsaken = False
        self.pipe, theirs = fork.pipe()
        try:
            self.process = fork.start(serve, theirs, post)
        finally:
            theirs.close()

    def give(self, order: Order, waits: bool) -> None:
        """Hand it a run; if it has died, its pipe tells."""
        self._is_first = order.likeness not in self.known
        self.order, self.attempt, self.settings, self.waits = order, 0, order.settings, waits
        self.known.add(order.likeness)
        self._given = time.monotonic()
        self._kills_for_memory = _kills_for_memory()
        with contextlib.suppress(OSError):
            self.pipe.send(order.job)

    def begins(self, attempt: int) -> None:
        """It has begun with the run in its hands, whose time counts from now on."""
        self.attempt, self.waits, self._given = attempt, False, time.monotonic()

    def put_down(self) -> Order:
        """The run that was in its hands, which has ended."""
        assert self.order is not None
        order, self.order = self.order, None
        if not self._is_first:
            self.seconds = self.elapsed
        return order

    @property
    def elapsed(self) -> float:
        """Seconds since the run in its hands began; before, since it was handed over."""
        return time.monotonic() - self._given

    def forgive(self, seconds: float) -> None:
        """Do not count so many seconds: all of the command stood still (Ctrl-Z, a laptop that slept)."""
        self._given += seconds

    def is_alive(self) -> bool:
        """Whether its process is there, whoever knows of it."""
        pid = self.process.pid
        return pid is not None and is_alive(pid)

    def messages(self) -> Iterator[Any]:
        """What it has said since the last call.

        Raises:
            EOFError: it has died.
        """
        try:
            while self.pipe.poll():
                yield self.pipe.recv()
        except OSError as error:
            raise EOFError from error

    def bytes(self) -> int:
        """Main memory that it takes; 0 where it has died."""
        try:
            return int(psutil.Process(self.process.pid).memory_info().rss)
        except psutil.Error:
            return 0

    def has_outgrown(self, most: int | None) -> bool:
        """Whether it should be replaced between two runs: what it keeps has grown, or nears `most` bytes."""
        now = self.bytes()
        self._first_bytes = self._first_bytes or now
        return now - self._first_bytes > _GROWN_BYTES or (most is not None and now > 0.8 * most)

    def ask_to_stop(self) -> None:
        """Have the run in its hands end after a checkpoint."""
        self._signal(signal.SIGTERM)

    def kill(self, because: Cause | None = None) -> None:
        """End it at once, and what its run has started."""
        self._killed_because = self._killed_because or because
        with contextlib.suppress(psutil.Error):
            for process in psutil.Process(self.process.pid).children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    process.kill()
        self._signal(signal.SIGKILL)

    def dismiss(self) -> None:
        """Have it end when it is done with the run in its hands."""
        with contextlib.suppress(OSError):
            self.pipe.send(None)

    def bury(self) -> None:
        """See that it is gone, and let go of it."""
        deadline = time.monotonic() + _SECONDS_TO_DIE
        while self.is_alive() and time.monotonic() < deadline:
            time.sleep(0.01)
        while self.is_alive():
            self.kill()
            time.sleep(0.01)
        self.process.join()
        fork.gone(self.process)
        self.pipe.close()

    def cause_of_death(self) -> Cause:
        """Why it died, once it is gone."""
        code = self.process.exitcode
        if self._killed_because is not None:
            return self._killed_because
        if code == -signal.SIGKILL and _kills_for_memory() > self._kills_for_memory:
            return cause("out_of_memory", "its process was killed by the system, which had no more memory")
        if code is not None and code < 0:
            return cause("crash", f"its process was ended by {_name_of(-code)}")
        if self.is_forsaken:
            return cause("crash", "its process ended")
        return cause("crash", f"its process ended with exit code {code}")

    def _signal(self, number: int) -> None:
        if self.process.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.process.pid, number)


def _name_of(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _kills_for_memory() -> int:
    """How many processes the kernel has killed for want of memory since it started; 0 where it does not tell."""
    with contextlib.suppress(OSError, ValueError):
        for line in _VMSTAT.read_text(encoding="ascii").splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return 0
