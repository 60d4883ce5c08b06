"""The commands as functions: what the verbs stand on.

>>> import dlrun
>>> result = dlrun.run(["model=cnn", "seed=1"])                             # doctest: +SKIP
>>> result.metrics["test_accuracy"]                                         # doctest: +SKIP
>>> sweep = dlrun.run(["seed=0,1,2", "model.dropout=0,0.3"], sweep=True)    # doctest: +SKIP
"""

from __future__ import annotations

import dataclasses
import functools
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlrun.config.catalog import Catalog
from dlrun.config.draft import normalise_override
from dlrun.config.given import spelled_out_files
from dlrun.config.identity import sweep_id
from dlrun.config.loader import PRIMARY, hydra_app
from dlrun.config.roots import Roots
from dlrun.config.secrets import values_in
from dlrun.errors import DlrunError, UserError
from dlrun.planning import Plan, Planner
from dlrun.sweeps import fork
from dlrun.sweeps.best import note_best
from dlrun.sweeps.busy import alone
from dlrun.sweeps.consent import Ask, require_consent
from dlrun.sweeps.ledger import Ledger
from dlrun.sweeps.observer import Nobody, Observer
from dlrun.sweeps.record import Sweep
from dlrun.sweeps.room import require_room
from dlrun.sweeps.shared import note_sharing
from dlrun.sweeps.task import Task, describe_sweep
from dlrun.sweeps.watcher import Watcher
from dlrun.tracking.client import Report, Writer
from dlrun.tracking.plan import BEST
from dlrun.tracking.secret import Secrets
from dlrun.tracking.state import pending
from dlrun.tracking.store import tracking_uri
from dlrun.training import environment, process
from dlrun.training.interrupts import terminated_as_interrupt
from dlrun.training.result import Result
from dlrun.training.rundir import RunDirectory

if TYPE_CHECKING:
    from hydra._internal.hydra import Hydra

    from dlrun.analysis.runs import RunRecord
    from dlrun.pipeline import Listener
    from dlrun.workflows.rate_finder import RateTest

__all__ = ["Answer", "answer_to", "load", "run"]


@dataclass(frozen=True)
class Answer:
    """What a command came to.

    Attributes:
        results: of every run that has one, in the order asked for.
        sweep: what they are part of, None for a single run.
        repeated: how many were finished before and not run again.
        store: what the tracking store has got; None when nothing was to be sent.
        tracking: the spec's node of that name: where runs are recorded.
        rate_test: what `trainer.lr_finder` found, in place of results; None of a training.
    """

    results: tuple[Result, ...]
    sweep: Sweep | None
    repeated: int
    store: Report | None
    tracking: Mapping[str, Any]
    catalog: Catalog
    rate_test: RateTest | None = None

    @property
    def work(self) -> Path:
        """Where `runs/` and `sweeps/` lie."""
        return self.catalog.roots.work

    @property
    def result(self) -> Result:
        """The result of a single run."""
        (result,) = self.results
        return result


def run(
    overrides: Sequence[str] | str = (),
    *,
    sweep: bool = False,
    listener: Listener | None = None,
    observer: Observer | None = None,
    directory: Path | None = None,
) -> Any:
    """Train what `overrides` say, in Hydra's grammar: as `dlrun OVERRIDES`, with `sweep` as `dlrun -m OVERRIDES`.

    Args:
        overrides: words, or one line of them, such as `model=cnn`, `optimizer.learning_rate=0.01`; with `sweep`, lists
            of values too.
        sweep: run all points of the grid.
        listener: called with the name and fields of every event of a run in this process.
        observer: told how a sweep goes.
        directory: where the command is run; the working directory when None.

    Returns:
        The `Result` of a single run, the `Answer` of a sweep; with `trainer.lr_finder=true` the `RateTest`.

    Raises:
        ConfigError: the config is wrong; nothing was created.
        UserError: a sweep has more runs to do than `search.confirm_above`; nothing was created.
        DataError: the data cannot be used; nothing was created.
        StorageError: a directory or the store cannot be written.
    """
    words = shlex.split(overrides) if isinstance(overrides, str) else list(overrides)
    answer = answer_to(words, sweep, listener, observer, directory)
    return answer if sweep else answer.rate_test or answer.result


def load(which: str | Path, directory: Path | None = None) -> Result:
    """The result of a finished run, addressed as on the command line: `last`, `best`, a short id, a path.

    `load_model()` of it gives the trained model. The run may be somebody else's: the model is rebuilt from its spec,
    and of its files numbers are read, by a process with bounds. Options of a project must be in the project here.

    Raises:
        UserError: there is no such run, it has no result yet, or the path names what is not opened (`.h5`, pickles,
            SavedModels, other machines).
    """
    from dlrun.analysis.which import find_run
    from dlrun.workflows.foreign import refuse_address

    refuse_address(str(which))
    roots = Roots.of(directory or Path.cwd())
    catalog = Catalog(roots)
    record = find_run(str(which), roots.work, catalog)
    result = RunDirectory(record.path).result()
    if result is None:
        raise UserError(f"Run {which} has no result yet: its status is {record.status}.")
    return _with_model(result, roots)


def _with_model(result: Result, roots: Roots) -> Result:
    """The result with the way to its model."""
    return dataclasses.replace(
        result,
        opener=functools.partial(_open_model, roots),
        predictor=functools.partial(_predict, roots),
        evaluator=functools.partial(_evaluate, roots),
    )


def _open_model(roots: Roots, path: Path) -> Any:
    from dlrun.workflows.foreign import load_model

    return load_model(path, Catalog(roots))


def _predict(roots: Roots, path: Path, given: Any) -> Any:
    import pandas as pd

    from dlrun.workflows.predict import Request, prediction_of

    catalog, run = Catalog(roots), _record(path)
    if not isinstance(given, str | Path):
        return _served(path, roots, (path / "result.json").stat().st_mtime_ns).predict(given)
    with prediction_of(run, catalog, Request(str(given), probabilities=True)) as found:
        return pd.concat(list(found.tables()), ignore_index=True)


@functools.lru_cache(maxsize=2)
def _served(path: Path, roots: Roots, _state: int) -> Any:
    """The model of the run at `path`, opened once as long as the run is the same."""
    from dlrun.workflows.kept_model import kept_model

    return kept_model(_record(path), Catalog(roots)).served()


def _evaluate(roots: Roots, path: Path, words: str | Sequence[str], part: str | None) -> Any:
    from dlrun.workflows.evaluate import evaluate

    split = shlex.split(words) if isinstance(words, str) else list(words)
    return evaluate(_record(path), Catalog(roots), split, part)


def _record(path: Path) -> RunRecord:
    from dlrun.analysis.runs import read_run

    run = read_run(path)
    if run is None:
        raise UserError(f"There is no run in {path}.")
    return run


@fork.cooled_by_errors()  # planning has TensorFlow imported ahead, by a process that nobody needs then
def answer_to(
    overrides: list[str],
    sweep: bool,
    listener: Listener | None = None,
    observer: Observer | None = None,
    directory: Path | None = None,
    ask: Ask | None = None,
) -> Answer:
    """As `run`, with everything there is to tell about the command.

    Args:
        ask: asks whether a large sweep is meant; without it, one is refused.
    """
    directory = (directory or Path.cwd()).resolve()
    planner = Planner(directory)
    overrides = [normalise_override(text) for text in spelled_out_files(overrides, planner.catalog)]
    plan = planner.plan(overrides, sweep, functools.partial(_warm_up, overrides, planner) if sweep else None)
    require_consent(plan, planner.roots.work / "runs", ask)
    if any(run.spec["trainer"]["lr_finder"] for run in plan.runs):
        return _test_rates(planner, plan)
    command = shlex.join(["dlrun", *(["-m"] if sweep else []), *overrides])
    task = Task(directory, command, plan, _surroundings(plan, planner.roots, command), listener=listener)
    task.planner = planner
    if sweep:
        task.sweep = describe_sweep(plan, sweep_id([run.id for run in plan.runs]), command, planner)
    if sweep or task.waiting():
        require_room(planner.roots.work / name for name in ("runs", *(["sweeps"] if sweep else [])))
    observer = observer or Nobody()
    if sweep and plan.repeats:
        observer.said(plan.repeats)
    with terminated_as_interrupt(), _alone(task, observer):
        waiting = task.waiting()
        with _recorded(task, bool(waiting)) as recording:
            if task.sweep is None:
                _train_one(task)
            else:
                _train_sweep(task, overrides, observer, recording)
    results = (task.run_directory(run.id).result() for run in plan.runs)
    return Answer(
        results=tuple(_with_model(result, planner.roots) for result in results if result is not None),
        sweep=task.sweep,
        repeated=len(plan.runs) - len(waiting),
        store=recording.report,
        tracking=plan.runs[0].spec["tracking"],
        catalog=planner.catalog,
    )


def _surroundings(plan: Plan, roots: Roots, command: str) -> dict[str, Any]:
    """What the command runs on. What is not committed goes to the store, so that secrets are hidden in it."""
    node = plan.runs[0].spec["tracking"]
    described = environment.describe(roots.work, command, node.get("uncommitted", True))  # tracking=none tells nobody
    git = described["git"]
    if git and git["diff"] and (values := values_in(node)):
        described["git"] = {**git, "diff": Secrets(values).hidden(git["diff"])}
    return described


def _warm_up(overrides: Sequence[str], planner: Planner, first: Plan) -> None:
    """Have TensorFlow imported for the workers of a sweep beside the rest of its planning, if there will be any."""
    (run,) = first.runs
    done = RunDirectory(planner.roots.work / "runs" / run.id).result()
    is_done = done is not None and done.is_final  # as the others probably are
    elsewhere = any(word.lstrip("+").startswith("hydra/launcher=") for word in overrides)
    if not (is_done or elsewhere or first.launcher["jobs"] == 0 or "tensorflow" in sys.modules):
        with suppress(OSError):  # told when there is no worker
            fork.warm()


def _test_rates(planner: Planner, plan: Plan) -> Answer:
    if len(plan.runs) > 1:
        raise UserError(f"trainer.lr_finder is for one run at a time; these words make {len(plan.runs)}. Leave -m out.")
    (run,) = plan.runs
    require_room([planner.roots.work / "plots"])
    process.configure(run.spec["trainer"])  # imports TensorFlow without its greetings; so the next line comes after
    from dlrun.workflows.rate_finder import find_rate

    found = find_rate(run.spec, planner.catalog, run.id)
    return Answer((), None, 0, None, run.spec["tracking"], planner.catalog, found)


def _train_one(task: Task) -> None:
    if not task.waiting():
        return
    value = _hydra(task).run(PRIMARY, task, task.words(task.plan.runs[0])).return_value
    if isinstance(value, DlrunError):
        raise value


@dataclass
class _Recording:
    """What sends the command's runs to the tracking store, if anything does; in the end, what the store has got."""

    writer: Writer | None = None
    report: Report | None = None

    def watch(self, directory: Path) -> None:
        """Have one run more sent."""
        if self.writer is not None:
            self.writer.watch(directory)


def _alone(task: Task, observer: Observer) -> AbstractContextManager[None]:
    """Be the one command at work on the task's sweep; runs are owned one by one."""
    if task.sweep is None:
        return nullcontext()
    folder = task.planner.roots.work / "sweeps" / task.sweep.id
    return alone(folder, task.plan.launcher["if_running"], observer.said)


def _train_sweep(task: Task, overrides: list[str], observer: Observer, recording: _Recording) -> None:
    assert task.sweep is not None
    work = task.planner.roots.work
    folder = work / "sweeps" / task.sweep.id
    task.sweep.write(folder)
    environment.write(folder, task.environment)
    waiting = {run.id for run in task.waiting()}
    for run in task.plan.runs:
        if run.id not in waiting:
            note_sharing(task.run_directory(run.id), task.sweep.id)
    with Watcher(task.sweep, work / "runs", Ledger(folder), observer, recording.watch) as task.watcher:
        if waiting:
            _hydra(task).multirun(PRIMARY, task, task.planner.for_hydra(overrides))
    if (waiting or not (folder / BEST).exists()) and (trouble := note_best(task)) is not None:
        observer.said(trouble)


def _hydra(task: Task) -> Hydra:
    app = hydra_app(task.directory)
    app.config_loader = task.planner.loader  # which has composed these configs already
    return app


@contextmanager
def _recorded(task: Task, training: bool) -> Iterator[_Recording]:
    """Have the journals of the command's runs written to the tracking store, beside the training and after it."""
    spec = task.plan.runs[0].spec
    node = spec.with_secrets()["tracking"]
    work = task.planner.roots.work
    directories = [task.run_directory(run.id).path for run in task.plan.runs]
    uri = tracking_uri(node, work)
    if not uri or not (training or pending(directories, uri)):
        yield _Recording()
        return
    writer = Writer.start(node, work, values_in(spec["tracking"]))
    for path in directories:
        writer.watch(path)
    recording = _Recording(writer)
    try:
        yield recording
    finally:
        recording.report = writer.close(float(node["wait_seconds"]))
