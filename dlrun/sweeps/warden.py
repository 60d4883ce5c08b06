"""Ends the workers of a command that has died, if they do not end by themselves: stopped ones, or such as hang in C.

A program of its own, started with nothing but Python's standard library: it must live when everything else is dead. It
reads which processes work for the command, `+PID` and `-PID` a line; when its input ends the command is dead or done.
Its one argument is how many seconds they have then, for a checkpoint.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time


def main() -> None:
    """Read, wait, and end who is left."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    living: set[int] = set()
    for line in sys.stdin:
        if line.startswith("+"):
            living.add(int(line[1:]))
        else:
            living.discard(int(line[1:]))
    if living:
        time.sleep(float(sys.argv[1]))
    for pid in living:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
