"""What is done about an attempt that has ended without a result: its worker died or was ended, and whoever is left
writes the end, so that every reader sees it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from dlrun.config.catalog import Catalog
from dlrun.config.identity import run_and_trial_id
from dlrun.config.spec import Spec
from dlrun.job import Job
from dlrun.sweeps.queueing import Order, likeness
from dlrun.tracking.journal import Journal, last_attempt, read
from dlrun.training.atomic import storage_errors
from dlrun.training.causes import in_one_line
from dlrun.training.outcome import Moment, Outcome
from dlrun.training.result import Result
from dlrun.training.rundir import RunDirectory

__all__ = ["half_of", "is_tried_again", "write_off"]


def is_tried_again(cause: Mapping[str, Any], order: Order, launcher: Mapping[str, Any]) -> bool:
    """Whether a run is begun once more: after a crash, as often as `launcher.crash_retries` says."""
    return cause["kind"] == "crash" and order.crashes <= int(launcher["crash_retries"])


def write_off(directory: RunDirectory, job: Job, cause: Mapping[str, Any]) -> Result:
    """Write `failed` for a run that is not tried again: result, log and the end of its journal.

    Its checkpoint stays: the same command goes on from there. It waits while a process owns the directory.

    Args:
        job: what the process was to do; it may have died before it wrote anything.
        cause: of one of `training.causes.KINDS`.

    Returns:
        What was written; the run's own result where it has come to a final one in the meantime.

    Raises:
        StorageError: the directory cannot be written.
    """
    with directory.owned(), storage_errors(directory.journal), Journal(directory.journal) as journal:
        if (done := directory.result()) is not None and done.is_final:
            return done
        events = last_attempt(read(directory.journal))
        has_told = bool(events) and not any(event.event == "end" for event in events)
        if has_told:
            attempt = int(events[0].get("attempt", 1))
        else:
            attempt = directory.begin(job.spec, job.environment)
            told = {"attempt": attempt, "resumed": None, "extends": None, **job.start}
            journal.append("start", run=job.id, epochs=job.spec["trainer"]["epochs"], **told)
        epochs = max((event["epoch"] for event in events if event.event == "epoch"), default=0) if has_told else 0
        outcome = Outcome("failed", epochs_run=epochs, cause=dict(cause))
        result = outcome.result(job.id, str(job.start["name"]), job.spec["task"], attempt, Moment())
        result = dataclasses.replace(result, cost={})  # what is measured here is not the process that died
        directory.log(in_one_line(cause))
        journal.append("end", status="failed", metrics={}, cause=result.cause)
        return directory.finish(result)


def half_of(order: Order, catalog: Catalog) -> Order | None:
    """The same run with half the batch, a run of its own; None where a batch is one row, all rows, or half already."""
    job, size = order.job, order.job.spec["trainer"]["batch_size"]
    if order.is_half or not isinstance(size, int) or size < 2:
        return None
    trainer = job.spec["trainer"] | {"batch_size": size // 2}
    spec = Spec({**job.spec.content, "trainer": trainer})
    run, trial = run_and_trial_id(spec, catalog)
    word = f"trainer.batch_size={size // 2}"
    name = f"{job.start['name']} batch_size={size // 2}"
    start: dict[str, Any] = {**job.start, "name": name, "command": f"{job.start['command']} {word}"}
    start["params"] = {**job.start["params"], "trainer.batch_size": str(size // 2)}
    if start["trial"] is not None:
        start["trial"] = {"id": trial, "name": f"{start['trial']['name']} batch_size={size // 2}"}
    half = dataclasses.replace(job, id=run, spec=spec, start=start)
    return Order(half, order.settings, likeness(spec), is_half=True)
