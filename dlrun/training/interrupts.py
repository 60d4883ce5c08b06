"""Signals while a model trains: the first one is kept until the training can stop in good order.

SIGTERM and SIGINT (Ctrl-C) ask for an end after the block of steps that is being computed; a second signal, a second
later or more, ends it at once, and outside of a training so does the first.
"""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from dlrun.errors import OutOfTime, Terminated

__all__ = ["Deadline", "Interrupts", "deferred", "terminated_as_interrupt"]

_ONE_REQUEST_SECONDS = 1.0  # a service manager signals every process of a command, and the command its workers
_ENDS = {signal.SIGINT: KeyboardInterrupt, signal.SIGTERM: Terminated}


@dataclass(frozen=True)
class Deadline:
    """Handles SIGALRM where a run may take so many `seconds` and no longer; anybody else's alarm stays theirs."""

    seconds: float

    @property
    def end(self) -> OutOfTime:
        """What ends the run."""
        return OutOfTime(f"it took longer than launcher.trial_timeout={self.seconds:g} seconds")

    def __call__(self, *_: object) -> None:
        raise self.end


class Interrupts:
    """What was asked for by signals."""

    def __init__(self) -> None:
        self._asked: KeyboardInterrupt | None = None
        self._when = 0.0

    @property
    def is_asked(self) -> bool:
        """Whether a signal asks for the end."""
        return self._asked is not None

    def act(self) -> None:
        """Do what a signal has asked for; nothing where none has.

        Raises:
            KeyboardInterrupt: SIGINT has; `Terminated`, SIGTERM; `OutOfTime`, a `Deadline`.
        """
        if self._asked is not None:
            raise self._asked

    def _receive(self, end: KeyboardInterrupt) -> None:
        if self._asked is None:
            self._asked, self._when = end, time.monotonic()
        elif time.monotonic() - self._when > _ONE_REQUEST_SECONDS:
            raise end


@contextlib.contextmanager
def deferred() -> Iterator[Interrupts]:
    """Keep the first signal while inside; what nobody has acted upon by then ends the run on leaving.

    In another thread than the main one signals are not this code's to handle, and none is ever asked for. A signal
    that is ignored (`nohup`, a job in the background of a script) stays so.
    """
    interrupts = Interrupts()
    with contextlib.ExitStack() as stack:
        if threading.current_thread() is threading.main_thread():
            before = {number: signal.getsignal(number) for number in (*_ENDS, signal.SIGALRM)}
            ends = {number: end() for number, end in _ENDS.items() if before[number] != signal.SIG_IGN}
            if isinstance(deadline := before[signal.SIGALRM], Deadline):
                ends[signal.SIGALRM] = deadline.end
            for number, end in ends.items():
                stack.callback(_handle, number, before[number])
                signal.signal(number, lambda *_, end=end: interrupts._receive(end))
        yield interrupts
    interrupts.act()


@contextlib.contextmanager
def terminated_as_interrupt() -> Iterator[None]:
    """SIGTERM ends a run as Ctrl-C does: recorded, with its directory in order."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def terminate(*_: object) -> None:
        raise Terminated

    before = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _handle(number: signal.Signals, handler: Callable[..., Any] | int | None) -> None:
    """Give a signal back to its handler; None stands for one that Python did not set."""
    signal.signal(number, signal.SIG_DFL if handler is None else handler)
