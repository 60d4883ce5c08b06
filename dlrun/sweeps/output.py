"""What a worker prints: kept in a file of its own, and moved to the log of the run that printed it."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

from dlrun.errors import StorageError
from dlrun.training.rundir import RunDirectory

__all__ = ["move_to_log"]

_MOST_BYTES = 100_000  # of one run's prints that are kept: a loop may print without end


def move_to_log(output: Path, directory: RunDirectory) -> None:
    """Append what lies in the file `output` to the log of a run, and empty the file."""
    sys.stdout.flush()
    sys.stderr.flush()
    with contextlib.suppress(OSError, StorageError):  # what a component prints must not cost the run
        size = output.stat().st_size
        if size == 0:
            return
        with output.open("rb") as file:
            file.seek(max(0, size - _MOST_BYTES))
            text = file.read().decode("utf-8", errors="replace")
        if size > _MOST_BYTES:
            text = f"[{size - _MOST_BYTES:,} bytes left out]\n{text}"
        directory.path.mkdir(parents=True, exist_ok=True)
        directory.log(text)
        os.truncate(output, 0)
