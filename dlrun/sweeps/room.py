"""Whether a command has room to write: told before anything is created."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from dlrun.training.atomic import storage_errors

__all__ = ["require_room"]

_LEAST_FREE_BYTES = 20_000_000  # an empty MLflow store takes 1 MB, a small run's directory some 100 kB


def require_room(folders: Iterable[Path]) -> None:
    """See that files can be written to `folders`, which need not be there yet. Creates nothing.

    Raises:
        StorageError: a file is in the way, this user may not write there, or the disk is full.
    """
    for folder in folders:
        nearest = next(path for path in (folder, *folder.parents) if path.exists())
        with storage_errors(nearest):
            if not nearest.is_dir():
                raise _os_error(errno.ENOTDIR, nearest)
            if not os.access(nearest, os.W_OK | os.X_OK):
                raise _os_error(errno.EACCES, nearest)
            if shutil.disk_usage(nearest).free < _LEAST_FREE_BYTES:
                raise _os_error(errno.ENOSPC, nearest)


def _os_error(number: int, path: Path) -> OSError:
    return OSError(number, os.strerror(number), str(path))
