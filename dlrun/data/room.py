"""How much memory there is, for data and for a model."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

__all__ = ["available_bytes"]

_MEMINFO = Path("/proc/meminfo")
_GROUP = Path("/sys/fs/cgroup")


def available_bytes() -> int | None:
    """Memory that a process may still take without swapping, in bytes; None where the system does not tell.

    A container's own bound counts, not only what the machine has.
    """
    amounts = [amount for amount in (_of_machine(), _of_container()) if amount is not None]
    return min(amounts, default=None)


def _of_machine() -> int | None:
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in _MEMINFO.read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    with contextlib.suppress(OSError, ValueError):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")  # macOS tells no more
    return None


def _of_container() -> int | None:
    with contextlib.suppress(OSError, ValueError):
        bound = int((_GROUP / "memory.max").read_text(encoding="ascii"))  # "max" where there is none
        return bound - int((_GROUP / "memory.current").read_text(encoding="ascii"))
    return None
