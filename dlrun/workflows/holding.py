"""Hold a run or a sweep for a moment, so that no training begins in it; whoever is at work there is not waited for."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from dlrun.training.atomic import storage_errors

__all__ = ["held"]


@contextlib.contextmanager
def held(directory: Path) -> Iterator[bool]:
    """Hold the run or sweep in `directory` while inside; gives whether it could be had: False where it is at work.

    Raises:
        StorageError: the directory cannot be written.
    """
    lock = FileLock(directory / ".lock")
    with storage_errors(directory):
        try:
            lock.acquire(timeout=0)
        except Timeout:
            yield False
            return
    try:
        yield True
    finally:
        lock.release()
