"""The best run of a sweep that has come to its end: noted in `best.json`, and its model kept.

The runs of a sweep keep their weights alone; of the best one they become a model that takes raw rows.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from dlrun.errors import DlrunError
from dlrun.sweeps import fork
from dlrun.sweeps.worker import Ended, Keep, Post, serve
from dlrun.tracking.plan import BEST
from dlrun.training.atomic import write_json
from dlrun.training.rundir import RunDirectory

if TYPE_CHECKING:
    from dlrun.analysis.runs import RunRecord
    from dlrun.job import Job
    from dlrun.sweeps.task import Task

__all__ = ["note_best"]


def note_best(task: Task) -> str | None:
    """Note which run of the task's sweep is the best, and keep its model where its weights were kept.

    Returns:
        What kept the model from being made, as a sentence; None where nothing did.

    Raises:
        StorageError: `best.json` cannot be written.
    """
    assert task.sweep is not None
    folder = task.planner.roots.work / "sweeps" / task.sweep.id
    found = _best(folder, task)
    if found is None:
        return None
    run, metric, mean = found
    write_json(folder / BEST, {"run": run.id, "name": run.name, "metric": metric, "mean": mean})
    directory = RunDirectory(run.path)
    planned = next((each for each in task.plan.runs if each.id == run.id), None)
    if planned is None or directory.model.exists() or not directory.weights.exists():
        return None
    try:
        error = _keep(task.job(planned), task, folder)
    except (DlrunError, OSError) as fault:
        error = fault
    return None if error is None else f"the model of the best run, {run.short_id}, could not be kept: {error}"


def _best(folder: Path, task: Task) -> tuple[RunRecord, str, float] | None:
    """The best run, by which metric, and the mean of its trial; None while runs are to come, or without a score."""
    from dlrun.analysis.ranking import default_metric
    from dlrun.analysis.runs import read_sweep
    from dlrun.analysis.which import best_trial

    sweep = read_sweep(folder)
    records = [] if sweep is None else sweep.records()
    if any(record.status in ("queued", "running", "interrupted") for record in records):
        return None
    metric = default_metric(records) if records else ""
    found = best_trial(records, metric, task.planner.catalog)
    return None if found is None else (found[0], metric, found[1])


def _keep(job: Job, task: Task, folder: Path) -> DlrunError | OSError | None:
    """Have the model made: here where TensorFlow is at hand, else by a process that begins with it."""
    catalog = task.planner.catalog
    if "tensorflow" in sys.modules:
        from dlrun import pipeline

        pipeline.keep_model(job, catalog)
        return None
    pipe, theirs = fork.pipe()
    output = folder / "workers" / "best.txt"
    process = fork.start(serve, theirs, Post(catalog.roots, output, None, dict(os.environ), None))
    theirs.close()
    try:
        pipe.send(Keep(job))
        while not isinstance(answer := pipe.recv(), Ended):
            pass
        pipe.send(None)
        return answer.error
    except EOFError:
        return OSError("its process has died")
    finally:
        pipe.close()
        process.join()
        fork.gone(process)
        with contextlib.suppress(OSError):  # what was printed has gone to the run's log
            output.unlink()
            output.parent.rmdir()
