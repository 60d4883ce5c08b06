"""Sweeps through the real thing: processes, TensorFlow, a sqlite store, trials that fail, signals that kill."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

SWEEP = ("-m", "data=iris", "trainer.epochs=2")


def start(work: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "dlrun", *words],
        cwd=work,
        env=os.environ | {"COLUMNS": "120"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def results(work: Path) -> dict[str, dict]:
    found = (json.loads(path.read_text()) for path in (work / "runs").glob("*/result.json"))
    return {result["name"]: result for result in found}


def ledger(work: Path) -> Counter[str]:
    (path,) = (work / "sweeps").glob("*/ledger.jsonl")
    last = {entry["run"]: entry["status"] for entry in map(json.loads, path.read_text().splitlines())}
    return Counter(last.values())


def in_store(work: Path) -> Counter[tuple[str, str]]:
    """Kind and status of every run in the MLflow store."""
    query = (
        "select r.run_uuid, r.status, t.value from runs r"
        " join tags t on t.run_uuid = r.run_uuid and t.key = 'dlrun.kind' where r.lifecycle_stage = 'active'"
    )
    with sqlite3.connect(f"file:{work / 'mlflow.db'}?mode=ro", uri=True) as database:
        return Counter((kind, status) for _, status, kind in database.execute(query))


def metric_points(work: Path, key: str) -> list[tuple[str, int]]:
    with sqlite3.connect(f"file:{work / 'mlflow.db'}?mode=ro", uri=True) as database:
        return database.execute(
            "select m.run_uuid, m.step from metrics m"
            " join tags t on t.run_uuid = m.run_uuid and t.key = 'dlrun.kind' and t.value = 'run' where m.key = ?",
            (key,),
        ).fetchall()


@pytest.fixture
def project(work: Path) -> Path:
    """A project whose optimizer refuses one learning rate while training is set up."""
    (work / "conf" / "optimizer").mkdir(parents=True)
    (work / "conf" / "project.yaml").write_text("# fragile\n")
    (work / "conf" / "optimizer" / "fragile.yaml").write_text(
        "# An optimizer that breaks at a rate of 0.5\n_target_: fragile.make\n"
        "learning_rate: 0.1  # (0, inf): step size\n"
    )
    (work / "fragile.py").write_text(
        "import keras\n\n\ndef make(learning_rate):\n"
        "    if learning_rate == 0.5:\n        raise RuntimeError('cannot step that far')\n"
        "    return keras.optimizers.SGD(learning_rate)\n"
    )
    return work


def test_a_failed_trial_is_recorded_and_passed_over_and_only_it_is_run_again(project: Path) -> None:
    words = (*SWEEP, "optimizer=fragile", "optimizer.learning_rate=0.1,0.5,0.2")
    first = start(project, *words)
    out, err = first.communicate(timeout=240)
    assert first.returncode == 3, out + err
    assert "cannot step that far" in out
    assert "Traceback" not in out + err
    assert ledger(project) == {"finished": 2, "failed": 1}
    failed = next(result for result in results(project).values() if result["status"] == "failed")
    said = "cannot step that far (fragile.py:6)"
    assert failed["cause"] == {"kind": "error", "message": said, "type": "RuntimeError"}
    assert "Traceback" in (project / "runs" / failed["id"] / "log.txt").read_text()
    assert in_store(project) == {("run", "FINISHED"): 2, ("run", "FAILED"): 1, ("sweep", "FINISHED"): 1}

    source = project / "fragile.py"
    source.write_text(source.read_text().replace("learning_rate == 0.5", "learning_rate == 99.0"))
    before = {path: path.stat().st_mtime_ns for path in project.glob("runs/*/result.json")}
    again = start(project, *words)
    out, err = again.communicate(timeout=240)
    assert again.returncode == 0, out + err
    # the component's source is part of a run's identity: these are new runs, and the old ones are left alone
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert len(list(project.glob("runs/*/result.json"))) == 6


def test_what_is_finished_is_not_run_again_and_a_shared_run_is_trained_once(work: Path) -> None:
    first = start(work, *SWEEP, "seed=0,1")
    out, err = first.communicate(timeout=240)
    assert first.returncode == 0, out + err
    stamps = {path: path.stat().st_mtime_ns for path in work.glob("runs/*/result.json")}

    second = start(work, *SWEEP, "seed=1,2")
    wait_until(lambda: len(list(work.glob("sweeps/*/owner.json"))) == 1)
    imports = [sys.executable, "-X", "importtime", "-m", "dlrun", *SWEEP, "seed=1,2"]
    third = subprocess.Popen(imports, cwd=work, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    out, err = second.communicate(timeout=240)
    assert second.returncode == 0, out + err
    assert "1 of them finished before" in out
    assert {path: path.stat().st_mtime_ns for path in stamps} == stamps
    assert in_store(work)["run", "FINISHED"] == 3
    with sqlite3.connect(f"file:{work / 'mlflow.db'}?mode=ro", uri=True) as database:
        tags = database.execute("select value from tags where key = 'dlrun.also_in_sweeps'").fetchall()
    newest = max((work / "sweeps").iterdir(), key=lambda path: path.stat().st_mtime_ns)
    assert tags == [(newest.name,)]

    # the same command beside it has waited, and found all done
    out, err = third.communicate(timeout=60)
    assert third.returncode == 0, out + err
    assert f"is being run by process {second.pid} on" in out
    assert "nothing was run" in out
    imported = {line.rpartition("|")[2].strip() for line in err.splitlines()}
    assert not imported & {"tensorflow", "keras", "mlflow"}


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 143, marks=pytest.mark.slow), (signal.SIGKILL, -9)],
)
def test_a_killed_sweep_is_completed_by_the_same_command(work: Path, number: int, code: int) -> None:
    words = ("-m", "data=iris", "callback=[]", "trainer.epochs=100", "seed=0,1", "checkpoint.every_seconds=0")
    first = start(work, *words)
    wait_until(lambda: any(work.glob("runs/*/checkpoint/*.json")))
    os.kill(first.pid, number)
    out, err = first.communicate(timeout=120)
    assert first.returncode == code
    assert "Traceback" not in out + err

    second = start(work, *words)
    out, err = second.communicate(timeout=240)
    assert second.returncode == 0, out + err
    assert ledger(work) == {"finished": 2}
    resumed = [json.loads(path.read_text())["resumed"] for path in work.glob("runs/*/result.json")]
    assert len([each for each in resumed if each is not None]) == 1
    points = metric_points(work, "val_loss")
    assert len(points) == len(set(points)) == 200
    assert in_store(work)["run", "FINISHED"] == 2


def wait_until(is_so: Callable[[], bool], seconds: float = 60.0) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if is_so():
            return
        time.sleep(0.05)
    raise AssertionError("it has not come to that")


def test_data_edited_under_a_sweep_fails_the_runs_that_would_be_others(work: Path) -> None:
    rows = [f"{i},{i % 7},{(i * 3) % 11 / 10}" for i in range(60)]
    (work / "t.csv").write_text("\n".join(["a,b,y", *rows]) + "\n")
    words = ("-m", "data=csv", "data.path=t.csv", "callback=[]", "trainer.epochs=300", "seed=0,1", "tracking=none")
    sweep = start(work, *words)
    wait_until(lambda: any('"event": "epoch"' in path.read_text() for path in work.glob("runs/*/journal.jsonl")))
    with (work / "t.csv").open("a") as file:
        file.write("61,2,0.4\n")
    out, err = sweep.communicate(timeout=120)
    assert sweep.returncode == 3, out + err
    assert "changed after the command began" in out
    assert ledger(work) == {"finished": 1, "failed": 1}
