"""A sqlite store as a file: its state and identity, read with the standard library alone.

Always through sqlite, never with `open`: when a process closes any handle on a database, the system drops all the
locks that the process holds on it. A look at the header would take them from a connection that MLflow has open in the
same process, and another process would then delete the log that it is writing.
See section 2.2 of https://www.sqlite.org/howtocorrupt.html.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

__all__ = ["State", "identity", "inspect", "is_local"]

_REMOTE = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "afs", "ceph", "lustre", "beegfs"})


@dataclass(frozen=True)
class State:
    """What a look at the file told.

    Attributes:
        word: `missing`, `ok`, `locked`, or `unusable`.
        fault: why it cannot be used, completing "it ..." ; None when it can.
    """

    word: str
    fault: str | None = None


def inspect(path: Path) -> State:
    """The state of the store at `path`, which may be missing: then it is made by the first run."""
    if path.is_dir():
        return _unusable("it is a folder")
    if not path.exists():
        return _missing(path)
    if not path.is_file():
        return _unusable("it is no regular file")
    if not os.access(path, os.R_OK | os.W_OK) or not os.access(path.parent, os.W_OK):
        return _unusable("it cannot be written")
    if path.stat().st_size == 0:
        return State("missing")  # an empty file is what sqlite begins with
    return _look_inside(path)


def identity(path: Path) -> str | None:
    """The number that dlrun gives a store when it makes it ("0" in a store made elsewhere); None without a store."""
    try:
        if path.stat().st_size == 0:
            return None
        with closing(_connect(path, timeout_seconds=5.0)) as database:
            return str(database.execute("pragma application_id").fetchone()[0])
    except (OSError, sqlite3.Error):
        return None


def is_local(path: Path) -> bool:
    """Whether `path` lies on a disk of this machine, where sqlite's write-ahead log works.

    Told from the table of mounts on Linux; elsewhere every disk is taken for local.
    """
    try:
        mounts = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return True
    fields = (line.split() for line in mounts.splitlines())
    held = [(point, kind) for _, point, kind, *_ in fields if path.resolve().is_relative_to(point)]
    return not held or max(held, key=lambda mount: len(mount[0]))[1] not in _REMOTE


def _unusable(fault: str) -> State:
    return State("unusable", fault)


def _missing(path: Path) -> State:
    if not path.parent.is_dir():
        return _unusable(f"there is no folder {path.parent}")
    return State("missing") if os.access(path.parent, os.W_OK) else _unusable(f"{path.parent} cannot be written")


def _connect(path: Path, timeout_seconds: float) -> sqlite3.Connection:
    """A connection that does not make a file where there is none."""
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=rw", uri=True, timeout=timeout_seconds)


def _look_inside(path: Path) -> State:
    try:
        with closing(_connect(path, timeout_seconds=0.1)) as database:
            tables = {name for (name,) in database.execute("select name from sqlite_master where type = 'table'")}
            database.execute("begin immediate")
            database.rollback()
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            return State("locked")
        return _unusable(f"sqlite says: {error}")
    except sqlite3.DatabaseError as error:
        no_database = "not a database" in str(error)
        return _unusable("the file is no sqlite database" if no_database else f"sqlite says: {error}")
    if tables and "alembic_version" not in tables:
        return _unusable(f"it holds something else (tables {', '.join(sorted(tables)[:3])})")
    return State("ok")
