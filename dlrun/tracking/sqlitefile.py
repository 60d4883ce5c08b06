"""A sqlite store as a file: its state and identity, read with the standard library alone.

Always through sqlite, never with `open`: when a process closes any handle on a database, the system drops all the
locks that the process holds on it. A look at the header would take them from a connection that MLflow has open in the
same process, and another process would then delete the log that it is writing.
See section 2.2 of https://www.sqlite.org/howtocorrupt.html.
"""

from __future__ import annotations

import os
import shlex
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from dlrun.tracking.revisions import standing

__all__ = ["UPGRADE", "State", "identity", "inspect", "is_local", "revision"]

UPGRADE = "dlrun sync --upgrade"
"""The command that brings a store to the installed MLflow's schema, after a backup."""

_REMOTE = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "afs", "ceph", "lustre", "beegfs"})


@dataclass(frozen=True)
class State:
    """What a look at the file told.

    Attributes:
        word: `missing`, `ok`, `locked`, `older` (than the installed MLflow), or `unusable`.
        fault: why it cannot be used, completing "it ..." ; None when it can.
        mend: what to do about it, as a sentence; None where another store is the way out.
    """

    word: str
    fault: str | None = None
    mend: str | None = None


def inspect(path: Path) -> State:
    """The state of the store at `path`, which may be missing: then it is made by the first run."""
    if path.is_dir():
        return _unusable("it is a folder")
    if not path.exists():
        return _missing(path)
    if not path.is_file():
        return _unusable("it is no regular file")
    if not os.access(path, os.R_OK | os.W_OK):
        return _unusable("it cannot be written", f"Type chmod u+rw {shlex.quote(str(path))}.")
    if not os.access(path.parent, os.W_OK):  # sqlite keeps its log there
        return _closed(path.parent)
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


def revision(path: Path) -> str | None:
    """The revision of MLflow's schema that the store is at; None where it says none.

    Raises:
        sqlite3.Error: it cannot be read.
    """
    with closing(_connect(path, timeout_seconds=5.0)) as database:
        return _revision(database)


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


def _unusable(fault: str, mend: str | None = None) -> State:
    return State("unusable", fault, mend)


def _closed(folder: Path) -> State:
    return _unusable(f"{folder} cannot be written", f"Type chmod u+rwx {shlex.quote(str(folder))}.")


def _missing(path: Path) -> State:
    if not path.parent.is_dir():
        return _unusable(f"there is no folder {path.parent}")
    return State("missing") if os.access(path.parent, os.W_OK) else _closed(path.parent)


def _revision(database: sqlite3.Connection) -> str | None:
    found = database.execute("select version_num from alembic_version").fetchone()
    return None if found is None else str(found[0])


def _connect(path: Path, timeout_seconds: float) -> sqlite3.Connection:
    """A connection that does not make a file where there is none."""
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=rw", uri=True, timeout=timeout_seconds)


def _look_inside(path: Path) -> State:
    try:
        with closing(_connect(path, timeout_seconds=0.1)) as database:
            tables = {name for (name,) in database.execute("select name from sqlite_master where type = 'table'")}
            at = _revision(database) if "alembic_version" in tables else None
            database.execute("begin immediate")
            database.rollback()
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            return State("locked")
        return _unusable(f"sqlite says: {error}")
    except sqlite3.DatabaseError as error:
        no_database = "not a database" in str(error)
        fault = "the file is no sqlite database" if no_database else f"sqlite says: {error}"
        return _unusable(fault, "Move it away: the next run makes a store, and dlrun sync fills it from the journals.")
    if tables and "alembic_version" not in tables:
        return _unusable(f"it holds something else (tables {', '.join(sorted(tables)[:3])})")
    return _standing(at)


def _standing(at: str | None) -> State:
    """A store at a revision; one that says none was given up half made, and is completed."""
    match "current" if at is None else standing(at):
        case "older":
            mend = f"Type {UPGRADE}, which makes a backup first."
            return State("older", f"its schema ({at}) is that of an older MLflow", mend)
        case "newer":
            mend = "Install the MLflow that it was written with (pip install --upgrade mlflow), or name another store."
            return _unusable(f"its schema ({at}) is that of a newer MLflow", mend)
    return State("ok")
