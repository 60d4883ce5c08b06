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
    assert task._changed(plan.runs[0]) is None
    importlib.import_module("edited_later")
    module.write_text("def make(learning_rate): return 1\n")
    assert "edited after Python had imported it" in str(task._changed(plan.runs[0]))
