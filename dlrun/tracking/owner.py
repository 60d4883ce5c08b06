"""Whether the process that owns a run is still there."""

from __future__ import annotations

import os
import socket
from pathlib import Path

__all__ = ["HOST", "is_alive"]

HOST = socket.gethostname()
"""The name of this machine, as journals note it."""


def is_alive(pid: int, host: str = HOST) -> bool:
    """Whether process `pid` of `host` runs; one of another machine cannot be seen from here, and counts as alive."""
    if host != HOST:
        return True
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it is there, and somebody else's
        return True
    return not _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    """Whether the process has ended and only waits for its parent to notice (told on Linux alone)."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return status.rpartition(")")[2].split()[:1] == ["Z"]
