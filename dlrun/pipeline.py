"""A run, from its spec to its result: the only module that knows every stage, in order.

Reads as one page: data, split, preprocessing, model, training, evaluation. What happens is told to the run's journal
as it happens; a tracker that reads the journal is somebody else's business.
"""

from __future__ import annotations

import contextlib
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from dlrun.analysis.diagnosis.curves import curves_of
from dlrun.analysis.diagnosis.diagnose import diagnose
from dlrun.analysis.diagnosis.mends import Mends
from dlrun.config.catalog import Catalog
from dlrun.config.identity import component_modules
from dlrun.config.raised import telling_line
from dlrun.data.balance import describe_rows
from dlrun.data.dataset import Dataset
from dlrun.data.findings.finding import Finding
from dlrun.data.findings.look import examine
from dlrun.data.guess import describe_guess
from dlrun.data.load import load
from dlrun.data.prepare import Prepared, prepare
from dlrun.data.profile import SCHEMA, profile_of
from dlrun.data.splits.split import Split, split_rows
from dlrun.errors import DlrunError, OutOfTime, RunFailed, StorageError, Terminated
from dlrun.job import Job
from dlrun.models.build import build_model
from dlrun.tracking.journal import Journal, epochs_until, last_attempt, read
from dlrun.training import memory, process, saving, strategy
from dlrun.training.atomic import storage_errors, write_json
from dlrun.training.beginning import Beginning, find_beginning
from dlrun.training.by_class import Verdicts, verdicts_of
from dlrun.training.causes import cause_of, in_one_line
from dlrun.training.course import check_course, epochs_of, horizon_of
from dlrun.training.extend import note_extensible
from dlrun.training.objective import Objective, try_objective
from dlrun.training.outcome import Moment, Outcome
from dlrun.training.programs import PROGRAMS
from dlrun.training.resources import sampling
from dlrun.training.result import Result
from dlrun.training.rundir import RunDirectory
from dlrun.training.settings import as_begun
from dlrun.training.signature import signature_of
from dlrun.training.threshold import DEFAULT
from dlrun.training.train import objective_of, train

__all__ = ["Job", "Listener", "keep_model", "make_ready", "run"]

Listener = Callable[[str, Mapping[str, Any]], None]
"""Told every event of a run: its name and its fields."""

Emit = Callable[..., None]


def run(job: Job, catalog: Catalog, listener: Listener | None = None) -> Result:
    """Train, evaluate and record one run, or hand back its result if it has one already.

    An error of the run's own ends it as `failed` and is told in its result and log; errors of the call
    (a directory that cannot be written, data that cannot be used) are raised before anything is created.
    """
    directory = RunDirectory(catalog.roots.work / "runs" / job.id)
    if (done := directory.result()) is not None and done.is_final:
        return done
    process.configure(as_begun(job.spec["trainer"], directory))
    began = Moment()
    memory.forget_peak()
    ready = _ready_or_refused(job, catalog)
    with storage_errors(directory.path), directory.owned(), Journal(directory.journal) as journal:
        if (done := directory.result()) is not None and done.is_final:
            return done  # another process finished it while this one waited

        def emit(event: str, fields: Mapping[str, Any]) -> None:
            with storage_errors(directory.journal):
                journal.append(event, **fields)
            if event == "warning":
                directory.log(f"warning: {fields['text']}")
            if listener is not None:
                listener(event, fields)

        steps = 1 if isinstance(ready, BaseException) else horizon_of(ready.prepared, job.spec).steps_per_epoch
        beginning = find_beginning(job.spec, catalog, directory, steps)
        if beginning.refused is not None:
            ready = _told_later(beginning.refused, job)
        attempt = directory.begin(job.spec, job.environment)
        came = {"attempt": attempt, "resumed": beginning.resumed, "extends": beginning.extends}
        emit("start", {"run": job.id, "epochs": epochs_of(job.spec["trainer"]), **came, **job.start})

        def note_sample(values: Mapping[str, float]) -> None:
            journal.append("system", seconds=time.time() - journal.began, values=values)

        with sampling(job.spec["tracking"].get("system_metrics_seconds", 0.0), note_sample):  # tracking=none has none
            outcome, stop = _outcome_of(job, catalog, ready, directory, emit, beginning)
        if stop is None:
            return _end(directory, emit, outcome, job, attempt, began)
        with contextlib.suppress(StorageError):  # without a result it counts as interrupted too
            _end(directory, emit, outcome, job, attempt, began)
        raise stop


def _outcome_of(
    job: Job,
    catalog: Catalog,
    ready: Ready | BaseException,
    directory: RunDirectory,
    emit: Emit,
    beginning: Beginning,
) -> tuple[Outcome, KeyboardInterrupt | None]:
    """What a training comes to, whatever ends it, and the signal that ends the command with it."""
    try:
        return _train(job, catalog, ready, directory, emit, beginning), None
    except OutOfTime as end:  # the sweep that it is of goes on
        with contextlib.suppress(StorageError):
            directory.log(str(end))
        return Outcome.timed_out(end, directory.checkpoints.manifest()), None
    except KeyboardInterrupt as stop:
        signal = "SIGTERM" if isinstance(stop, Terminated) else "SIGINT"
        stopped = "its sweep was stopped" if job.in_sweep else f"{signal} stopped it"
        return Outcome.interrupted(stopped, directory.checkpoints.manifest()), stop
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever ends a run is its result: told, passed over
        with contextlib.suppress(StorageError):  # it may be what has ended the run: the result tells it too
            directory.log(traceback.format_exc())
        return Outcome.failed(error, catalog.roots.project), None


@dataclass
class Ready:
    """All that training needs, made before anything is written down."""

    dataset: Dataset
    rows: Split
    prepared: Prepared
    model: Any
    durations: dict[str, float]
    findings: tuple[Finding, ...]


def _ready_or_refused(job: Job, catalog: Catalog) -> Ready | BaseException:
    """What the run needs. In a sweep, what is wrong with one trial must not keep the others from running."""
    try:
        if job.refused is not None:
            raise job.refused
        ready = make_ready(job.spec, catalog)
        if not job.in_sweep:
            try_objective(job.spec, catalog)
        return ready
    except DlrunError as error:
        return _told_later(error, job)
    except (Exception, SystemExit) as error:  # a component of the user's own may raise anything
        if not job.in_sweep:
            raise RunFailed(in_one_line(cause_of(error, catalog.roots.project))) from error
        return error


def _told_later(error: DlrunError, job: Job) -> DlrunError:
    """The error, of a run in a sweep; of a single one it is raised here."""
    if not job.in_sweep:
        raise error
    return error


def make_ready(spec: Mapping[str, Any], catalog: Catalog) -> Ready:
    """Load and prepare the data of `spec`, and build its model.

    Raises:
        UserError: one of them is wrong, or they do not go together.
    """
    began = time.perf_counter()
    dataset = load(spec["data"], catalog)
    rows = split_rows(dataset, spec["split"], catalog)
    findings = examine(dataset, rows, spec)
    prepared = prepare(spec, catalog, dataset, rows)
    check_course(prepared, spec)
    data_seconds = time.perf_counter() - began
    with strategy.scope(spec["trainer"]):
        model = build_model(spec, catalog, prepared.input_shape, prepared.outputs, prepared.front)
    build_seconds = time.perf_counter() - began - data_seconds
    durations = {"data_seconds": data_seconds, "build_seconds": build_seconds}
    return Ready(dataset, rows, prepared, model, durations, findings)


def _train(
    job: Job, catalog: Catalog, ready: Ready | BaseException, directory: RunDirectory, emit: Emit, beginning: Beginning
) -> Outcome:
    if isinstance(ready, BaseException):
        raise ready
    _begin(beginning, directory, emit)
    data = {"name": job.spec["data"]["option"], **describe_rows(ready.dataset, ready.rows)}
    guess = describe_guess(job.spec["loss"]["option"], ready.prepared)
    findings = [finding.to_json() for finding in ready.findings]
    emit("data", data | ready.prepared.describe() | {"guess": guess, "findings": findings})
    for text in ready.dataset.notes:
        emit("warning", {"text": text})
    saving.save_split(ready.rows.archive, directory, emit)
    is_kept = saving.wants_model(job.spec, auto=not job.in_sweep)
    summary = _summary(ready.model) if is_kept else None  # 10 ms, as much as some trials train
    emit("model", {"parameters": ready.model.count_params(), "summary": summary})
    with strategy.scope(job.spec["trainer"]), PROGRAMS.expecting(lambda: _siblings(job, catalog, ready.prepared)):
        outcome = train(ready.model, ready.prepared, job.spec, catalog, directory, emit)
    outcome.resumed = beginning.resumed or beginning.extends
    outcome.guess = guess.get("accuracy", {})
    if outcome.status == "finished":
        note_extensible(job.spec, catalog, directory)
    outcome.add_preparation(ready.durations)
    outcome.verdicts = _verdicts(job, ready, outcome, emit)
    if is_kept:
        _save(job, catalog, ready, directory, emit, outcome.verdicts.threshold)
    elif outcome.status == "finished" and saving.wants_weights(job.spec, is_kept):
        saving.save_weights(ready.model, directory)
    try:
        outcome.diagnosis = _diagnosis(job, catalog, directory, outcome)
    except Exception as error:  # noqa: BLE001 - what is said of a training must not cost the training
        emit("warning", {"text": f"the training could not be diagnosed: {type(error).__name__}: {telling_line(error)}"})
    return outcome


def _verdicts(job: Job, ready: Ready, outcome: Outcome, emit: Emit) -> Verdicts:
    """The threshold, and in a single run what is made of each class; of weights that are worth keeping alone."""
    if outcome.status != "finished" or outcome.fast_dev_run:
        return Verdicts()
    return verdicts_of(ready.model, ready.prepared, job.spec["trainer"]["threshold"], not job.in_sweep, emit)


def _save(
    job: Job, catalog: Catalog, ready: Ready, directory: RunDirectory, emit: Emit, threshold: float = DEFAULT
) -> None:
    modules = component_modules(job.spec, catalog)
    signature = signature_of(ready.model, ready.dataset, job.spec["data"], modules, threshold)
    write_json(directory.path / SCHEMA, profile_of(ready.dataset, ready.rows.train))
    saving.save_model(ready.model, ready.prepared, signature, directory, emit)


def keep_model(job: Job, catalog: Catalog) -> None:
    """Make the model of a run that is over and has kept its weights alone: the best of its sweep.

    Raises:
        UserError: it cannot be had of its weights and data as they are now.
        StorageError: it cannot be written.
    """
    directory = RunDirectory(catalog.roots.work / "runs" / job.id)
    ready = make_ready(job.spec, catalog)
    saving.load_weights(ready.model, directory)
    with storage_errors(directory.path), directory.owned(), Journal(directory.journal) as journal:

        def emit(event: str, fields: Mapping[str, Any]) -> None:
            journal.append(event, **fields)

        done = directory.result()
        _save(job, catalog, ready, directory, emit, DEFAULT if done is None else done.threshold)
        directory.weights.unlink(missing_ok=True)


def _siblings(job: Job, catalog: Catalog, prepared: Prepared) -> Iterator[tuple[Any, Objective]]:
    """Models and objectives of the runs that show which numbers vary in the sweep."""
    for spec in job.siblings:
        model = build_model(spec, catalog, prepared.input_shape, prepared.outputs, prepared.front)
        yield model, objective_of(prepared, spec, catalog)


def _begin(beginning: Beginning, directory: RunDirectory, emit: Emit) -> None:
    """Tell what is to be known of where the run begins, and take over what it goes on with."""
    for text in beginning.warnings:
        emit("warning", {"text": text})
    if beginning.source is not None:
        for event in epochs_until(beginning.epochs_before, last_attempt(read(beginning.source.journal))):
            emit(event.event, event.fields)
        emit("checkpoint", {"epoch": beginning.epochs_before, "step": 0})
        beginning.adopt(directory)  # last: a checkpoint says that the epochs before it are in the journal


def _end(directory: RunDirectory, emit: Emit, outcome: Outcome, job: Job, attempt: int, began: Moment) -> Result:
    result = outcome.result(job.id, str(job.start["name"]), job.spec["task"], attempt, began)
    epochs = {"best_epoch": result.best_epoch, "kept_epoch": result.kept_epoch}
    emit("end", {"status": result.status, "metrics": result.metrics, "cause": result.cause, **epochs})
    return directory.finish(result)


def _diagnosis(job: Job, catalog: Catalog, directory: RunDirectory, outcome: Outcome) -> list[dict[str, str]]:
    """What is wrong with a training that has ended; its end is not in the journal yet."""
    curves = curves_of(read(directory.journal), job.spec)
    cause = (outcome.cause or {}).get("message")
    names = [str(each["class"]) for each in outcome.verdicts.per_class]
    ended = replace(
        curves,
        status=outcome.status,
        cause=cause,
        scores=outcome.metrics,
        kept_epoch=outcome.kept_epoch,
        confusion=outcome.verdicts.confusion,
        names=names,
    )
    return [finding.to_json() for finding in diagnose(ended, Mends(job.spec, catalog))]


def _summary(model: Any) -> str:
    lines: list[str] = []
    model.summary(print_fn=lambda line, **_: lines.append(line), line_length=100)
    return "\n".join(lines)
