"""One command at a time is at work on a sweep: a second one waits for it, or is refused."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from dlrun.errors import UserError
from dlrun.tracking.owner import HOST
from dlrun.training.atomic import storage_errors, write_json

__all__ = ["alone"]

_OWNER = "owner.json"
_SECONDS_BETWEEN_TRIES = 0.2


@contextlib.contextmanager
def alone(folder: Path, if_running: str, say: Callable[[str], object]) -> Iterator[None]:
    """Be the one command at work on the sweep in `folder` while inside.

    The operating system holds the lock: it is free the instant its owner ends, however that ends.

    Args:
        folder: the sweep's directory; made where there is none.
        if_running: `wait` for another command, or `refuse`.
        say: told who is waited for.

    Raises:
        UserError: another command is at work on it, and `if_running` is `refuse`.
        KeyboardInterrupt: a signal ended the waiting; its text says that the other goes on.
        StorageError: the directory cannot be written.
    """
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / ".lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            if if_running == "refuse":
                mend = "launcher.if_running=wait waits for it, dlrun runs shows how far it is."
                raise UserError(f"Sweep {folder.name[:8]} is being run by {_owner(folder)}. {mend}") from None
            name = folder.name[:8]
            say(
                f"sweep {name} is being run by {_owner(folder)}: waiting until it has ended. Ctrl-C leaves it to the"
                f" other; dlrun runs {name} shows how far it is."
            )
            try:
                lock.acquire(poll_interval=_SECONDS_BETWEEN_TRIES)
            except KeyboardInterrupt as stop:
                raise type(stop)(f"Nothing was begun here: sweep {name} is left to the other, which goes on.") from None
    try:
        write_json(folder / _OWNER, {"pid": os.getpid(), "host": HOST, "since": time.time()})
        yield
    finally:
        with contextlib.suppress(OSError):
            (folder / _OWNER).unlink()
        lock.release()


def _owner(folder: Path) -> str:
    """Who is at work, in words: told, and nothing more, so that an old or torn file does no harm."""
    try:
        facts = json.loads((folder / _OWNER).read_bytes())
        since = datetime.fromtimestamp(float(facts["since"])).astimezone()
        return f"process {int(facts['pid'])} on {facts['host']} since {since:%H:%M:%S on %Y-%m-%d}"
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        return "another command"
