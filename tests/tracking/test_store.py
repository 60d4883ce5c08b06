"""Where the store is, and what is wrong with it, told without MLflow."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from dlrun.tracking import sqlitefile
from dlrun.tracking.store import problems, redacted, token, tracking_uri


def test_the_default_store_lies_beside_the_runs(tmp_path: Path) -> None:
    assert tracking_uri({"option": "mlflow", "uri": None}, tmp_path) == f"sqlite:///{tmp_path}/mlflow.db"
    assert tracking_uri({"uri": "sqlite:///a/b.db"}, tmp_path) == f"sqlite:///{tmp_path}/a/b.db"
    assert tracking_uri({"uri": "sqlite:////a/b.db?timeout=3"}, tmp_path) == "sqlite:////a/b.db?timeout=3"
    assert tracking_uri({"uri": "http://host:5000"}, tmp_path) == "http://host:5000"
    assert tracking_uri({"option": "none"}, tmp_path) == ""


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("file:///tmp/mlruns", "must name a database or a server"),
        ("./mlruns", "must name a database or a server"),
        ("gopher://host", "must begin with sqlite:///"),
        ("sqlite://", "must name a file"),
        ("sqlite:///:memory:", "must name a file"),
        ("postgresql+nodriver://host/db", "driver that is installed"),
        ("sqlite:///text.db", "no sqlite database"),
        ("sqlite:///folder.db", "it is a folder"),
        ("sqlite:///nowhere/mlflow.db", "there is no folder"),
        ("sqlite:///other.db", "something else (tables songs)"),
    ],
)
def test_a_store_that_cannot_be_used_is_named(tmp_path: Path, uri: str, words: str) -> None:
    (tmp_path / "text.db").write_text("not a database, but long enough to have a header of one hundred bytes" * 3)
    (tmp_path / "folder.db").mkdir()
    with closing(sqlite3.connect(tmp_path / "other.db")) as database:
        database.execute("create table songs (name)")
    (problem,) = problems({"option": "mlflow", "uri": uri}, tmp_path)
    assert words in str(problem)
    assert problem.key == "tracking.uri"


@pytest.mark.parametrize("uri", [None, "http://127.0.0.1:1", "databricks", "sqlite:///empty.db", "sqlite:///store.db"])
def test_a_store_that_may_work_is_no_problem(tmp_path: Path, uri: str | None) -> None:
    (tmp_path / "empty.db").touch()
    with closing(sqlite3.connect(tmp_path / "store.db")) as database:
        database.execute("create table alembic_version (version_num)")
    assert problems({"option": "mlflow", "uri": uri}, tmp_path) == []
    assert problems({"option": "none"}, tmp_path) == []


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_a_store_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    (problem,) = problems({"uri": None}, tmp_path)
    assert "cannot be written" in str(problem)


def test_a_store_in_use_is_locked_and_no_problem(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("create table alembic_version (version_num)")
        database.execute("begin exclusive")
        assert sqlitefile.inspect(path).word == "locked"
        assert problems({"uri": None}, tmp_path) == []


def test_a_look_leaves_the_locks_of_this_process_alone(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    other = f"import sqlite3; sqlite3.connect({str(path)!r}, timeout=0).execute('begin immediate')"
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("create table alembic_version (version_num)")
        database.execute("begin immediate")
        assert sqlitefile.inspect(path).word == "locked"
        assert sqlitefile.identity(path) == "0"
        assert token(f"sqlite:///{path}")
        found = subprocess.run([sys.executable, "-c", other], capture_output=True, text=True, check=False)
        assert "database is locked" in found.stderr


def test_a_remade_store_is_another_one(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    assert token(uri) == ""
    tokens = set()
    for number in (1, 2):
        (tmp_path / "mlflow.db").unlink(missing_ok=True)
        with closing(sqlite3.connect(tmp_path / "mlflow.db")) as database:
            database.execute(f"pragma application_id = {number}")
            database.execute("create table alembic_version (version_num)")
        tokens.add(token(uri))
    assert len(tokens) == 2


def test_passwords_are_not_shown() -> None:
    assert redacted("postgresql://me:secret@host/db") == "postgresql://me:***@host/db"
    assert redacted("sqlite:////a@b/c:d.db") == "sqlite:////a@b/c:d.db"


def test_the_trainers_side_imports_no_framework() -> None:
    code = (
        "import sys, dlrun.tracking.client, dlrun.tracking.journal, dlrun.tracking.state, dlrun.tracking.uiserver;"
        "print([m for m in ('mlflow', 'tensorflow', 'keras', 'pandas', 'sqlalchemy') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
