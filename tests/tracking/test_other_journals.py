"""Journals and notes of other runs: a directory that was removed and trained anew, copied, or made by a stranger."""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from dlrun.tracking.journal import Journal, read
from dlrun.tracking.project import Projection
from dlrun.tracking.schema import connect
from dlrun.tracking.state import Note, pending
from dlrun.tracking.store import store_uri, token
from dlrun.tracking.tree import Tree

RUN = "a" * 16


@pytest.fixture
def here(copy_empty_store: Callable[[Path], None], tmp_path: Path) -> Path:
    copy_empty_store(tmp_path / "mlflow.db")
    return tmp_path


def journal_of(folder: Path, losses: dict[int, float], ends: bool = True, **start: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    with Journal(folder / "journal.jsonl") as journal:
        about = {"run": RUN, "attempt": 1, "name": "one", "experiment": "test", "sweep": None, "trial": None}
        journal.append("start", **about | start)
        for epoch, loss in losses.items():
            journal.append("epoch", epoch=epoch, metrics={"loss": loss}, learning_rate=0.1, seconds=0.1)
        if ends:
            journal.append("end", status="finished", metrics={}, cause=None)
    return folder


def send(work: Path, *folders: Path) -> None:
    """What the writer does with some runs."""
    uri = store_uri({}, work)
    tree = Tree(connect(uri, work), uri, work)
    for folder in folders:
        projection = Projection(folder, tree, token(uri))
        projection.step()
        projection.release()
    tree.close()
    assert pending(folders, uri) == []


def stored(work: Path) -> dict[str, dict[int, float]]:
    """The losses of each run that counts, by epoch."""
    query = (
        "select run_uuid, step, value from metrics join runs using (run_uuid) where key = 'loss' and lifecycle_stage = "
        "'active' and run_uuid not in (select run_uuid from tags where key = 'dlrun.superseded_by')"
    )
    found: dict[str, dict[int, float]] = {}
    with closing(sqlite3.connect(work / "mlflow.db")) as store:
        for run, step, value in store.execute(query):
            found.setdefault(run, {})[step] = value
    return found


def test_a_run_that_was_removed_and_trained_anew_has_all_its_epochs(here: Path) -> None:
    """The store's mark counts events of the journal that is gone."""
    run = here / "runs" / RUN
    send(here, journal_of(run, {epoch: 1 / epoch for epoch in range(1, 20)}, ends=False))
    shutil.rmtree(run)
    losses = {epoch: 1 / epoch for epoch in range(1, 31)}
    send(here, journal_of(run, losses))
    assert list(stored(here).values()) == [losses]


def test_other_values_of_the_same_run_are_not_mixed_with_it(here: Path) -> None:
    run = here / "runs" / RUN
    send(here, journal_of(run, {1: 0.5, 2: 0.25, 3: 0.125}))
    shutil.rmtree(run)
    send(here, journal_of(run, {1: 0.5, 2: 0.26}))
    assert list(stored(here).values()) == [{1: 0.5, 2: 0.26}]


def test_a_note_that_was_copied_with_a_directory_leads_to_no_other_run(here: Path) -> None:
    first = journal_of(here / "runs" / RUN, {1: 0.5})
    send(here, first)
    other = journal_of(here / "runs" / ("b" * 16), {1: 0.75}, run="b" * 16)
    shutil.copy(first / ".synced", other / ".synced")
    note = json.loads((other / ".synced").read_text())
    (other / ".synced").write_text(json.dumps(note | {"offset": 0, "seq": 0}))
    send(here, other)
    assert sorted(map(str, stored(here).values())) == ["{1: 0.5}", "{1: 0.75}"]


def test_nothing_that_a_link_leads_to_is_sent_or_written(here: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    private = tmp_path_factory.mktemp("private")
    (private / "key").write_text("PRIVATE")
    (private / "environment.json").write_text('{"python": "PRIVATE"}')
    (here / "runs" / RUN / "plots").mkdir(parents=True)
    run = here / "runs" / RUN
    (run / "plots" / "own.txt").write_text("own")
    (run / "plots" / "key").symlink_to(private / "key")
    (run / "plots" / "all").symlink_to(private)
    (run / "model.keras").symlink_to(private / "key")
    (run / "signature.json").write_text("{}")
    with Journal(run / "journal.jsonl") as journal:
        sweep = {"id": str(private), "name": "s", "command": "dlrun -m"}
        about = {"run": RUN, "attempt": 1, "name": "one", "experiment": "test"}
        journal.append("start", **about, sweep=None, trial=None)
        for path in ("plots", "model.keras", "../../../private/key", str(private / "key")):
            journal.append("artifact", path=path)
        journal.append("end", status="finished", metrics={}, cause=None)
    send(here, run)
    sent = {path.name: path.read_text() for path in (here / "mlartifacts").rglob("*") if path.is_file()}
    assert sent["own.txt"] == "own"
    assert not [name for name, text in sent.items() if "PRIVATE" in text]

    stranger = journal_of(here / "runs" / ("c" * 16), {1: 1.0}, run="c" * 16, sweep=sweep)
    with pytest.raises(ValueError, match="no sweep's id"):
        send(here, stranger)


@pytest.mark.parametrize("name", [".synced", "journal.jsonl"])
def test_a_link_in_place_of_our_files_is_not_written_through(name: str, tmp_path: Path) -> None:
    (tmp_path / "theirs").write_text("theirs")
    (tmp_path / name).symlink_to(tmp_path / "theirs")
    with pytest.raises(OSError):
        Note.hold(tmp_path) if name == ".synced" else Journal(tmp_path / name)
    assert (tmp_path / "theirs").read_text() == "theirs"


@pytest.fixture
def alarms() -> Iterator[None]:
    """KeyboardInterrupt at any instruction, every so often."""
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0.0)
    signal.signal(signal.SIGALRM, before)


def test_a_signal_at_any_instant_gives_no_number_twice(tmp_path: Path, alarms: None) -> None:
    for attempt in range(150):
        path = tmp_path / str(attempt)
        try:
            with Journal(path) as journal:
                signal.setitimer(signal.ITIMER_REAL, 0.0002 + 0.00001 * attempt)
                while True:
                    journal.append("x")
        except KeyboardInterrupt:
            signal.setitimer(signal.ITIMER_REAL, 0.0)
        with Journal(path) as journal:  # the same process goes on: an end is written
            journal.append("end")
        numbers = [event.seq for event in read(path)]
        assert len(set(numbers)) == len(numbers), attempt
        path.unlink()
