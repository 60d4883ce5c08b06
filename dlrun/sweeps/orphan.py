"""A process that trains for another one ends soon after it: nobody waits any more for what it would find."""

from __future__ import annotations

import os
import signal
import threading
import time

from dlrun.errors import ExitCode

__all__ = ["end_with"]

_SECONDS_BETWEEN_LOOKS = 1.0
_GRACE_SECONDS = 5.0  # for the run in hand to be recorded as interrupted


def end_with(parent: int) -> None:
    """Have this process end when process `parent` has; does nothing where that is not its parent."""
    if os.getppid() == parent:
        threading.Thread(target=_watch, args=(parent,), name="orphan-watch", daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_SECONDS_BETWEEN_LOOKS)
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(_GRACE_SECONDS)
    os._exit(ExitCode.INTERRUPTED)
