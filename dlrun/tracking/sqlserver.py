"""A store in a database server (PostgreSQL, MySQL, SQL Server): made once, and never upgraded unasked."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, create_engine, inspect, text
from sqlalchemy.pool import NullPool

from dlrun.tracking.backend import StoreFault
from dlrun.tracking.revisions import standing
from dlrun.tracking.store import redacted

if TYPE_CHECKING:
    from dlrun.tracking.pulse import Pulse

__all__ = ["ensure"]

_CONNECT_SECONDS = 10
_TIMEOUTS = {"postgresql": {"connect_timeout": _CONNECT_SECONDS}, "mysql": {"connect_timeout": _CONNECT_SECONDS}}
_LOCK_NUMBER = 0x646C72756E  # "dlrun": what PostgreSQL's advisory locks are told apart by
_LOCKS = {
    "postgresql": (f"select pg_try_advisory_lock({_LOCK_NUMBER})", f"select pg_advisory_unlock({_LOCK_NUMBER})"),
    "mysql": ("select get_lock('dlrun', 0)", "select release_lock('dlrun')"),
    "mssql": (
        "set nocount on; declare @got int; exec @got = sp_getapplock @Resource = 'dlrun', @LockMode = 'Exclusive', "
        "@LockOwner = 'Session', @LockTimeout = 0; select case when @got >= 0 then 1 else 0 end",
        "exec sp_releaseapplock @Resource = 'dlrun', @LockOwner = 'Session'",
    ),
}
"""What tries to take a lock, and says with one value whether it did, and what gives it back. None of them waits."""

_MAKING_SECONDS = 60.0  # how long another command may take to make the tables
_POLL_SECONDS = 0.2


def ensure(uri: str, root: Path, pulse: Pulse | None = None) -> None:
    """See that the database holds MLflow's tables, at the revision of the installed MLflow.

    The tables are made under a lock of the database's own, which holds for commands on other machines, too.

    Args:
        root: the folder for files, where MLflow has none of its own.
        pulse: is told of requests and answers.

    Raises:
        StoreFault: the tables are of another version of MLflow, or another command has been making them for a minute.
        sqlalchemy.exc.SQLAlchemyError: the database is away, or refuses.
    """
    dialect = uri.partition(":")[0].partition("+")[0]
    engine = create_engine(uri, poolclass=NullPool, connect_args=_TIMEOUTS.get(dialect, {}))
    with pulse.asking() if pulse else nullcontext():
        connection = engine.connect()
    with connection:
        if _is_ready(connection, uri):
            return
        with _alone(connection, dialect, pulse):
            if not _is_ready(connection, uri):
                _make(uri, root)


def _is_ready(connection: Connection, uri: str) -> bool:
    """Whether the tables are there; one that was broken off while it was made is completed by making it again."""
    is_there = "alembic_version" in inspect(connection).get_table_names()
    revisions = list(connection.execute(text("select version_num from alembic_version")).scalars()) if is_there else []
    connection.rollback()
    for revision in revisions:
        if (word := standing(revision)) != "current":
            raise StoreFault(_other_version(word, revision, uri))
    return bool(revisions)


def _other_version(word: str, revision: str, uri: str) -> str:
    fault = f"{redacted(uri)} is of {'an older' if word == 'older' else 'a newer'} MLflow (its schema is {revision})"
    if word == "newer":
        return f"{fault}. Install that one, pip install --upgrade mlflow, or name another store"
    return f"{fault}. Make a backup of the database, then type mlflow db upgrade with its address"


def _alone(connection: Connection, dialect: str, pulse: Pulse | None) -> AbstractContextManager[None]:
    return _locked(connection, *_LOCKS[dialect], pulse) if dialect in _LOCKS else nullcontext()


@contextmanager
def _locked(connection: Connection, take: str, give: str, pulse: Pulse | None) -> Iterator[None]:
    deadline = time.monotonic() + _MAKING_SECONDS
    while not _taken(connection, take, pulse):
        if time.monotonic() > deadline:
            raise StoreFault(
                f"another command has been making its tables for {_MAKING_SECONDS:.0f} s. "
                "End that one, or the session of the database that keeps its lock"
            )
        time.sleep(_POLL_SECONDS)
    try:
        yield
    finally:
        connection.execute(text(give))
        connection.commit()


def _taken(connection: Connection, take: str, pulse: Pulse | None) -> bool:
    with pulse.asking() if pulse else nullcontext():
        got = connection.execute(text(take)).scalar()
        connection.commit()  # the lock is the session's: what the others made must be seen behind it
    return bool(got)


def _make(uri: str, root: Path) -> None:
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore  # 2 s of imports

    SqlAlchemyStore(uri, root.as_uri()).engine.dispose()  # type: ignore[no-untyped-call]
