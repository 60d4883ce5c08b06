"""The best run of a sweep: noted when its model is there, however often that has to be begun."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dlrun import pipeline
from dlrun.analysis.which import Best
from dlrun.config.catalog import Catalog
from dlrun.config.roots import Roots
from dlrun.errors import StorageError
from dlrun.job import Job
from dlrun.sweeps import best
from dlrun.tracking.journal import read
from sweeps.directories import Folder, sweep_of

RUN = "a" * 16


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    """A sweep whose best run has kept its weights, and where TensorFlow is at hand."""
    folder = Folder(tmp_path)
    directory = folder.begin(RUN, epochs=1)
    directory.weights.write_bytes(b"weights")
    record = SimpleNamespace(id=RUN, short_id=RUN[:8], name="best", path=directory.path)
    monkeypatch.setattr(best, "_best", lambda *_: [Best(record, "digits", "test_accuracy", 0.9)])  # type: ignore[arg-type]
    monkeypatch.setitem(sys.modules, "tensorflow", sys.modules.get("tensorflow", SimpleNamespace()))
    monkeypatch.setattr(pipeline, "make_ready", lambda *_: SimpleNamespace(model=None))
    monkeypatch.setattr(pipeline.saving, "load_weights", lambda *_: None)
    return folder


def task_of(folder: Folder) -> Any:
    roots = Roots.of(folder.work)
    planner = SimpleNamespace(roots=roots, catalog=Catalog(roots))
    plan = SimpleNamespace(runs=[SimpleNamespace(id=RUN)])
    job = Job(RUN, {}, {})  # type: ignore[arg-type]
    return SimpleNamespace(sweep=sweep_of({"a": [RUN]}), planner=planner, plan=plan, job=lambda _: job)


@pytest.mark.parametrize("moment", ["model", "event", "weights"])
def test_killed_while_the_model_is_made_the_next_command_makes_it(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """The store gets a model by the event of it, so that a model without its event is none yet."""
    (folder.sweep / best.BEST).write_text('{"run": "of an earlier command"}')
    killed_before: str | None = moment

    def save(job: Any, catalog: Any, ready: Any, directory: Any, emit: Any, threshold: float) -> None:
        assert threshold == 0.5  # no event of the run says another
        for step in ("model", "event", "weights"):
            if step == killed_before:
                raise KeyboardInterrupt
            if step == "model":
                directory.model.write_bytes(b"model")
            elif step == "event":
                emit("artifact", {"path": "model.keras"})

    monkeypatch.setattr(pipeline, "_save", save)
    with pytest.raises(KeyboardInterrupt):
        best.note_best(task_of(folder))
    assert not (folder.sweep / best.BEST).exists()  # what has the next command look at the sweep again
    killed_before = None
    assert best.note_best(task_of(folder)) is None
    directory = folder.directory(RUN)
    assert [event["path"] for event in read(directory.journal) if event.event == "artifact"][-1:] == ["model.keras"]
    assert (directory.model.exists(), directory.weights.exists()) == (True, False)
    (entry,) = json.loads((folder.sweep / best.BEST).read_text())["best"]
    assert (entry["run"], entry["data"]) == (RUN, "digits")


@pytest.mark.parametrize("error", [ValueError("a layer of the user's own"), StorageError("the disk is full")])
def test_what_keeps_the_model_from_being_made_ends_no_sweep(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr(pipeline, "_save", fail)
    told = best.note_best(task_of(folder))
    assert told is not None
    assert str(error) in told
    assert (folder.sweep / best.BEST).exists()
    log = folder.directory(RUN).path / "log.txt"
    assert (log.exists() and "Traceback" in log.read_text()) == isinstance(error, ValueError)
