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
from mlflow import MlflowClient
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

from dlrun.tracking import sqlitefile
from dlrun.tracking.store import database

__all__ = ["artifact_root", "connect", "lock"]


def connect(uri: str, work: Path) -> MlflowClient:
    """A client of the store at `uri`; a sqlite store is made first where there is none.

    Raises:
        MlflowException: the store is away, locked, or of another version of MLflow.
    """
    path = database(uri)
    if path is not None:
        _ensure(path, artifact_root(work))
    client = MlflowClient(tracking_uri=uri)
    client.search_experiments(max_results=1)  # a client connects when it is first asked for something
    return client


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
