"""What run and sweep directories say, whole and torn."""

from __future__ import annotations

import json

import pytest
from filelock import FileLock

from analysis.synthetic import Project
from dlrun.analysis.runs import is_held, read_run, read_runs, read_sweep, read_sweeps


def test_finished_run(project: Project) -> None:
    run = project.run({"optimizer.learning_rate": 0.01, "seed": 2}, {"test_accuracy": 0.97}, started=1000.0)
    record = read_run(project.work / "runs" / run)
    assert record is not None
    assert (record.id, record.short_id, record.status) == (run, run[:8], "finished")
    assert record.spec["optimizer.learning_rate"] == 0.01
    assert record.metrics == {"test_accuracy": 0.97}
    assert record.started == 1000.0
    assert record.cause is None


def test_times_may_be_written_out(project: Project) -> None:
    run = project.run({}, {}, started=1000.0)
    path = project.work / "runs" / run / "result.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"started": "1970-01-01T00:16:41+00:00"}))
    record = read_run(path.parent)
    assert record is not None and record.started == 1001.0


def test_status_without_a_result_is_the_truth(project: Project) -> None:
    folder = project.work / "runs" / project.run({}, status=None)
    assert not is_held(folder)
    assert not (folder / ".lock").exists(), "asking must leave nothing behind"
    record = read_run(folder)
    assert record is not None and (record.status, record.cause) == ("interrupted", "the process ended early")
    with FileLock(folder / ".lock"):
        record = read_run(folder)
        assert record is not None and record.status == "running"
    record = read_run(folder)
    assert record is not None and record.status == "interrupted"


def test_result_that_says_running_of_a_dead_owner_is_interrupted(project: Project) -> None:
    record = read_run(project.work / "runs" / project.run({}, {}, "running"))
    assert record is not None and record.status == "interrupted"


def test_failed_run_that_is_tried_again_is_running(project: Project) -> None:
    folder = project.work / "runs" / project.run({}, {}, "failed")
    with FileLock(folder / ".lock"):
        record = read_run(folder)
    assert record is not None and record.status == "running"


def test_run_that_never_began_is_queued(project: Project) -> None:
    folder = project.work / "runs" / project.run({}, status=None)
    (folder / "journal.jsonl").unlink()
    record = read_run(folder)
    assert record is not None and record.status == "queued"


def test_cause_is_one_line(project: Project) -> None:
    cause = {"kind": "ValueError", "message": "shapes differ\nat layer 3\n"}
    record = read_run(project.work / "runs" / project.run({}, {}, "failed", cause=cause))
    assert record is not None and record.cause == "ValueError: shapes differ"


@pytest.mark.parametrize("content", ["", '{"metrics": {"test_acc', "[]", "\x00\x00"])
def test_torn_result_is_no_result(project: Project, content: str) -> None:
    folder = project.work / "runs" / project.run({}, {"test_accuracy": 0.9})
    (folder / "result.json").write_text(content)
    record = read_run(folder)
    assert record is not None
    assert (record.status, record.metrics) == ("interrupted", {})


def test_torn_spec_is_told(project: Project) -> None:
    folder = project.work / "runs" / project.run({}, {"test_accuracy": 0.9})
    (folder / "spec.json").write_text('{"seed": ')
    record = read_run(folder)
    assert record is not None
    assert (record.spec, record.cause) == ({}, "spec.json cannot be read")


def test_other_folders_are_no_runs(project: Project) -> None:
    (project.work / "runs" / "notes").mkdir(parents=True)
    (project.work / "runs" / "index.sqlite").write_bytes(b"")
    assert read_runs(project.work) == []
    assert read_runs(project.work / "nowhere") == []
    assert read_sweeps(project.work) == []


def test_sweep_and_its_missing_runs(project: Project) -> None:
    done = project.run({"seed": 0}, {"test_accuracy": 0.9})
    sweep = project.sweep(
        {"dropout=0.3": [done, "f" * 16]}, command="dlrun -m experiment=E083 seed=0,1", experiment="E083"
    )
    record = read_sweep(project.work / "sweeps" / sweep)
    assert record is not None
    assert (record.id, record.experiment, record.varied) == (sweep, "E083", ("optimizer.learning_rate",))
    assert [run.status for run in record.records()] == ["finished", "queued"]
    assert record.records()[1].name == "dropout=0.3"


def test_torn_sweep_is_none(project: Project) -> None:
    folder = project.work / "sweeps" / project.sweep({})
    (folder / "sweep.json").write_text('{"id": "')
    assert read_sweep(folder) is None
