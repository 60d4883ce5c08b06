"""How much memory a run takes at its most.

A process's peak never falls by itself: in a sweep every run would show the largest one before it. Linux lets a process
take its peak back to what it holds now.
"""

from __future__ import annotations

import re
import resource
import sys
from pathlib import Path

__all__ = ["forget_peak", "peak_bytes"]

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")
_RESET_PEAK = "5"  # of resident memory, and nothing else: see proc(5)
_PEAK = re.compile(r"^VmHWM:\s+(\d+) kB", re.MULTILINE)


def forget_peak() -> bool:
    """Begin a new peak at what the process holds now. False where the system cannot: then the peak is the process's."""
    try:
        _CLEAR.write_text(_RESET_PEAK)
    except OSError:
        return False
    return True


def peak_bytes() -> int:
    """The most main memory that the process held since `forget_peak`, TensorFlow itself included."""
    try:
        found = _PEAK.search(_STATUS.read_text())
    except OSError:
        found = None
    if found is not None:
        return int(found.group(1)) * 1024
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024  # which counts in bytes; others in kibibytes
