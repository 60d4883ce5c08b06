"""What does not pass by itself: a lock that nobody gives back, a run that cannot be recorded, a deletion undone."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock, Timeout

from dlrun.tracking import children, tree
from dlrun.tracking.backend import Backend, Held
from dlrun.tracking.faults import is_busy, is_of_run, of_runs, told
from dlrun.tracking.journal import Event, Journal
from dlrun.tracking.mlflowbackend import MlflowBackend
from dlrun.tracking.pulse import Pulse
from dlrun.tracking.schema import connect
from dlrun.tracking.sqlbackend import SqlBackend
from dlrun.tracking.state import SYNCED, is_pending, pending
from dlrun.tracking.tree import Tree
from dlrun.workflows.sync import Batch, Sent, send

START = {"attempt": 1, "experiment": "test", "command": "dlrun", "name": "n", "params": {}, "tags": {}}
SWEEP = {"sweep": {"id": "s", "name": "a sweep"}, "trial": {"id": "t", "name": "a trial"}}


def run_in(work: Path, run: str, **start: Any) -> Path:
    """A run that has ended."""
    run_dir = work / "runs" / run
    run_dir.mkdir(parents=True)
    with Journal(run_dir / "journal.jsonl") as journal:
        journal.append("start", run=run, **(START | {"sweep": None, "trial": None} | start))
        journal.append("epoch", epoch=1, metrics={"loss": 1.0}, learning_rate=0.1, seconds=0.1)
        journal.append("end", status="finished", metrics={}, cause=None)
    return run_dir


def uri_of(work: Path) -> str:
    return f"sqlite:///{work}/mlflow.db"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store without runs."""
    work = tmp_path_factory.mktemp("made")
    connect(uri_of(work), work)
    return work / "mlflow.db"


@pytest.fixture
def work(tmp_path: Path, made: Path) -> Path:
    (tmp_path / "mlflow.db").write_bytes(made.read_bytes())
    return tmp_path


def backend_of(work: Path) -> SqlBackend:
    return SqlBackend(work / "mlflow.db", lambda: pytest.fail("MLflow is not needed"))


def sync(work: Path, *, again: bool = False) -> Sent:
    runs = sorted(path.parent for path in work.glob("runs/*/journal.jsonl"))
    return send(Batch({"option": "mlflow", "uri": uri_of(work)}, uri_of(work), {}, runs=runs), work, again=again)


def stages(work: Path) -> dict[str, str]:
    with closing(sqlite3.connect(work / "mlflow.db")) as store:
        return dict(store.execute("select name, lifecycle_stage from runs"))


class _Slow:
    """A store that takes its time between the look for a sweep and the making of it."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)

    def find_runs(self, experiment_id: str, tags: Mapping[str, str]) -> list[Held]:
        found = self._backend.find_runs(experiment_id, tags)
        time.sleep(0.3)
        return found


def test_two_commands_make_one_sweep(work: Path) -> None:
    def place() -> None:
        slow: Any = _Slow(backend_of(work))
        Tree(slow, uri_of(work), work).place(Event(0, 1.0, "start", START | SWEEP | {"run": "a"}))

    backend_of(work).create_experiment("test", work.as_uri())
    both = [threading.Thread(target=place) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert sorted(stages(work)) == ["a sweep", "a trial"]
    with closing(sqlite3.connect(work / "mlflow.db")) as store:
        assert store.execute("select count(*) from runs").fetchone() == (2,)


@pytest.fixture
def lock_kept(work: Path) -> Iterator[None]:
    """The store's lock in the hands of a command that never gives it back."""
    with FileLock(f"{work}/mlflow.db.lock"):
        yield


@pytest.mark.usefixtures("lock_kept")
def test_a_lock_is_waited_for_and_not_for_ever(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree, "_LOCK_SECONDS", 0.2)
    pulse, seen = Pulse(), []
    monkeypatch.setattr(FileLock, "acquire", _noting(seen, pulse, FileLock.acquire))
    above = Tree(backend_of(work), uri_of(work), work, pulse)
    with pytest.raises(Timeout) as caught:
        above.place(Event(0, 1.0, "start", START | SWEEP | {"run": "a"}))
    assert told(caught.value) == "another command keeps its lock. End that command, should this stay so"
    assert is_busy(caught.value)
    assert not is_of_run(caught.value)
    assert seen == [1]


def _noting(seen: list[int], pulse: Pulse, acquire: Any) -> Any:
    """`acquire`, noting how many answers the pulse waits for meanwhile."""

    def noting(*given: Any, **named: Any) -> Any:
        seen.append(len(pulse._due))
        return acquire(*given, **named)

    return noting


@pytest.mark.usefixtures("lock_kept")
def test_a_writer_ends_when_its_time_is_over_whatever_it_waits_for(work: Path) -> None:
    run_dir = run_in(work, "a" * 16, **SWEEP)
    writer = subprocess.Popen(
        children.command("dlrun.tracking.writer"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=children.environment(),
    )
    first = {"uri": uri_of(work), "work": str(work), "log": str(work / "log"), "secrets": {}}
    orders = [first, {"watch": str(run_dir)}, {"close": 0.5, "give_up": 1000}]
    try:
        output, _ = writer.communicate("".join(f"{json.dumps(order)}\n" for order in orders).encode(), timeout=8)
    finally:
        writer.kill()
    assert json.loads(output) == {"pending": 1, "error": "it did not take everything in time"}
    assert writer.returncode == 1


def test_a_run_that_cannot_be_recorded_keeps_back_no_other(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dlrun.workflows.sync._LONGEST_SECONDS", 60.0)
    first, last = run_in(work, "0" * 16), run_in(work, "f" * 16)
    broken = work / "runs" / ("5" * 16)
    broken.mkdir()
    with Journal(broken / "journal.jsonl") as journal:
        journal.append("start", run=broken.name)  # without what the store is to be told
    closed = run_in(work, "6" * 16)
    (closed / SYNCED).mkdir()  # whoever is root may write what is another's, but not a folder
    sent = sync(work)
    assert (sent.runs, sent.sent, sent.missing) == (4, 2, 2)
    assert pending([first, broken, closed, last], uri_of(work)) == [broken, closed]
    assert f"run {broken.name}: " in (sent.why or "")
    assert f"run {closed.name}: Is a directory: {closed / SYNCED}" in (sent.why or "")
    again = sync(work, again=True)
    assert (again.sent, again.missing) == (2, 2)


def test_what_is_of_a_run_is_told_from_what_is_of_the_store() -> None:
    assert is_of_run(ValueError("not in the subpath"))
    assert is_of_run(KeyError("attempt"))
    assert is_of_run(PermissionError(13, "Permission denied", "/here/runs/a/.synced"))
    assert is_of_run(sqlite3.IntegrityError("NOT NULL constraint failed"))
    assert not is_of_run(OSError(28, "No space left on device", "/here/runs/a/plot.png"))
    assert not is_of_run(ConnectionRefusedError(111, "Connection refused"))
    assert not is_of_run(sqlite3.OperationalError("database is locked"))
    assert not is_of_run(sqlite3.DatabaseError("file is not a database"))
    assert not is_of_run(sqlite3.IntegrityError("attempt to write a readonly database"))


def test_of_many_runs_some_are_named() -> None:
    assert of_runs({"a": "no", "b": "never"}) == "run a: no; run b: never"
    assert of_runs({str(number): "no" for number in range(9)}) == "run 0: no; run 1: no; run 2: no; and 6 more"


def test_a_sweep_that_cannot_be_ended_keeps_back_no_other(work: Path) -> None:
    runs = {}
    for name in "ab":
        runs[name] = run_in(work, name * 16, sweep={"id": name, "name": f"sweep {name}"}, trial={"id": f"t{name}"})
        folder = work / "sweeps" / name
        folder.mkdir(parents=True)
        plan = {"id": name, "trials": [{"id": f"t{name}", "runs": [name * 16]}]}
        (folder / "sweep.json").write_text(json.dumps(plan))
    above = Tree(backend_of(work), uri_of(work), work)
    for run_dir in runs.values():
        above.place(Event(0, 1.0, "start", json.loads((run_dir / "journal.jsonl").read_bytes().splitlines()[0])))
    log_file = above.backend.log_file

    def refuse(run_id: str, path: Path, folder: str | None) -> None:
        if path.parent.name == "a":
            raise PermissionError(13, "Permission denied", str(path))
        log_file(run_id, path, folder)

    above.backend.log_file = refuse  # type: ignore[method-assign]
    assert above.close() == {"a" * 16: f"Permission denied: {work}/sweeps/a/sweep.json"}
    assert list(work.glob("mlartifacts/test/*/artifacts/sweep.json"))
    above.backend.log_file = log_file  # type: ignore[method-assign]
    assert above.close() == {}


def test_a_look_at_what_is_pending_reads_one_line(tmp_path: Path) -> None:
    run_dir = run_in(tmp_path, "a" * 16)
    journal = run_dir / "journal.jsonl"
    assert is_pending(run_dir, "store")
    whole = journal.read_bytes()
    journal.write_bytes(b"half a li\n\n" + whole.splitlines()[0])  # a good one, if without its newline
    assert is_pending(run_dir, "store")
    journal.write_bytes(whole[:20])
    assert not is_pending(run_dir, "store")
    journal.write_bytes(whole + b"x" * 100)
    assert is_pending(run_dir, "store")
    journal.unlink()
    journal.mkdir()  # cannot be read: it may well be that nobody has sent it
    assert is_pending(run_dir, "store")


@pytest.mark.parametrize("kind", [SqlBackend, MlflowBackend])
def test_a_run_that_stands_above_itself_can_be_deleted(work: Path, kind: type) -> None:
    sql = backend_of(work)
    experiment = sql.create_experiment("test", work.as_uri())
    run = sql.create_run(experiment, "round", 1, {})
    sql.write(run, [], {}, {"mlflow.parentRunId": run, "dlrun.superseded_by": run})
    backend = sql if kind is SqlBackend else MlflowBackend(uri_of(work))
    done = threading.Thread(target=lambda: _delete(work, backend, run), daemon=True)
    done.start()
    done.join(20)
    assert not done.is_alive()
    assert stages(work) == {"round": "deleted"}


def _delete(work: Path, backend: Backend, run: str) -> None:
    (backend_of(work) if isinstance(backend, SqlBackend) else backend).delete_run(run)


@pytest.mark.parametrize("kind", [SqlBackend, MlflowBackend])
def test_what_was_deleted_here_stays_so_when_its_experiment_is_restored(work: Path, kind: type) -> None:
    experiment = backend_of(work).create_experiment("test", work.as_uri())
    mlflow = MlflowBackend(uri_of(work))
    backend: Backend = backend_of(work) if kind is SqlBackend else mlflow
    sweep = backend.create_run(experiment, "sweep", 1, {"dlrun.kind": "sweep"})
    gone = backend.create_run(experiment, "gone", 1, {"mlflow.parentRunId": sweep})
    backend.create_run(experiment, "earlier", 1, {"dlrun.superseded_by": gone, "mlflow.parentRunId": sweep})
    backend.create_run(experiment, "kept", 1, {})
    backend.delete_run(gone)
    assert stages(work) == {"sweep": "deleted", "gone": "deleted", "earlier": "deleted", "kept": "active"}
    mlflow._client.delete_experiment(experiment)
    assert set(stages(work).values()) == {"deleted"}
    assert backend.find_experiment("test") == experiment
    assert stages(work) == {"sweep": "deleted", "gone": "deleted", "earlier": "deleted", "kept": "active"}
    restored = mlflow._client.get_experiment(experiment)
    assert restored.lifecycle_stage == "active"


def test_a_run_is_found_by_any_tags(work: Path) -> None:
    backend = backend_of(work)
    experiment = backend.create_experiment("test", work.as_uri())
    other = backend.create_experiment("other", work.as_uri())
    tags = {"dlrun.run_id": "r", "dlrun.kind": "run", "dlrun.sweep_id": "s"}
    run = backend.create_run(experiment, "a", 2, tags)
    early = backend.create_run(experiment, "b", 1, tags | {"dlrun.run_id": "q"})
    backend.create_run(other, "c", 1, tags)
    gone = backend.create_run(experiment, "d", 1, tags)
    backend.delete_run(gone)

    def found(**wanted: str) -> list[str]:
        return [each.run_id for each in backend.find_runs(experiment, {f"dlrun.{k}": v for k, v in wanted.items()})]

    assert found(kind="run", run_id="r") == [run]
    assert found(kind="trial", run_id="r") == []
    assert found(sweep_id="s", kind="run") == [early, run]
    assert found(run_id="another") == []

    later = backend_of(work).create_run(experiment, "by another command", 3, tags)
    assert found(run_id="r") == [run, later]
    own = backend.create_run(experiment, "by this one", 4, tags)
    assert found(run_id="r") == [run, later, own]
    backend_of(work).write(later, [], {}, {"dlrun.run_id": "z"})
    backend.delete_run(run)
    assert (found(run_id="r"), found(run_id="z")) == ([own], [later])
