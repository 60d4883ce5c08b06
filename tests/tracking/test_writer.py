"""The writer against a real store, in real processes that are really killed."""

from __future__ import annotations

import json
import math
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from dlrun.cli.main import main
from dlrun.tracking.backend import Backend
from dlrun.tracking.client import Report, Writer
from dlrun.tracking.journal import Journal
from dlrun.tracking.mlflowbackend import MlflowBackend
from dlrun.tracking.owner import is_alive
from dlrun.tracking.project import Projection
from dlrun.tracking.schema import connect
from dlrun.tracking.sqlbackend import SqlBackend
from dlrun.tracking.sqltables import is_known
from dlrun.tracking.state import note_settled, pending, read_synced
from dlrun.tracking.store import token
from dlrun.tracking.tree import Tree

_NODE = {"option": "mlflow", "uri": None, "experiment": "test"}
_TRIALS = {"slow": 0.001, "fast": 0.1}
_SEEDS = 3
_EPOCHS = 20


def _id(trial: int, seed: int) -> str:
    return f"{trial * 16 + seed:016x}"


def _journal_run(work: Path, run: str, *, epochs: int = _EPOCHS, offset: float = 0.0, **start: Any) -> Path:
    """Append an attempt that never ends; `_end_run` ends it."""
    run_dir = work / "runs" / run
    run_dir.mkdir(parents=True, exist_ok=True)
    attempt = start.pop("attempt", 1)
    with Journal(run_dir / "journal.jsonl") as journal:
        journal.append("start", run=run, attempt=attempt, experiment="test", command="dlrun -m", **start)
        journal.append("data", name="digits", digest="digits:1", task="multiclass", samples={"train": 9}, features=4)
        journal.append("model", parameters=100, summary="a model")
        for epoch in range(1, epochs + 1):
            metrics = {"loss": 1 / epoch + offset, "val_loss": 2 / epoch}
            journal.append("epoch", epoch=epoch, metrics=metrics, learning_rate=0.1, seconds=random.random())
    return run_dir


def _end_run(run_dir: Path, status: str = "finished", accuracy: float = 0.9) -> None:
    (run_dir / "spec.json").write_text("{}")
    with Journal(run_dir / "journal.jsonl") as journal:
        journal.append("evaluated", part="test", epoch=_EPOCHS, metrics={"accuracy": accuracy})
        journal.append("end", status=status, metrics={"best_val_loss": 0.1, "test_accuracy": accuracy}, cause=None)


def _journal_sweep(work: Path) -> None:
    trials = []
    for number, (name, rate) in enumerate(_TRIALS.items()):
        trials.append({"id": f"t-{name}", "name": name, "runs": [_id(number, seed) for seed in range(_SEEDS)]})
        for seed, run in enumerate(trials[-1]["runs"]):
            run_dir = _journal_run(
                work,
                run,
                name=f"{name} seed={seed}",
                params={"learning_rate": rate, "seed": seed},
                tags={},
                sweep={"id": "s1", "name": "a sweep"},
                trial={"id": f"t-{name}", "name": name},
            )
            _end_run(run_dir, accuracy=0.5 + 0.1 * seed)
    run_dir = _journal_run(work, "d" * 16, name="alone", params={}, tags={}, sweep=None, trial=None)
    with Journal(run_dir / "journal.jsonl") as journal:
        journal.append("epoch", epoch=_EPOCHS + 1, metrics={"loss": math.nan, "val_loss": math.inf}, learning_rate=0.1)
        journal.append("end", status="diverged", metrics={"loss": math.nan}, cause={"kind": "nan", "message": "at 21"})
    (work / "sweeps" / "s1").mkdir(parents=True)
    (work / "sweeps" / "s1" / "sweep.json").write_text(json.dumps({"id": "s1", "trials": trials}))


def _run_dirs(work: Path) -> list[Path]:
    return sorted(path.parent for path in work.glob("runs/*/journal.jsonl"))


def _send(work: Path, timeout: float = 60) -> Report:
    writer = Writer.start(_NODE, work)
    for run_dir in _run_dirs(work):
        writer.watch(run_dir)
    return writer.close(timeout)


def _uri(work: Path) -> str:
    return f"sqlite:///{work}/mlflow.db"


def _content(work: Path) -> dict[str, dict[str, Any]]:
    """What the store holds, by kind and id: read with SQL, so that no test waits for MLflow."""
    with closing(sqlite3.connect(work / "mlflow.db")) as store:
        tags: dict[str, dict[str, str]] = {}
        for run, key, value in store.execute("select run_uuid, key, value from tags"):
            tags.setdefault(run, {})[key] = value
        found = {}
        for run, name, status in store.execute("select run_uuid, name, status from runs"):
            about = tags[run]
            kind = about["dlrun.kind"]
            identity = {"run": "dlrun.run_id", "trial": "dlrun.trial_id", "sweep": "dlrun.sweep_id"}[kind]
            key = f"{kind} {about[identity]}" + (" superseded" if "dlrun.superseded_by" in about else "")
            assert key not in found, f"{key} is there twice"
            rows = store.execute("select key, step, timestamp, value, is_nan from metrics where run_uuid = ?", (run,))
            metrics = sorted(rows.fetchall())
            assert len({row[:2] for row in metrics}) == len(metrics), f"{key} has a metric twice at one step"
            params = dict(store.execute("select key, value from params where run_uuid = ?", (run,)).fetchall())
            parent = tags.get(about.get("mlflow.parentRunId", ""), {}).get("mlflow.runName")
            kept = {key: value for key, value in about.items() if key not in ("mlflow.parentRunId",)}
            values = {"name": name, "status": status, "params": params, "metrics": metrics, "tags": kept}
            found[key] = {**values, "parent": parent, "id": run}
    return found


def _comparable(work: Path) -> dict[str, dict[str, Any]]:
    return {key: {k: v for k, v in run.items() if k != "id"} for key, run in _content(work).items()}


def _wait_until(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep and a single run, sent to a fresh store in one go."""
    work = tmp_path_factory.mktemp("sent")
    _journal_sweep(work)
    report = _send(work)
    assert report == Report(complete=True, pending=0, error=None, uri=_uri(work))
    return work


@pytest.fixture
def unsent(sent: Path, tmp_path: Path) -> Path:
    """The same journals beside a store that holds nothing of them."""
    shutil.copytree(sent / "runs", tmp_path / "runs", ignore=shutil.ignore_patterns(".synced"))
    shutil.copytree(sent / "sweeps", tmp_path / "sweeps")
    shutil.copy(sent / "mlflow.db", tmp_path)
    with closing(sqlite3.connect(tmp_path / "mlflow.db", isolation_level=None)) as store:
        store.execute("pragma foreign_keys = off")
        for table in ("metrics", "latest_metrics", "params", "tags", "inputs", "input_tags", "datasets", "runs"):
            store.execute(f"delete from {table}")
    return tmp_path


@pytest.fixture
def store_alone(sent: Path, tmp_path: Path) -> Path:
    """A store without runs, and no journals."""
    shutil.copy(sent / "mlflow.db", tmp_path)
    with closing(sqlite3.connect(tmp_path / "mlflow.db", isolation_level=None)) as store:
        store.execute("pragma foreign_keys = off")
        for table in ("metrics", "latest_metrics", "params", "tags", "inputs", "input_tags", "datasets", "runs"):
            store.execute(f"delete from {table}")
    return tmp_path


def test_a_sweep_stands_above_its_trials_and_they_above_their_runs(sent: Path) -> None:
    content = _content(sent)
    assert len(content) == 1 + len(_TRIALS) * (1 + _SEEDS) + 1
    run = content[f"run {_id(0, 2)}"]
    assert (run["name"], run["status"], run["parent"]) == ("slow seed=2", "FINISHED", "slow")
    assert run["params"] == {"learning_rate": "0.001", "seed": "2"}
    assert run["tags"]["dlrun.status"] == "finished"
    assert content["trial t-slow"]["parent"] == "a sweep"
    assert content["trial t-slow"]["params"] == {"learning_rate": "0.001"}
    assert content["sweep s1"]["status"] == "FINISHED"
    assert content["sweep s1"]["tags"]["dlrun.finished"] == str(len(_TRIALS) * _SEEDS)


def test_metrics_have_their_epoch_as_step(sent: Path) -> None:
    steps = {}
    for key, step, _, value, _ in _content(sent)[f"run {_id(1, 0)}"]["metrics"]:
        steps.setdefault(key, {})[step] = value
    assert steps["loss"] == {epoch: 1 / epoch for epoch in range(1, _EPOCHS + 1)}
    assert steps["test_accuracy"] == {_EPOCHS: 0.5}
    assert steps["best_val_loss"] == {_EPOCHS: 0.1}
    assert {"learning_rate", "epoch_seconds", "parameters", "val_loss"} < steps.keys()


def test_a_trial_has_the_means_of_its_runs(sent: Path) -> None:
    means = {key: (step, value) for key, step, _, value, _ in _content(sent)["trial t-fast"]["metrics"]}
    assert means["test_accuracy"] == (_SEEDS, pytest.approx(0.6))


def test_a_diverged_run_failed_and_keeps_its_word(sent: Path) -> None:
    run = _content(sent)["run " + "d" * 16]
    assert (run["status"], run["parent"]) == ("FAILED", None)
    assert (run["tags"]["dlrun.status"], run["tags"]["dlrun.cause"]) == ("diverged", "at 21")
    assert any(key == "loss" and step == _EPOCHS + 1 and is_nan for key, step, _, _, is_nan in run["metrics"])


def test_files_are_sent_and_nothing_is_left_about(sent: Path) -> None:
    folder = sent / "mlartifacts" / "test" / _content(sent)[f"run {_id(0, 0)}"]["id"] / "artifacts"
    assert sorted(path.name for path in folder.iterdir()) == ["model_summary.txt", "spec.json"]
    assert not list(sent.glob("runs/.writer*"))
    assert sorted(path.name for path in sent.glob("mlflow.db*")) == ["mlflow.db", "mlflow.db.lock"]


def test_nothing_is_pending_then_and_a_remade_store_wants_all(sent: Path, tmp_path: Path) -> None:
    run_dirs = _run_dirs(sent)
    assert pending(run_dirs, _uri(sent)) == []
    assert pending(run_dirs, "http://127.0.0.1:1") == run_dirs
    assert pending(run_dirs, f"sqlite:///{tmp_path}/mlflow.db") == run_dirs
    assert pending(run_dirs, "") == []


def test_the_store_is_in_write_ahead_mode(sent: Path) -> None:
    with closing(sqlite3.connect(sent / "mlflow.db")) as store:
        assert store.execute("pragma journal_mode").fetchone() == ("wal",)


def test_killed_again_and_again_the_writer_duplicates_nothing(sent: Path, unsent: Path) -> None:
    chance = random.Random(7)

    for round_ in range(6):
        writer = Writer.start(_NODE, unsent)
        for run_dir in _run_dirs(unsent):
            writer.watch(run_dir)
        assert writer._process is not None
        time.sleep(0.05 + chance.random() * 0.15)  # it starts in 0.1 s, and takes some milliseconds a run
        os.kill(writer._process.pid, signal.SIGKILL)
        report = writer.close(5)
        assert "died" in (report.error or ""), report
        assert not report.complete
        if round_ == 3:  # the notes are gone too: the store alone knows
            for note in unsent.glob("runs/*/.synced"):
                note.unlink()
    for log in unsent.glob("runs/.writer*"):
        assert log.read_text() == ""
    assert _send(unsent).complete
    assert _comparable(unsent) == _comparable(sent)


def _project_all(work: Path, backend: Backend) -> None:
    """What the writer does, in this process; an exception may end it anywhere."""
    tree = Tree(backend, _uri(work), work)
    for run_dir in _run_dirs(work):
        projection = Projection(run_dir, tree, token(_uri(work)))
        projection.step()
        projection.release()
    tree.close()
    for run_dir in _run_dirs(work):
        note_settled(run_dir, token(_uri(work)))


def test_broken_off_at_any_statement_it_goes_on_without_a_gap(sent: Path, unsent: Path) -> None:
    def broken_off_after(statements: int) -> bool:
        """Whether it came to that: each statement of sqlite's is told before it is run."""
        backend = SqlBackend(unsent / "mlflow.db", lambda: pytest.fail("MLflow is not needed"))
        left = statements

        def count(_: str) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                backend._store.interrupt()

        backend._store.set_trace_callback(count)
        try:
            _project_all(unsent, backend)
        except sqlite3.OperationalError:
            return True
        finally:
            backend._store.close()
        return False

    steps = 0
    while broken_off_after(17 * (1 + steps)):  # further each time, so that it comes to an end
        steps += 1
    assert steps > 10
    assert _comparable(unsent) == _comparable(sent)


def test_only_a_store_of_the_installed_mlflow_is_written_with_sql(sent: Path, tmp_path: Path) -> None:
    assert is_known(sent / "mlflow.db")  # else look at what has changed in MLflow's tables since
    other = tmp_path / "other.db"
    with closing(sqlite3.connect(sent / "mlflow.db")) as store, closing(sqlite3.connect(other)) as copy:
        store.backup(copy)
        copy.execute("update alembic_version set version_num = 'another'")
        copy.commit()
    assert not is_known(other)


def test_sql_leaves_what_mlflow_would(unsent: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Row by row, in every table that either writes: a store is MLflow's own, whoever wrote it."""
    with Journal(unsent / "runs" / ("d" * 16) / "journal.jsonl") as journal:
        journal.append("artifact", path="plots")
        journal.append("evaluated", part="test", epoch=2, metrics={"accuracy": 0.9})
        journal.append("system", seconds=1.2, values={"cpu_utilization_percentage": 12.5})
        journal.append("artifact", path="model.keras")
        journal.append("end", status="diverged", metrics={}, cause=None)
    (unsent / "runs" / ("d" * 16) / "plots").mkdir()
    (unsent / "runs" / ("d" * 16) / "plots" / "a.txt").write_text("a plot")
    (unsent / "runs" / ("d" * 16) / "model.keras").write_bytes(b"a model")
    (unsent / "runs" / ("d" * 16) / "signature.json").write_text(json.dumps(_SIGNATURE))
    other = tmp_path_factory.mktemp("mlflow")
    shutil.copytree(unsent, other, dirs_exist_ok=True)
    for work in (unsent, other):
        connected = connect(_uri(work), work)
        assert isinstance(connected, SqlBackend)
        _project_all(work, connected if work == unsent else MlflowBackend(_uri(work)))
    assert _tables(unsent) == _tables(other)
    files = _files(unsent)
    assert files == _files(other)
    assert files["alone"]["plots/a.txt"] == b"a plot"
    models = _models(unsent)
    assert models == _models(other)
    assert models["data/model/model.keras"] == b"a model"


_TIMES_OF_ITS_OWN = ("creation_time", "last_update_time", "creation_timestamp_ms", "last_updated_timestamp_ms")
_SIGNATURE = {
    "columns": ["a", "b"],
    "shape": [2],
    "task": "binary",
    "classes": ["no", "yes"],
    "predictions": ["prediction"],
    "outputs": "probability",
    "modules": [],
    "example": [[1.0, 2.0]],
}


def _tables(work: Path) -> dict[str, list[str]]:
    """The rows of every table; for an id stands what it is the id of, and the folder is left out."""
    with closing(sqlite3.connect(work / "mlflow.db")) as store:
        store.row_factory = sqlite3.Row
        names = [row[0] for row in store.execute("select name from sqlite_master where type = 'table'")]
        ids = {row["run_uuid"]: f"<{row['name']}>" for row in store.execute("select run_uuid, name from runs")}
        ids |= {row[0]: "<dataset>" for row in store.execute("select dataset_uuid from datasets")}
        ids |= {row[0]: "<model>" for row in store.execute("select model_id from logged_models")}
        ids |= {
            row[0]: f"<input of {ids[row[1]]}>"
            for row in store.execute("select input_uuid, destination_id from inputs")
        }
        found = {}
        for name in names:
            rows = [
                {k: v for k, v in dict(row).items() if k not in _TIMES_OF_ITS_OWN}
                for row in store.execute(f"select * from {name}")
            ]
            texts = [repr(row).replace(str(work), "") for row in rows]
            for identity, what in ids.items():
                texts = [text.replace(identity, what) for text in texts]
            found[name] = sorted(texts)
    return found


def _files(work: Path) -> dict[str, dict[str, bytes]]:
    """The content of every run's files."""
    with closing(sqlite3.connect(work / "mlflow.db")) as store:
        folders = [
            (name, Path(urlsplit(uri).path)) for name, uri in store.execute("select name, artifact_uri from runs")
        ]
    return {
        name: {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        for name, folder in folders
    }


def _models(work: Path) -> dict[str, bytes]:
    """The content of the one model's files, without the ids of it."""
    with closing(sqlite3.connect(work / "mlflow.db")) as store:
        query = "select model_id, source_run_id, artifact_location from logged_models"
        ((model, run, location),) = store.execute(query)
    folder = Path(urlsplit(location).path)
    found = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    described = yaml.safe_load(found.pop("MLmodel"))
    assert (described["model_id"], described["run_id"], described["artifact_path"]) == (model, run, location)
    return found


_PARENT = """
import sys, time
from pathlib import Path
sys.path.insert(0, {tests!r})
from test_writer import _NODE, _journal_run
from dlrun.tracking.client import Writer
work = Path({work!r})
writer = Writer.start(_NODE, work)
writer.watch(_journal_run(work, "a" * 16, name="torn", params={{}}, tags={{}}, sweep=None, trial=None))
print(writer._process.pid, flush=True)
time.sleep({seconds})
"""


def _start_parent(work: Path) -> tuple[subprocess.Popen[str], int]:
    code = _PARENT.format(tests=str(Path(__file__).parent), work=str(work), seconds=120)
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    return parent, int(parent.stdout.readline())


def test_a_writer_outlives_its_parent_until_all_is_sent_and_the_next_attempt_goes_on(store_alone: Path) -> None:
    parent, writer = _start_parent(store_alone)
    parent.kill()
    parent.communicate()
    _wait_until(lambda: not is_alive(writer))
    run = _content(store_alone)["run " + "a" * 16]
    assert (run["status"], run["tags"]["dlrun.status"]) == ("KILLED", "interrupted")
    assert pending(_run_dirs(store_alone), _uri(store_alone)) == []
    assert not list(store_alone.glob("runs/.writer*"))

    start = {"name": "torn", "params": {}, "tags": {}, "sweep": None, "trial": None}
    _end_run(_journal_run(store_alone, "a" * 16, attempt=2, **start))
    assert _send(store_alone).complete
    again = _content(store_alone)
    assert list(again) == ["run " + "a" * 16]
    assert (again["run " + "a" * 16]["id"], again["run " + "a" * 16]["status"]) == (run["id"], "FINISHED")
    assert again["run " + "a" * 16]["tags"]["dlrun.attempt"] == "2"

    # An attempt that comes to other values: its curve is not mixed with the earlier one.
    _end_run(_journal_run(store_alone, "a" * 16, attempt=3, offset=0.5, **start))
    assert _send(store_alone).complete
    apart = _content(store_alone)
    assert apart["run " + "a" * 16 + " superseded"]["id"] == run["id"]
    assert apart["run " + "a" * 16 + " superseded"]["status"] == "KILLED"
    losses = [value for key, _, _, value, _ in apart["run " + "a" * 16]["metrics"] if key == "loss"]
    assert sorted(losses) == sorted(1 / epoch + 0.5 for epoch in range(1, _EPOCHS + 1))


def test_a_store_that_is_locked_costs_nothing_but_time(store_alone: Path) -> None:
    run_dir = _journal_run(store_alone, "b" * 16, name="b", params={}, tags={}, sweep=None, trial=None)
    _end_run(run_dir)
    with closing(sqlite3.connect(store_alone / "mlflow.db", isolation_level=None)) as other:
        other.execute("begin immediate")
        report = _send(store_alone, timeout=5)
        assert (report.complete, report.pending) == (False, 1)
        assert report.error
    assert pending([run_dir], _uri(store_alone)) == [run_dir]
    assert _send(store_alone).complete
    assert _content(store_alone)["run " + "b" * 16]["status"] == "FINISHED"


def test_told_to_terminate_it_sends_what_is_there(store_alone: Path) -> None:
    run_dir = _journal_run(store_alone, "c" * 16, name="c", params={}, tags={}, sweep=None, trial=None)
    writer = Writer.start(_NODE, store_alone)
    writer.watch(run_dir)
    assert writer._process is not None
    _wait_until(lambda: read_synced(run_dir) is not None)
    with Journal(run_dir / "journal.jsonl") as journal:
        journal.append("end", status="interrupted", metrics={}, cause=None)
    writer._process.send_signal(signal.SIGINT)  # Ctrl-C is the parent's: this does nothing
    writer._process.terminate()
    writer._process.wait(20)
    assert _content(store_alone)["run " + "c" * 16]["status"] == "KILLED"
    assert writer.close(5).complete


_COLD = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from test_writer import _NODE, _end_run, _journal_run
from dlrun.tracking.client import Writer
work = Path({work!r})
writer = Writer.start(_NODE, work)
sweep, trial = {{"id": "s", "name": "s"}}, {{"id": "t", "name": "t"}}
run_dir = _journal_run(work, {name!r}, name={name!r}, params={{}}, tags={{}}, sweep=sweep, trial=trial)
_end_run(run_dir)
writer.watch(run_dir)
report = writer.close(100)
sys.exit(0 if report.complete else str(report))
"""


def test_four_cold_commands_share_one_fresh_store(tmp_path: Path) -> None:
    names = [digit * 16 for digit in "1234"]
    codes = [_COLD.format(tests=str(Path(__file__).parent), work=str(tmp_path), name=name) for name in names]
    commands = [subprocess.Popen([sys.executable, "-c", code]) for code in codes]
    assert [command.wait(120) for command in commands] == [0, 0, 0, 0]
    assert sorted(_content(tmp_path)) == sorted([*(f"run {name}" for name in names), "sweep s", "trial t"])


def test_without_a_store_there_is_no_writer(tmp_path: Path) -> None:
    writer = Writer.start({"option": "none"}, tmp_path)
    writer.watch(tmp_path)
    assert writer.close(1) == Report(complete=True, pending=0, error=None, uri="")
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_is_replaced_while_it_is_written_gets_all(store_alone: Path) -> None:
    run_dir = _journal_run(store_alone, "e" * 16, name="e", params={}, tags={}, sweep=None, trial=None)
    writer = Writer.start(_NODE, store_alone)
    writer.watch(run_dir)
    shutil.copy(store_alone / "mlflow.db", store_alone / "another.db")
    _wait_until(lambda: read_synced(run_dir) is not None)
    with closing(sqlite3.connect(store_alone / "another.db", isolation_level=None)) as other:
        other.execute("pragma application_id = 7")
    (store_alone / "another.db").replace(store_alone / "mlflow.db")
    _end_run(run_dir)
    assert writer.close(20).complete
    steps = [step for key, step, *_ in _content(store_alone)["run " + "e" * 16]["metrics"] if key == "loss"]
    assert steps == list(range(1, _EPOCHS + 1))


def test_what_was_deleted_here_is_deleted_there_with_the_sweep_it_leaves_empty(unsent: Path) -> None:
    _project_all(unsent, SqlBackend(unsent / "mlflow.db", lambda: pytest.fail("MLflow is not needed")))
    graves = unsent / "runs" / ".deleted"
    graves.mkdir()
    runs = [run_dir for run_dir in _run_dirs(unsent) if run_dir.name != "d" * 16]
    for run_dir in runs[1:]:
        synced = read_synced(run_dir)
        assert synced is not None
        grave = {"store": synced.store, "mlflow_run_id": synced.mlflow_run_id}
        (graves / f"{run_dir.name}.json").write_text(json.dumps(grave))
        shutil.rmtree(run_dir)
    (graves / "elsewhere.json").write_text('{"store": "another", "mlflow_run_id": "x"}')

    assert _send(unsent).complete
    assert [path.name for path in graves.iterdir()] == ["elsewhere.json"]
    assert _shown(unsent) == sorted(["alone", "slow seed=0", "slow", "a sweep"])

    synced = read_synced(runs[0])
    assert synced is not None
    for backend in (SqlBackend(unsent / "mlflow.db", lambda: pytest.fail("not needed")), MlflowBackend(_uri(unsent))):
        backend.delete_run(synced.mlflow_run_id)  # what stands above it goes too; a second time changes nothing
        backend.delete_run("a" * 32)
        assert _shown(unsent) == ["alone"]


def test_mlflow_deletes_what_is_left_empty_as_sql_does(unsent: Path) -> None:
    _project_all(unsent, SqlBackend(unsent / "mlflow.db", lambda: pytest.fail("MLflow is not needed")))
    backend = MlflowBackend(_uri(unsent))
    for run_dir in _run_dirs(unsent)[: _SEEDS + 1]:
        synced = read_synced(run_dir)
        assert synced is not None
        backend.delete_run(synced.mlflow_run_id)
    shown = ["a sweep", "alone", "fast", "fast seed=1", "fast seed=2"]
    assert _shown(unsent) == shown


def _shown(work: Path) -> list[str]:
    with closing(sqlite3.connect(work / "mlflow.db")) as store:
        return sorted(name for (name,) in store.execute("select name from runs where lifecycle_stage = 'active'"))


@pytest.mark.slow
def test_sixteen_cold_commands_share_one_fresh_store(tmp_path: Path) -> None:
    names = [f"{number:016x}" for number in range(1, 17)]
    codes = [_COLD.format(tests=str(Path(__file__).parent), work=str(tmp_path), name=name) for name in names]
    commands = [subprocess.Popen([sys.executable, "-c", code]) for code in codes]
    assert [command.wait(300) for command in commands] == [0] * 16
    assert sorted(_content(tmp_path)) == sorted([*(f"run {name}" for name in names), "sweep s", "trial t"])


def _spec(run_dir: Path, **tracking: Any) -> None:
    (run_dir / "spec.json").write_text(json.dumps({"tracking": {"option": "mlflow", "uri": None} | tracking}))


def _synced(work: Path, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, list[dict[str, Any]]]:
    code = main(["sync", "--json", *words])
    return code, json.loads(capsys.readouterr().out)


def test_sync_sends_each_run_where_it_belongs_and_nothing_twice(
    unsent: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(unsent)
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "a-secret-token")
    monkeypatch.setattr("dlrun.workflows.sync._AWAY_SECONDS", 0.5)
    first, second, third, *others = _run_dirs(unsent)
    for run_dir in others:
        _spec(run_dir, option="offline")
    _spec(first, uri="http://someone:hidden@127.0.0.1:9")
    _spec(second, option="none")
    _spec(third, uri="${oc.env:NO_SUCH_STORE}")

    code, told = _synced(unsent, capsys)
    assert code == 1
    by_store = {each["store"]: each for each in told if each["store"]}
    home, away = by_store[_uri(unsent)], by_store["http://someone:***@127.0.0.1:9"]
    assert (home["runs"], home["sent"], home["missing"], home["why"]) == (len(others), len(others), 0, None)
    assert (away["sent"], away["missing"]) == (0, 1)
    assert "nobody answers at its address" in away["why"]
    whys = {each["why"]: each["missing"] for each in told if not each["store"]}
    assert any("tracking=none records nothing" in why and missing == 0 for why, missing in whys.items())
    assert any("NO_SUCH_STORE" in why and missing == 1 for why, missing in whys.items())
    before = _comparable(unsent)
    assert len([name for name in before if name.startswith("run ")]) == len(others)

    for words in ([run.name for run in others], [*(run.name for run in others), "--again"]):
        code, (again,) = _synced(unsent, capsys, *words)
        assert (code, again["sent"]) == (0, len(others) if "--again" in words else 0)
        assert _comparable(unsent) == before
    logs = [path.read_text() for path in unsent.glob("runs/.writer*")]
    assert logs
    assert not [log for log in logs if "hidden" in log or "a-secret-token" in log]


def test_sync_to_another_store_leaves_the_first_one_as_it_is(
    unsent: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(unsent)
    for run_dir in _run_dirs(unsent):
        _spec(run_dir)
    shutil.copy(unsent / "mlflow.db", unsent / "other.db")
    for words, sent in ([], 7), (["--to", "sqlite:///other.db"], 7), ([], 0), (["--to", "sqlite:///other.db"], 0):
        code, (told,) = _synced(unsent, capsys, *words)
        assert (code, told["runs"], told["sent"], told["missing"]) == (0, 7, sent, 0)
    here = _comparable(unsent)
    (unsent / "other.db").replace(unsent / "mlflow.db")
    assert _comparable(unsent) == here


@pytest.mark.slow
def test_an_older_store_is_upgraded_after_a_backup_and_never_before(
    work: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _older_store(work / "mlflow.db")
    _end_run(_journal_run(work, "a" * 16, name="a", params={}, tags={}, sweep=None, trial=None))
    _spec(work / "runs" / ("a" * 16))
    before = (work / "mlflow.db").read_bytes()
    assert main(["data=iris", "trainer.epochs=1"]) == 2
    assert "dlrun sync --upgrade" in capsys.readouterr().err
    assert not _send(work).complete  # MLflow would have upgraded it without a word: a table is missing
    code, (told,) = _synced(work, capsys)
    assert (code, told["missing"]) == (1, 1)
    assert (work / "mlflow.db").read_bytes() == before

    assert main(["sync", "--upgrade"]) == 0
    (backup,) = work.glob("mlflow.db.backup-*")
    assert backup.name in capsys.readouterr().out
    with closing(sqlite3.connect(backup)) as old:
        assert old.execute("select version_num from alembic_version").fetchone() == (_OLDER,)
        assert old.execute("select name from experiments where experiment_id = 77").fetchone() == ("kept",)
    assert is_known(work / "mlflow.db")
    assert main(["sync", "--upgrade"]) == 0
    assert "nothing was changed" in capsys.readouterr().out
    code, (told,) = _synced(work, capsys)
    assert (code, told["sent"], told["missing"]) == (0, 1, 0)
    with closing(sqlite3.connect(work / "mlflow.db")) as store:
        assert store.execute("select name from experiments where experiment_id = 77").fetchone() == ("kept",)


_OLDER = "3500859a5d39"  # of MLflow 2.9 or so


def _older_store(path: Path) -> None:
    """A store as an older MLflow made it: by its own migrations, up to that revision."""
    import sqlalchemy
    from alembic import command
    from mlflow.store.db.utils import _get_alembic_config
    from mlflow.store.tracking.dbmodels.initial_models import Base

    engine = sqlalchemy.create_engine(f"sqlite:///{path}")
    Base.metadata.create_all(engine)
    config = _get_alembic_config(str(engine.url))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, _OLDER)
        kept = "insert into experiments (experiment_id, name, lifecycle_stage) values (77, 'kept', 'active')"
        connection.execute(sqlalchemy.text(kept))
    engine.dispose()
