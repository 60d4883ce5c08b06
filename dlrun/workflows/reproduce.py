"""Train a finished run again from its spec, beside it, and say whether it is the same.

Nothing of the run changes: the repetition is trained from its beginning in a folder of its own,

    .dlrun/reproductions/<start of the id>-<random>/

which is removed when it ends, however it ends. What it came to is kept as `reproduction.json` in the run's directory.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any

from dlrun.analysis.contrast.side import data_of
from dlrun.analysis.contrast.surroundings import Otherwise, described, environment_of, otherwise, surroundings_of
from dlrun.analysis.repetition import TOLERANCE, Repetition, history_of, judge
from dlrun.analysis.runs import RunRecord
from dlrun.config.catalog import Catalog
from dlrun.config.identity import run_id
from dlrun.config.spec import Spec
from dlrun.data.load import data_digest
from dlrun.errors import RunFailed, StorageError, UserError
from dlrun.job import Job
from dlrun.tracking.journal import JOURNAL, Event, last_attempt, read
from dlrun.training import environment, machine
from dlrun.training.atomic import storage_errors, write_json
from dlrun.training.interrupts import terminated_as_interrupt
from dlrun.training.quiet import import_tensorflow
from dlrun.training.result import Result
from dlrun.training.rundir import RunDirectory
from dlrun.workflows.foreign_spec import read_spec

__all__ = ["REPRODUCTION", "Listener", "Original", "Reproduction", "original_of", "reproduce"]

REPRODUCTION = "reproduction.json"
"""The name of the file in the run's directory that says what its last repetition came to."""

_FOLDER = Path(".dlrun") / "reproductions"
_STATUSES = ("finished", "diverged")

Listener = Callable[[str, Mapping[str, Any]], None]


@dataclass(frozen=True)
class Original:
    """A run that can be trained again here: its options, its data and its components are what they were.

    Attributes:
        spec: what to train: its spec, with the engine, threads and device that it was trained with.
        events: the last attempt in its journal.
    """

    run: RunRecord
    spec: Spec
    events: list[Event]


@dataclass(frozen=True)
class Reproduction:
    """What a repetition came to.

    Attributes:
        run: the id of the run that was repeated.
        tolerance: the relative difference of a metric that counts as the same.
        otherwise: what in the surroundings is another than it was.
        result: of the repetition.
        kept: the file that it is written to; None where the run's directory cannot be written.
    """

    run: str
    repetition: Repetition
    tolerance: float
    otherwise: tuple[Otherwise, ...]
    result: Result
    kept: Path | None = None

    def to_json(self) -> dict[str, Any]:
        """As it is written and printed."""
        told = asdict(self.repetition)
        at = told.pop("at")
        return {
            "run": self.run,
            "verdict": told.pop("verdict"),
            "diverged_at_epoch": None if at is None else at["epoch"],
            "diverged_at": at,
            **told,
            "tolerance": self.tolerance,
            "environment": [asdict(each) for each in self.otherwise],
            "status": self.result.status,
            "metrics": dict(self.result.metrics),
            "fingerprint": self.result.fingerprint,
            "engine": dict(self.result.engine),
            "seconds": self.result.durations.get("total_seconds"),
            "started": self.result.started,
        }


def original_of(run: RunRecord, catalog: Catalog) -> Original:
    """See that `run` can be trained again here. Imports no framework.

    Raises:
        UserError: it has no result to compare with, its data is not here or is not what it was, or a component was
            changed.
        ConfigError: an option of its spec is not here, or no longer takes what the spec says: all problems.
    """
    if run.status not in _STATUSES:
        mend = f"dlrun resume {run.short_id} goes on with it." if run.status != "running" else "Wait for its end."
        raise UserError(f"A run must be finished to be reproduced; run {run.short_id} is {run.status}. {mend}")
    try:
        content = (run.path / "spec.json").read_bytes()
    except OSError as error:
        raise UserError(f"Run {run.short_id} cannot be reproduced: its spec.json cannot be read: {error}.") from error
    spec = read_spec(content, catalog)
    events = last_attempt(read(run.path / JOURNAL))
    project = catalog.roots.project
    if project is not None and str(project) not in sys.path:
        sys.path.append(str(project))  # its option files may name classes of its own
    _require_same(run, spec, events, catalog)
    return Original(run, _as_trained(spec, run, catalog), events)


def reproduce(
    original: Original, catalog: Catalog, tolerance: float = TOLERANCE, listener: Listener | None = None
) -> Reproduction:
    """Train the run again, and hold what comes of it against what came of it before.

    Args:
        tolerance: the relative difference of a metric that counts as the same.
        listener: told every event of the training.

    Raises:
        RunFailed: an error ended the training.
        StorageError: there is no room for it.
        KeyboardInterrupt: a signal ended it; nothing is left of it.
    """
    run = original.run
    import_tensorflow()
    with terminated_as_interrupt(), _folder(catalog, run) as folder:
        from dlrun import pipeline

        place = Catalog(replace(catalog.roots, work=folder))
        now = environment.describe(catalog.roots.work, f"dlrun reproduce {run.id}")
        start = {"name": run.name, "params": {}, "tags": {}, "command": now["command"], "sweep": None, "trial": None}
        job = Job(str(run.result.get("id") or run.id), original.spec, {**start, "experiment": None}, now)
        result = pipeline.run(job, place, listener)
        events = last_attempt(read(RunDirectory(folder / "runs" / job.id).journal))
        if result.status not in _STATUSES:
            reason = (result.cause or {}).get("message", result.status)
            raise RunFailed(f"Run {run.short_id} could not be trained again: {reason}")
        repetition = judge(history_of(original.events, run.result), history_of(events, result.to_json()), tolerance)
        told = now | {"engine": result.engine.get("name"), "device": original.spec["trainer"]["device"]}
        told["threads"] = machine.resolved_threads(original.spec["trainer"]["threads"])
        different = _differences(run, described(told, machine.describe()))
    found = Reproduction(run.id, repetition, tolerance, tuple(different), result)
    return replace(found, kept=_kept(found, run))


def _require_same(run: RunRecord, spec: Spec, events: list[Event], catalog: Catalog) -> None:
    """See that data and components are those of the run."""
    option = catalog.get("data", spec["data"]["option"])
    for name, parameter in option.parameters.items():
        path = spec["data"].get(name)
        if parameter.rule.is_path and path is not None and not catalog.roots.file(str(path)).exists():
            mend = "Put it there, or start where it lies."
            raise UserError(f"The data of run {run.short_id} must be here; there is no data.{name}={path}. {mend}")
    known, now = data_of(events), data_digest(spec["data"], catalog)
    if known is not None and known[1] != now:
        mend = "Put it back as it was. Trained on what is here it is another run: type its command again."
        raise UserError(
            f"The data of run {run.short_id} must be what it learned from; its digest was {known[1][:12]} and is"
            f" {now[:12]}. {mend}"
        )
    if run_id(spec, catalog) != (run.result.get("id") or run.id):
        what = "the data, or one" if known is None else "one"
        raise UserError(
            f"The components of run {run.short_id} must be what it was trained with; {what} of the project's, or the"
            f" version of an option, is another now. {_way_back(run)}"
        )


def _way_back(run: RunRecord) -> str:
    """How to have what the run was trained with."""
    then = environment_of(run)
    git = then.get("git")
    version = (then.get("packages") or {}).get("dlrun")
    now = metadata.version("dlrun")
    if version and version != now:
        return f"It was made with dlrun {version}; this is {now}: install that one."
    if isinstance(git, Mapping) and git.get("commit"):
        commit = str(git["commit"])[:12]
        return f"It was made at git commit {commit}: git diff {commit} shows what changed."
    return "Its command, typed again, trains it anew as another run."


def _as_trained(spec: Spec, run: RunRecord, catalog: Catalog) -> Spec:
    """The spec with what its last bits depend on as it was resolved then, its files in full, and nothing kept."""
    origin = (RunDirectory(run.path).checkpoints.manifest() or {}).get("origin") or {}
    engine, trainer = run.result.get("engine"), dict(spec["trainer"])
    name = engine.get("name") if isinstance(engine, Mapping) else None
    trainer["engine"] = name if name in ("fit", "fused") else trainer["engine"]
    threads = trainer["threads"] or origin.get("threads") or environment_of(run).get("cpus")
    trainer["threads"] = None if threads == machine.resolved_threads(None) and not trainer["threads"] else threads
    if origin.get("gpu") == []:
        trainer["device"] = "cpu"
    elif trainer["device"] == "gpu":  # where there is none here, the answer says so
        trainer["device"] = "auto"
    trainer["save_model"] = "never"
    options = {group: catalog.get(group, "none").defaults | {"option": "none"} for group in ("tracking", "checkpoint")}
    return Spec({**spec.content, **options, "trainer": trainer, "data": _with_files(spec["data"], catalog)})


def _with_files(node: Mapping[str, Any], catalog: Catalog) -> dict[str, Any]:
    """The data's node with its paths in full: the repetition is at work in another folder."""
    parameters = catalog.get("data", node["option"]).parameters
    paths = {name for name, parameter in parameters.items() if parameter.rule.is_path}
    return {
        name: str(catalog.roots.file(str(value))) if name in paths and value is not None else value
        for name, value in node.items()
    }


@contextlib.contextmanager
def _folder(catalog: Catalog, run: RunRecord) -> Iterator[Path]:
    """A folder to train in, which shares the converted files of the working directory, and is gone afterwards."""
    work = catalog.roots.work
    parent = work / _FOLDER
    with storage_errors(parent):
        parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f"{run.short_id}-", dir=parent))
    try:
        with storage_errors(folder):
            cache = work / ".dlrun" / "cache"
            cache.mkdir(exist_ok=True)
            (folder / ".dlrun").mkdir()
            (folder / ".dlrun" / "cache").symlink_to(cache, target_is_directory=True)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        for each in (parent, work / ".dlrun" / "cache", work / ".dlrun"):  # where nothing else is in them
            with contextlib.suppress(OSError):
                each.rmdir()


def _differences(run: RunRecord, now: Mapping[str, str]) -> list[Otherwise]:
    """What is another than it was. The device is left out: what there is in GPUs tells it."""
    then = dict(surroundings_of(run))
    then.pop("device", None)
    return otherwise(then, {name: text for name, text in now.items() if name != "device"})


def _kept(found: Reproduction, run: RunRecord) -> Path | None:
    path = run.path / REPRODUCTION
    try:
        write_json(path, found.to_json() | {"when": time.time()})
    except (StorageError, OSError):  # somebody else's run: what was found is told all the same
        return None
    return path
