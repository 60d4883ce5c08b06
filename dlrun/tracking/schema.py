"""Make the tracking store, once, however many commands ask for it at the same moment.

Two processes that let MLflow make one sqlite store together destroy it. So the store is made aside, under a lock,
and put in its place complete: nobody ever sees half of one, whoever is killed.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from filelock import FileLock

from dlrun.tracking import sqlitefile
from dlrun.tracking.backend import Backend
from dlrun.tracking.sqlbackend import SqlBackend
from dlrun.tracking.sqltables import is_known
from dlrun.tracking.store import database

__all__ = ["artifact_root", "connect", "lock"]


def connect(uri: str, work: Path) -> Backend:
    """The store at `uri`; a sqlite store is made first where there is none.

    Raises:
        Exception: the store is away, locked, or of another version of MLflow.
    """

    def through_mlflow() -> Backend:
        from dlrun.tracking.mlflowbackend import MlflowBackend  # 2 s of imports

        return MlflowBackend(uri)

    path = database(uri)
    if path is None:
        return through_mlflow()
    _ensure(path, artifact_root(work))
    return SqlBackend(path, through_mlflow) if "?" not in uri and is_known(path) else through_mlflow()


def lock(uri: str) -> FileLock | None:
    """The lock beside a sqlite store, for what two commands must not do at once; None for other stores."""
    path = database(uri)
    return None if path is None else FileLock(f"{path}.lock")


def artifact_root(work: Path) -> Path:
    """The folder for the files of a store that has no server to keep them."""
    return work.resolve() / "mlartifacts"


def _ensure(path: Path, root: Path) -> None:
    if sqlitefile.identity(path) is not None:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{path}.lock"):
        if sqlitefile.identity(path) is None:
            _make(path, root)


def _make(path: Path, root: Path) -> None:
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore  # 2 s of imports

    aside = path.with_name(f"{path.name}.new")
    for leftover in (aside, *(aside.with_name(f"{aside.name}{end}") for end in ("-journal", "-wal", "-shm"))):
        leftover.unlink(missing_ok=True)
    SqlAlchemyStore(f"sqlite:///{aside}", root.as_uri()).engine.dispose()  # type: ignore[no-untyped-call]
    with closing(sqlite3.connect(aside)) as store:
        store.execute(f"pragma application_id = {1 + secrets.randbelow(2**31 - 2)}")  # see `sqlitefile.identity`
        if sqlitefile.is_local(path):
            # Readers (the UI) and the writer do not wait for each other; wrong on a network disk.
            store.execute("pragma journal_mode = wal")
    if path.exists() and path.stat().st_size == 0:
        path.unlink()
    try:
        os.link(aside, path)  # fails where rename would replace what somebody else has made meanwhile
    except FileExistsError:
        pass
    except OSError:  # a disk without hard links
        aside.replace(path)
    with suppress(FileNotFoundError):
        aside.unlink()
