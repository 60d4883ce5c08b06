"""Make the tracking store, once, however many commands ask for it at the same moment, and never change one unasked.

Two processes that let MLflow make one sqlite store together destroy it. So the store is made aside, under a lock,
and put in its place complete: nobody ever sees half of one, whoever is killed. MLflow also brings an older store to its
own schema without a word and without a backup: a store of another schema is refused before MLflow is let near it.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from dlrun.tracking import sqlitefile
from dlrun.tracking.backend import Backend, StoreFault
from dlrun.tracking.sqlbackend import SqlBackend
from dlrun.tracking.sqltables import is_known
from dlrun.tracking.store import database, is_database, redacted

if TYPE_CHECKING:
    from dlrun.tracking.pulse import Pulse

__all__ = ["alone", "artifact_root", "connect", "lock"]

_MAKING_SECONDS = 60.0  # how long another command may take to make the store, on a machine that has much to do


def connect(uri: str, work: Path, pulse: Pulse | None = None) -> Backend:
    """The store at `uri`; a database is made into a store first where it is none.

    Args:
        work: where `runs/` lies.
        pulse: is told of requests and answers.

    Raises:
        StoreFault: the store is of another version of MLflow.
        Timeout: another command has been making it for a minute.
        Exception: it is away or locked.
    """

    def through_mlflow() -> Backend:
        from dlrun.tracking.mlflowbackend import MlflowBackend  # 2 s of imports

        return MlflowBackend(uri)

    path = database(uri)
    if path is None:
        if is_database(uri):
            from dlrun.tracking.sqlserver import ensure  # imports SQLAlchemy

            ensure(uri, artifact_root(work), pulse)
        return through_mlflow()
    _ensure(path, artifact_root(work), pulse)
    state = sqlitefile.inspect(path)
    if state.fault is not None:
        raise StoreFault(f"{path} is no store that can be used: {state.fault}. {state.mend or ''}".rstrip(" ."))
    return SqlBackend(path, through_mlflow) if "?" not in uri and is_known(path) else through_mlflow()


def lock(uri: str, work: Path) -> FileLock:
    """The lock for what two commands must not do to a store at once: beside a sqlite store, else beside the runs."""
    path = database(uri)
    if path is not None:
        return FileLock(f"{path}.lock")
    name = hashlib.sha256(redacted(uri).encode()).hexdigest()[:16]
    return FileLock(work / "runs" / f".store-{name}.lock")


@contextmanager
def alone(lock: FileLock, seconds: float, pulse: Pulse | None) -> Iterator[None]:
    """Hold `lock`, which may never be given back: its owner may be stopped, or hang on a disk of the network.

    Args:
        seconds: how long to wait for it.
        pulse: is told that it is waited for.

    Raises:
        Timeout: it was not to be had.
    """
    with pulse.asking(seconds) if pulse else nullcontext():
        lock.acquire(timeout=seconds)
    try:
        yield
    finally:
        lock.release()


def artifact_root(work: Path) -> Path:
    """The folder for the files of a store that has no server to keep them."""
    return work.resolve() / "mlartifacts"


def _ensure(path: Path, root: Path, pulse: Pulse | None) -> None:
    if sqlitefile.identity(path) is not None:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with alone(FileLock(f"{path}.lock"), _MAKING_SECONDS, pulse):
        if sqlitefile.identity(path) is None:
            _make(path, root)


def _make(path: Path, root: Path) -> None:
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore  # 2 s of imports

    aside = path.with_name(f"{path.name}.new")
    for leftover in (aside, *_beside(aside)):
        leftover.unlink(missing_ok=True)
    SqlAlchemyStore(f"sqlite:///{aside}", root.as_uri()).engine.dispose()  # type: ignore[no-untyped-call]
    with closing(sqlite3.connect(aside)) as store:
        store.execute(f"pragma application_id = {1 + secrets.randbelow(2**31 - 2)}")  # see `sqlitefile.identity`
        if sqlitefile.is_local(path):
            # Readers (the UI) and the writer do not wait for each other; wrong on a network disk.
            store.execute("pragma journal_mode = wal")
    if path.exists() and path.stat().st_size == 0:
        path.unlink()
    if not path.exists():
        for leftover in _beside(path):  # the log of a store that was deleted would be played into this one
            leftover.unlink(missing_ok=True)
    try:
        os.link(aside, path)  # fails where rename would replace what somebody else has made meanwhile
    except FileExistsError:
        pass
    except OSError:  # a disk without hard links
        aside.replace(path)
    with suppress(FileNotFoundError):
        aside.unlink()


def _beside(path: Path) -> list[Path]:
    """The files that sqlite keeps beside a database."""
    return [path.with_name(f"{path.name}{end}") for end in ("-journal", "-wal", "-shm")]
