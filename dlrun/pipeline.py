"""A run, from its spec to its result: the only module that knows every stage, in order.

Reads as one page: data, split, preprocessing, model, training, evaluation. What happens is told to the run's journal
as it happens; a tracker that reads the journal is somebody else's business.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dlrun.config.catalog import Catalog
from dlrun.config.spec import Spec
from dlrun.data.dataset import Dataset
from dlrun.data.load import load
from dlrun.data.prepare import Prepared, prepare
from dlrun.data.split import split_rows
from dlrun.errors import Terminated, UserError
from dlrun.models.build import build_model
from dlrun.tracking.journal import Journal
from dlrun.training import process, saving
from dlrun.training.atomic import storage_errors
from dlrun.training.objective import try_objective
from dlrun.training.outcome import Outcome
from dlrun.training.result import Result
from dlrun.training.rundir import RunDirectory
from dlrun.training.train import train

__all__ = ["Job", "Listener", "run"]

Listener = Callable[[str, Mapping[str, Any]], None]
"""Told every event of a run: its name and its fields."""

Emit = Callable[..., None]


@dataclass(frozen=True)
class Job:
    """One run to do.

    Attributes:
        id: the run's id; its directory is `runs/<id>`.
        spec: what to do.
        start: fields of the journal's first event: name, parameters, sweep, trial, command.
        environment: content of environment.json.
        in_sweep: whether it is one of many: then its model is not kept unless the spec says so, and data or a model
            that cannot be used make it `failed`.
        refused: why it cannot be done, where that is known already.
    """

    id: str
    spec: Spec
    start: Mapping[str, Any]
    environment: Mapping[str, Any] = field(default_factory=dict)
    in_sweep: bool = False
    refused: UserError | None = None


def run(job: Job, catalog: Catalog, listener: Listener | None = None) -> Result:
    """Train, evaluate and record one run, or hand back its result if it has one already.

    An error of the run's own ends it as `failed` and is told in its result and log; errors of the call
    (a directory that cannot be written, data that cannot be used) are raised before anything is created.
    """
    process.configure(job.spec["trainer"])
    directory = RunDirectory(catalog.roots.work / "runs" / job.id)
    if (done := directory.result()) is not None and done.is_final:
        return done
    began = time.time()
    ready = _ready_or_refused(job, catalog)
    with storage_errors(directory.path), directory.owned(), Journal(directory.journal) as journal:
        if (done := directory.result()) is not None and done.is_final:
            return done  # another process finished it while this one waited

        def emit(event: str, fields: Mapping[str, Any]) -> None:
            with storage_errors(directory.journal):
                journal.append(event, **fields)
            if listener is not None:
                listener(event, fields)

        attempt = directory.begin(job.spec, job.environment)
        emit("start", {"run": job.id, "attempt": attempt, "epochs": job.spec["trainer"]["epochs"], **job.start})
        try:
            outcome = _train(job, catalog, ready, directory, emit)
        except KeyboardInterrupt as stop:
            signal = "SIGTERM" if isinstance(stop, Terminated) else "SIGINT"
            _end(directory, emit, Outcome.interrupted(signal), job, attempt, began)
            raise
        except Exception as error:  # noqa: BLE001 - whatever ends a run is its result: recorded, shown, passed over
            directory.log(traceback.format_exc())
            outcome = Outcome.failed(error, catalog.roots.project)
        return _end(directory, emit, outcome, job, attempt, began)


@dataclass
class Ready:
    """All that training needs, made before anything is written down."""

    dataset: Dataset
    prepared: Prepared
    model: Any
    durations: dict[str, float]


def _ready_or_refused(job: Job, catalog: Catalog) -> Ready | UserError:
    """What the run needs. In a sweep, what is wrong with one trial must not keep the others from running."""
    try:
        if job.refused is not None:
            raise job.refused
        ready = _make_ready(job.spec, catalog)
        if not job.in_sweep:
            try_objective(job.spec, catalog)
        return ready
    except UserError as error:
        if not job.in_sweep:
            raise
        return error


def _make_ready(spec: Spec, catalog: Catalog) -> Ready:
    began = time.perf_counter()
    dataset = load(spec["data"], catalog)
    prepared = prepare(spec, catalog, dataset, split_rows(dataset, spec["split"], catalog))
    data_seconds = time.perf_counter() - began
    model = build_model(spec, catalog, prepared.input_shape, prepared.outputs)
    build_seconds = time.perf_counter() - began - data_seconds
    return Ready(dataset, prepared, model, {"data_seconds": data_seconds, "build_seconds": build_seconds})


def _train(job: Job, catalog: Catalog, ready: Ready | UserError, directory: RunDirectory, emit: Emit) -> Outcome:
    if isinstance(ready, UserError):
        raise ready
    data = {"name": job.spec["data"]["option"], "digest": ready.dataset.digest, "classes": list(ready.dataset.classes)}
    emit("data", data | ready.prepared.describe())
    emit("model", {"parameters": ready.model.count_params(), "summary": _summary(ready.model)})
    outcome = train(ready.model, ready.prepared, job.spec, catalog, directory, emit)
    outcome.durations |= ready.durations
    if saving.wants_model(job.spec, auto=not job.in_sweep):
        saving.save_model(ready.model, ready.prepared, directory, emit)
    return outcome


def _end(directory: RunDirectory, emit: Emit, outcome: Outcome, job: Job, attempt: int, began: float) -> Result:
    result = outcome.result(job.id, str(job.start["name"]), job.spec["task"], attempt, began)
    emit("end", {"status": result.status, "metrics": result.metrics, "cause": result.cause})
    return directory.finish(result)


def _summary(model: Any) -> str:
    lines: list[str] = []
    model.summary(print_fn=lambda line, **_: lines.append(line), line_length=100)
    return "\n".join(lines)
