"""Deletions that are killed, in a real store: it forgets the run that went, and no other."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from dlrun.analysis.runs import read_run
from dlrun.tracking.client import Writer
from dlrun.tracking.journal import Journal
from dlrun.tracking.state import pending
from dlrun.tracking.store import store_uri
from dlrun.workflows import removal

RUN = "a" * 16


@pytest.fixture
def here(copy_empty_store: Callable[[Path], None], tmp_path: Path) -> Path:
    for name in ("mlflow.db", "copy.db"):
        copy_empty_store(tmp_path / name)
    return tmp_path


def trained(work: Path, run: str = RUN) -> Path:
    run_dir = work / "runs" / run
    run_dir.mkdir(parents=True)
    (run_dir / "spec.json").write_text("{}")
    with Journal(run_dir / "journal.jsonl") as journal:
        journal.append("start", run=run, attempt=1, name=run, experiment="test", sweep=None, trial=None)
        journal.append("end", status="finished", metrics={}, cause=None)
    return run_dir


def sent(work: Path, *run_dirs: Path, uri: str | None = None) -> list[tuple[str, str]]:
    """Have the writer send runs; the name and the state of every run of the store, in the order they came."""
    node = {"option": "mlflow", "uri": uri}
    writer = Writer.to(store_uri(node, work), work, {})
    for run_dir in run_dirs:
        writer.watch(run_dir)
    assert writer.close(30).error is None
    with closing(sqlite3.connect((store_uri(node, work)).removeprefix("sqlite:///"))) as store:
        found = store.execute("select name, lifecycle_stage from runs order by rowid").fetchall()
    return [(name[0], stage) for name, stage in found]


def killed(work: Path, patch: Callable[[], object]) -> None:
    """Delete the run in a process that kills itself where `patch` says."""
    child = os.fork()
    if child == 0:
        try:
            patch()
            record = read_run(work / "runs" / RUN)
            assert record is not None
            removal.remove(removal.plan([record], work))
        finally:
            os._exit(0)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL


def die(*_: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_killed_behind_the_rename_and_trained_anew_the_new_run_stays(here: Path) -> None:
    sent(here, trained(here))
    killed(here, lambda: setattr(removal, "_free", die))
    assert (here / "runs" / ".deleted" / RUN / "journal.jsonl").exists()
    anew = trained(here)
    assert sent(here, anew) == [("a", "deleted"), ("a", "active")]
    removal.finish(here)
    assert sent(here, trained(here, "b" * 16)) == [("a", "deleted"), ("a", "active"), ("b", "active")]
    assert pending([anew], store_uri({}, here)) == []


def test_killed_before_the_rename_the_run_is_there_and_stays_in_the_store(here: Path) -> None:
    run_dir = trained(here)
    sent(here, run_dir)

    def patch() -> None:
        Path.rename = die  # type: ignore[method-assign,assignment]

    killed(here, patch)
    assert len(list((here / "runs" / ".deleted").glob("*.json"))) == 1
    assert sent(here, trained(here, "b" * 16)) == [("a", "active"), ("b", "active")]
    removal.finish(here)
    assert not (here / "runs" / ".deleted").exists()


def test_a_run_in_two_stores_is_deleted_in_both(here: Path) -> None:
    run_dir = trained(here)
    sent(here, run_dir)
    sent(here, run_dir, uri="sqlite:///copy.db")
    record = read_run(run_dir)
    assert record is not None
    removal.remove(removal.plan([record], here))
    assert sent(here) == [("a", "deleted")]
    assert sent(here, uri="sqlite:///copy.db") == [("a", "deleted")]
    assert not list((here / "runs" / ".deleted").glob("*.json"))
