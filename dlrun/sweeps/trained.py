"""One run of a sweep, trained in this process; where it cannot be, the others are none the worse."""

from __future__ import annotations

import contextlib
import traceback
from dataclasses import replace
from typing import TYPE_CHECKING

from dlrun.config.catalog import Catalog
from dlrun.errors import DlrunError, RunFailed, StorageError
from dlrun.job import Job
from dlrun.sweeps.losses import write_off
from dlrun.training.causes import cause_of
from dlrun.training.result import Result
from dlrun.training.rundir import RunDirectory

if TYPE_CHECKING:
    from dlrun.pipeline import Listener

__all__ = ["train"]


def train(job: Job, catalog: Catalog, listener: Listener | None = None) -> Result | DlrunError:
    """What became of a run; an error that is none of its own is handed back, and the run has failed because of it."""
    from dlrun import pipeline

    try:
        return pipeline.run(replace(job, refused=job.changed(catalog)), catalog, listener)
    except DlrunError as error:
        failure = error
    except Exception as error:  # noqa: BLE001 - a fault of dlrun's own costs one run, too
        traceback.print_exc()
        failure = RunFailed(f"{type(error).__name__}: {error}")
    with contextlib.suppress(StorageError):  # it may be what has kept the run from being trained
        write_off(RunDirectory(catalog.roots.work / "runs" / job.id), job, cause_of(failure))
    return failure
