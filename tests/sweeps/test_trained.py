"""A run of a sweep that cannot be trained, through no fault of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dlrun import pipeline
from dlrun.errors import DlrunError, RunFailed, StorageError, UserError
from dlrun.job import Job
from dlrun.planning import Planner
from dlrun.sweeps.trained import train
from dlrun.training.rundir import RunDirectory


@pytest.mark.parametrize(
    ("raised", "kind", "returned"),
    [
        (UserError("TensorFlow is set up once in a process."), "bad_config", UserError),
        (StorageError("the disk is full"), "error", StorageError),
        (AttributeError("a fault of our own"), "error", RunFailed),
    ],
)
def test_it_has_failed_and_says_why(
    work: Path, monkeypatch: pytest.MonkeyPatch, raised: Exception, kind: str, returned: type[DlrunError]
) -> None:
    def fail(*_: Any) -> None:
        raise raised

    planner = Planner(work)
    (planned,) = planner.plan(["data=iris"], sweep=False).runs
    start = {"name": "iris", "command": "dlrun data=iris"}
    monkeypatch.setattr(pipeline, "run", fail)
    assert isinstance(train(Job(planned.id, planned.spec, start, in_sweep=True), planner.catalog), returned)
    directory = RunDirectory(work / "runs" / planned.id)
    result = directory.result()
    assert result is not None and result.status == "failed" and result.cause is not None
    assert result.cause["kind"] == kind
    assert str(raised) in result.cause["message"]
    assert directory.status() == "failed"
