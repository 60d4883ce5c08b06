"""The best run of a sweep that has come to its end: noted in `best.json`, and its model kept.

The runs of a sweep keep their weights alone; of the best one they become a model that takes raw rows. A sweep over
several data sets has one for each: scores on different data cannot be held against each other.
"""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from dlrun.errors import DlrunError, RunFailed
from dlrun.sweeps import fork
from dlrun.sweeps.worker import Ended, Keep, Post, serve
from dlrun.tracking.plan import BEST
from dlrun.training.atomic import storage_errors, write_json
from dlrun.training.rundir import RunDirectory

if TYPE_CHECKING:
    from dlrun.analysis.runs import RunRecord
    from dlrun.analysis.which import Best
    from dlrun.job import Job
    from dlrun.sweeps.task import Task

__all__ = ["note_best"]


def note_best(task: Task) -> str | None:
    """Note which runs of the task's sweep are the best, and keep their models where their weights were kept.

    Returns:
        What kept a model from being made, as a sentence; None where nothing did.

    Raises:
        StorageError: `best.json` cannot be written.
    """
    assert task.sweep is not None
    folder = task.planner.roots.work / "sweeps" / task.sweep.id
    found = _best(folder, task)
    if not found:
        return None
    with storage_errors(folder / BEST):
        (folder / BEST).unlink(missing_ok=True)  # so that the next command does what this one is killed in
    errors = {best.run.short_id: _tried(best.run, task, folder) for best in found}
    entries = [{"run": b.run.id, "name": b.run.name, "data": b.data, "metric": b.metric, "mean": b.mean} for b in found]
    write_json(folder / BEST, {"best": entries})
    said = [f"the model of the best run, {run}, could not be kept: {error}" for run, error in errors.items() if error]
    return "; ".join(said) or None


def _tried(run: RunRecord, task: Task, folder: Path) -> Exception | None:
    planned = next((each for each in task.plan.runs if each.id == run.id), None)
    # Weights beside a model are those of a command that was killed before it had noted the model in the journal.
    if planned is None or not RunDirectory(run.path).weights.exists():
        return None
    try:
        return _keep(task.job(planned), task, folder)
    except (DlrunError, OSError) as fault:
        return fault


def _best(folder: Path, task: Task) -> list[Best]:
    """The best run of each data set; none while runs are to come, or without a score."""
    from dlrun.analysis.runs import read_sweep
    from dlrun.analysis.which import best_of_each

    sweep = read_sweep(folder)
    records = [] if sweep is None else sweep.records()
    if any(record.status in ("queued", "running", "interrupted") for record in records):
        return []
    return best_of_each(records, task.planner.catalog)


def _keep(job: Job, task: Task, folder: Path) -> DlrunError | OSError | None:
    """Have the model made: here where TensorFlow is at hand, else by a process that begins with it."""
    catalog = task.planner.catalog
    if "tensorflow" in sys.modules:
        from dlrun import pipeline

        try:
            pipeline.keep_model(job, catalog)
        except DlrunError:
            raise
        except Exception as error:  # noqa: BLE001 - a component of the user's own, say: told, and the sweep is none the worse
            RunDirectory(catalog.roots.work / "runs" / job.id).log(traceback.format_exc())
            return RunFailed(f"{type(error).__name__}: {error}")
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
