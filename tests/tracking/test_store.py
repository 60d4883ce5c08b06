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
from dlrun.tracking.backend import StoreFault
from dlrun.tracking.faults import told
from dlrun.tracking.schema import connect
from dlrun.tracking.state import Note, Synced, all_synced, forget, read_synced
from dlrun.tracking.store import problems, redacted, store_uri, token, tracking_uri


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


@pytest.mark.parametrize(
    ("revision", "words"),
    [("451aebb31d03", "an older MLflow"), ("0" * 12, "a newer MLflow")],
)
def test_a_store_of_another_mlflow_is_left_alone(tmp_path: Path, revision: str, words: str) -> None:
    path = tmp_path / "mlflow.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("create table alembic_version (version_num)")
        database.execute("insert into alembic_version values (?)", (revision,))
        database.commit()
    content = path.read_bytes()
    (problem,) = problems({"uri": None}, tmp_path)
    assert words in str(problem)
    assert ("dlrun sync --upgrade, which makes a backup first" in str(problem)) == (words == "an older MLflow")
    (named,) = problems({"uri": "sqlite:///mlflow.db"}, tmp_path)
    assert named.mend == problem.mend
    assert problems({"option": "offline"}, tmp_path) == []
    with pytest.raises(StoreFault, match=words):
        connect(f"sqlite:///{path}", tmp_path)
    assert path.read_bytes() == content


def test_offline_names_its_store_and_sends_nothing(tmp_path: Path) -> None:
    node = {"option": "offline", "uri": None}
    assert tracking_uri(node, tmp_path) == ""
    assert store_uri(node, tmp_path) == f"sqlite:///{tmp_path}/mlflow.db"
    (problem,) = problems({"option": "offline", "uri": "gopher://x"}, tmp_path)
    assert "must begin with" in problem.rule


def test_the_note_of_a_run_keeps_stores_apart(tmp_path: Path) -> None:
    note = Note.hold(tmp_path)
    assert note is not None
    note.write(Synced("one", "a", 3, 100))
    note.write(Synced("other", "b", 5, 200))
    note.write(Synced("one", "a", 4, 150))
    note.release()
    assert [each.store for each in all_synced(tmp_path)] == ["other", "one"]
    assert read_synced(tmp_path) == read_synced(tmp_path, "one") == Synced("one", "a", 4, 150)
    assert read_synced(tmp_path, "third") is None
    forget(tmp_path)
    assert all_synced(tmp_path) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("API request to endpoint /x failed with error code 401 != 200. Response body: 'no'", "asks who you are"),
        ("... failed with error code 403 != 200. Response body: 'Permission denied'", "does not let this user"),
        ("Max retries exceeded (Caused by ResponseError('too many 500 error responses'))", "an error of its own"),
        ("NewConnectionError(...: [Errno 111] Connection refused)", "nobody answers"),
        ("(sqlite3.OperationalError) database or disk is full", "disk is full"),
        ('FATAL:  password authentication failed for user "x"', "refuses the user"),
    ],
)
def test_what_a_library_raises_is_told_in_a_sentence(text: str, says: str) -> None:
    outer = RuntimeError("it did not work")
    outer.__cause__ = RuntimeError(text)
    assert says in told(outer)
    assert told(RuntimeError("something new\nand more")) == "something new"
