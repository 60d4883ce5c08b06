"""Write files whole or not at all, and say plainly what stands in the way."""

from __future__ import annotations

import contextlib
import errno
import json
import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dlrun.errors import StorageError

__all__ = ["storage_errors", "write_bytes", "write_json", "write_text"]

_MENDS = {
    errno.EACCES: "this user may not write there. Change its permissions, or run dlrun in a directory of your own",
    errno.EPERM: "this user may not write there. Change its permissions, or run dlrun in a directory of your own",
    errno.EROFS: "the file system is read-only. Run dlrun in a directory that can be written",
    errno.ENOSPC: "the disk is full. Free some space and run the same command again",
    errno.EDQUOT: "the disk quota is used up. Free some space and run the same command again",
    errno.ENOTDIR: "a file is in the way of a directory. Move it away, or run dlrun in another directory",
    errno.EEXIST: "a file is in the way of a directory. Move it away, or run dlrun in another directory",
    errno.EISDIR: "a directory is in the way of a file. Move it away",
}


@contextlib.contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn an operating system's error about `path` into a `StorageError` that says what to do."""
    try:
        yield
    except OSError as error:
        reason = _MENDS.get(error.errno or 0, error.strerror or str(error))
        raise StorageError(f"{error.filename or path} cannot be written: {reason}.") from error


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write `content` to `path`, whole or not at all; numbers that JSON has not (NaN, infinities) become null.

    Raises:
        StorageError: it cannot be written; what was there before is untouched.
    """
    write_text(path, json.dumps(_finite(content), indent=2, allow_nan=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path`, whole or not at all.

    Raises:
        StorageError: it cannot be written; what was there before is untouched.
    """
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content` to `path`: aside, forced to the disk, then renamed.

    Raises:
        StorageError: it cannot be written; what was there before is untouched.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    with storage_errors(path):
        try:
            with aside.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            aside.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                aside.unlink()
            raise


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
