"""What a job does when the ground moves under it."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from dlrun.planning import Planner
from dlrun.sweeps.task import Task


def test_a_module_edited_after_its_import_refuses_the_run_and_raises_nothing(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    (work / "conf" / "optimizer").mkdir(parents=True)
    (work / "conf" / "project.yaml").touch()
    (work / "conf" / "optimizer" / "mine.yaml").write_text(
        "# Mine\n_target_: edited_later.make\nlearning_rate: 0.1   # (0, inf): step size\n"
    )
    module = work / "edited_later.py"
    module.write_text("def make(learning_rate): ...\n")
    planner = Planner(work)
    plan = planner.plan(["optimizer=mine"], sweep=False)
    task = Task(work, "dlrun", plan, {})
    task.planner = planner
    job = task.job(plan.runs[0])
    assert job.changed(planner.catalog) is None
    importlib.import_module("edited_later")
    module.write_text("def make(learning_rate): return 1\n")
    assert "edited after Python had imported it" in str(job.changed(planner.catalog))


def test_a_job_knows_runs_that_differ_from_its_own_in_one_number(work: Path) -> None:
    planner = Planner(work)
    words = ["model.dropout=0,0.1,0.3", "optimizer.learning_rate=0.1,0.2", "model=mlp,cnn", "seed=0,1"]
    task = Task(work, "dlrun", planner.plan(words, sweep=True), {})
    task.planner = planner
    for run in task.plan.runs:
        siblings = task.job(run).siblings
        if run.spec["model"]["dropout"] == 0:  # another program than that of any other rate
            assert siblings == ()
            continue
        (sibling,) = siblings
        changed = {**sibling, "model": {**sibling["model"], "dropout": run.spec["model"]["dropout"]}}
        assert changed == dict(run.spec)
        assert sibling["model"]["dropout"] == {0.1: 0.3, 0.3: 0.1}[run.spec["model"]["dropout"]]
