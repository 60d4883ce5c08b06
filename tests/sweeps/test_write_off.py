"""A run whose process died for good is failed, for every reader."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dlrun.analysis.runs import read_run
from dlrun.config.spec import Spec
from dlrun.job import Job
from dlrun.sweeps.losses import write_off
from dlrun.tracking.journal import read
from dlrun.training.causes import cause
from dlrun.training.outcome import Outcome
from sweeps.directories import Folder

CRASH = cause("crash", "its process was ended by SIGSEGV")
SPEC: Any = {"task": "binary", "trainer": {"epochs": 10}}


@pytest.mark.parametrize("epochs", [None, 0, 4])
def test_the_end_is_written_for_a_process_that_died(tmp_path: Path, epochs: int | None) -> None:
    folder = Folder(tmp_path)
    if epochs is not None:
        folder.begin("a", epochs)
    job = Job("a", Spec(SPEC), {"name": "rate=1", "sweep": None, "trial": None})
    result = write_off(folder.directory("a"), job, CRASH)
    assert (result.status, result.cause, result.epochs_run, result.attempt) == ("failed", CRASH, epochs or 0, 1)
    assert result.path is not None
    events = [event.event for event in read(result.path / "journal.jsonl")]
    assert events == ["start", *["epoch"] * (epochs or 0), "end"]
    assert "SIGSEGV" in (result.path / "log.txt").read_text()
    assert folder.directory("a").status() == "failed"
    if epochs is None:  # else its own process had written the spec
        record = read_run(result.path)
        assert record is not None and record.cause == "crash: its process was ended by SIGSEGV"


def test_a_run_that_has_finished_is_left_alone(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    done = folder.end("a", Outcome("finished"))
    assert write_off(folder.directory("a"), Job("a", Spec(SPEC), {"name": "x"}), CRASH) == done
