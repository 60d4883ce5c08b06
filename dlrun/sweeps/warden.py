"""Ends the workers of a command that has died, if they do not end by themselves: stopped ones, or such as hang in C.

A program of its own, started with nothing but Python's standard library: it must live when everything else is dead. It
reads which processes work for the command, `+PID` and `-PID` a line; when its input ends the command is dead or done.
Its one argument is how many seconds they have then, for a checkpoint.
"""

from __future__ import annotations

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
    deadline = time.monotonic() + float(sys.argv[1])
    while (living := {pid for pid in living if _sent(pid, 0)}) and time.monotonic() < deadline:
        time.sleep(0.1)
    for pid in living:
        _sent(pid, signal.SIGKILL)


def _sent(pid: int, number: int) -> bool:
    """Whether a process is there that takes the signal; 0 only asks."""
    try:
        os.kill(pid, number)
    except OSError:
        return False
    return True


if __name__ == "__main__":
    main()
