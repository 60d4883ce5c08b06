"""What a worker prints: kept in a file of its own, and moved to the log of the run that printed it."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

from dlrun.errors import StorageError
from dlrun.training.rundir import RunDirectory

__all__ = ["move_to_log"]

_MOST = 100_000  # characters of one run's prints that are kept: a loop may print without end


def move_to_log(output: Path, directory: RunDirectory) -> None:
    """Append what lies in the file `output` to the log of a run, and empty the file."""
    sys.stdout.flush()
    sys.stderr.flush()
    with contextlib.suppress(OSError, StorageError):  # what a component prints must not cost the run
        if output.stat().st_size == 0:
            return
        text = output.read_text(encoding="utf-8", errors="replace")
        if len(text) > _MOST:
            text = f"[{len(text) - _MOST:,} characters left out]\n{text[-_MOST:]}"
        directory.path.mkdir(parents=True, exist_ok=True)
        directory.log(text)
        os.truncate(output, 0)
