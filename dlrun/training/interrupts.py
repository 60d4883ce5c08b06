"""Signals while a model trains: the first one is kept until the training can stop in good order.

SIGTERM and SIGINT (Ctrl-C) ask for an end after the block of steps that is being computed; a second signal ends it at
once, and outside of a training so does the first.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

from dlrun.errors import Terminated

__all__ = ["Interrupts", "deferred"]

_ENDS = {signal.SIGINT: KeyboardInterrupt, signal.SIGTERM: Terminated}


class Interrupts:
    """What was asked for by signals."""

    def __init__(self) -> None:
        self._asked: type[KeyboardInterrupt] | None = None

    @property
    def is_asked(self) -> bool:
        """Whether a signal asks for the end."""
        return self._asked is not None

    def act(self) -> None:
        """Do what a signal has asked for; nothing where none has.

        Raises:
            KeyboardInterrupt: SIGINT has; `Terminated`, SIGTERM.
        """
        if self._asked is not None:
            raise self._asked

    def _receive(self, number: int, frame: FrameType | None) -> None:
        end = _ENDS[signal.Signals(number)]
        if self._asked is not None:
            raise end
        self._asked = end


@contextlib.contextmanager
def deferred() -> Iterator[Interrupts]:
    """Keep the first signal while inside; what nobody has acted upon by then ends the run on leaving.

    In another thread than the main one signals are not this code's to handle, and none is ever asked for. A signal
    that is ignored (`nohup`, a job in the background of a script) stays so.
    """
    interrupts = Interrupts()
    with contextlib.ExitStack() as stack:
        if threading.current_thread() is threading.main_thread():
            for number in _ENDS:
                if (before := signal.getsignal(number)) != signal.SIG_IGN:
                    stack.callback(_handle, number, before)
                    signal.signal(number, interrupts._receive)
        yield interrupts
    interrupts.act()


def _handle(number: signal.Signals, handler: Callable[..., Any] | int | None) -> None:
    """Give a signal back to its handler; None stands for one that Python did not set."""
    signal.signal(number, signal.SIG_DFL if handler is None else handler)
