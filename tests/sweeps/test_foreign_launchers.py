"""Launchers that are not dlrun's: what they carry to another process, and that they come to the same results."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hydra.core.plugins import Plugins

from dlrun.config.identity import sweep_id
from dlrun.errors import ConfigError, Problem, RunFailed, UserError
from dlrun.planning import Planner
from dlrun.sweeps.sweeper import GridSweep
from dlrun.sweeps.task import Task, describe_sweep
from dlrun.tracking.journal import read


def swept(work: Path, *words: str) -> Task:
    """The task of a sweep, as a command makes it before anything is launched."""
    planner = Planner(work)
    plan = planner.plan(list(words), sweep=True)
    task = Task(work, "dlrun -m", plan, {"git": None})
    task.planner = planner
    task.sweep = describe_sweep(plan, sweep_id([run.id for run in plan.runs]), "dlrun -m", planner)
    task.sweep.write(planner.roots.work / "sweeps" / task.sweep.id)
    return task


def test_a_carried_task_is_small_and_makes_the_same_jobs(work: Path) -> None:
    task = swept(work, "data=iris", "seed=0,1", "optimizer.learning_rate=0.1,0.2", "model=mlp,linear", "tags.by=me")
    carried = pickle.dumps(task)
    assert len(carried) < 500
    elsewhere = pickle.loads(carried)
    assert elsewhere.plan.runs == ()
    assert len(task.plan.runs) == 8
    for run in task.plan.runs:
        assert elsewhere.job(elsewhere.planned(task.words(run))) == task.job(run)
    assert pickle.loads(carried) is elsewhere  # the next job finds what this one has read


def test_data_edited_before_a_job_is_planned_elsewhere_refuses_the_run(work: Path) -> None:
    rows = "".join(f"{i},{i % 7}\n" for i in range(30))
    (work / "t.csv").write_text(f"a,y\n{rows}")
    task = swept(work, "data=csv", "data.path=t.csv", "seed=0,1")
    elsewhere = pickle.loads(pickle.dumps(task))
    run = task.plan.runs[0]
    (work / "t.csv").write_text(f"a,y\n{rows}30,3\n")
    job = elsewhere.job(elsewhere.planned(task.words(run)))
    assert job.id == run.id
    refused = job.changed(elsewhere.planner.catalog)
    assert isinstance(refused, UserError) and "changed after the command began" in str(refused)


def test_a_single_run_is_not_carried(work: Path) -> None:
    plan = Planner(work).plan(["data=iris"], sweep=False)
    with pytest.raises(TypeError, match="where it was asked for"):
        pickle.dumps(Task(work, "dlrun", plan, {}))


def test_an_error_of_the_call_comes_back_whole() -> None:
    problem = Problem("optimizer.lr", "must be known", instead=("lr", "learning_rate"))
    error = pickle.loads(pickle.dumps(ConfigError([problem], {"a=1": "b=1"})))
    assert (error.problems, error.instead, str(error)) == ((problem,), {"a=1": "b=1"}, str(problem))


class GivesUp:
    """A launcher that raises, as Joblib's does where one of its processes has crashed."""

    def launch(self, jobs: list[list[str]], first: int) -> list[Any]:
        raise OSError(f"lost one of {len(jobs)}")


def test_a_launcher_that_gives_up_is_told_in_a_sentence(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Plugins.instance(), "instantiate_launcher", lambda **_: GivesUp())
    sweep = GridSweep(None, swept(work, "data=iris", "seed=0,1"), None)  # type: ignore[arg-type]
    with pytest.raises(RunFailed, match="GivesUp has given up: OSError: lost one of 2"):
        sweep.run([])


@pytest.mark.slow  # five processes import TensorFlow
def test_all_launchers_come_to_the_same(work: Path) -> None:
    grid = (
        "-m",
        "data=iris",
        "trainer.epochs=2",
        "optimizer=fragile",
        "optimizer.learning_rate=0.1,0.5",
        "model.dropout=0.1,0.3",
    )
    found = {}
    for name, words in {"dlrun": (), "basic": (), "joblib": ("hydra.launcher.n_jobs=2",)}.items():
        fragile_project(work / name)
        command = [sys.executable, "-m", "dlrun", *grid, f"hydra/launcher={name}", *words]
        done = subprocess.run(command, cwd=work / name, capture_output=True, text=True, timeout=240, check=False)
        assert done.returncode == 3, done.stdout + done.stderr
        assert "Traceback" not in done.stdout + done.stderr
        assert "cannot step that far" in done.stdout
        found[name] = what_came_of(work / name)
    assert found["basic"] == found["dlrun"]
    assert found["joblib"] == found["dlrun"]
    statuses = sorted(run["status"] for run in found["dlrun"].values())
    assert statuses == ["failed", "failed", "finished", "finished"]


def fragile_project(work: Path) -> None:
    """A project whose optimizer refuses one learning rate when training is set up."""
    (work / "conf" / "optimizer").mkdir(parents=True)
    (work / "conf" / "project.yaml").touch()
    (work / "conf" / "optimizer" / "fragile.yaml").write_text(
        "# Breaks at 0.5\n_target_: fragile.make\nlearning_rate: 0.1  # (0, inf): step size\n"
    )
    (work / "fragile.py").write_text(
        "import keras\n\n\ndef make(learning_rate):\n"
        "    if learning_rate == 0.5:\n        raise RuntimeError('cannot step that far')\n"
        "    return keras.optimizers.SGD(learning_rate)\n"
    )


def what_came_of(work: Path) -> dict[str, dict[str, Any]]:
    """Of every run: its result, the end of it in the ledger, and what its journal says at the start."""
    (ledger,) = work.glob("sweeps/*/ledger.jsonl")
    ends = {entry["run"]: entry["status"] for entry in map(json.loads, ledger.read_text().splitlines())}
    found = {}
    for path in work.glob("runs/*/result.json"):
        result = json.loads(path.read_text())
        start = next(event for event in read(path.with_name("journal.jsonl")) if event.event == "start")
        told = {key: result[key] for key in ("status", "fingerprint", "metrics", "attempt", "cause")}
        place = {key: start.get(key) for key in ("name", "params", "trial")} | {"sweep": start["sweep"]["id"]}
        found[result["id"]] = told | place | {"ledger": ends[result["id"]]}
    return found
