"""The runs above the runs: experiment > sweep > trial > replicate."""

from __future__ import annotations

import getpass
import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING, Any

from dlrun.config.replicates import REPLICATE_KEYS
from dlrun.tracking.backend import Backend, Held
from dlrun.tracking.faults import is_of_run, told
from dlrun.tracking.journal import Event
from dlrun.tracking.plan import BEST, ENDINGS, best_runs, missing, planned_runs, sweep_folder, verdict
from dlrun.tracking.provenance import PROVENANCE
from dlrun.tracking.schema import alone, artifact_root, lock
from dlrun.tracking.store import DEFAULT_EXPERIMENT, is_server
from dlrun.tracking.storerun import BEST_TAG, MODEL_TAG, STATUS_TAG, SUPERSEDED_TAG, StoreRun
from dlrun.tracking.translate import SYSTEM, Batch, Point, entity_key, repeat_with

if TYPE_CHECKING:
    from dlrun.tracking.pulse import Pulse

__all__ = ["Place", "Tree"]

_log = logging.getLogger(__name__)
_LOCK_SECONDS = 10.0  # another command holds it for milliseconds, for seconds where a sweep has thousands of runs


@dataclass(frozen=True)
class Place:
    """Where a run belongs: its experiment, and the MLflow run above it."""

    experiment_id: str
    parent: str | None


@dataclass
class _Group:
    """A sweep or a trial."""

    kind: str
    experiment_id: str
    run: StoreRun
    planned: list[str]
    register: str | None = None
    ended: set[str] = field(default_factory=set)

    @property
    def is_complete(self) -> bool:
        return bool(self.planned) and self.ended >= set(self.planned)


class Tree:
    """Finds or makes what stands above a run, and ends it when its runs have ended.

    Args:
        backend: the store.
        uri: its URI.
        work: where `runs/` and `sweeps/` lie.
        pulse: is told when another command is waited for.
    """

    def __init__(self, backend: Backend, uri: str, work: Path, pulse: Pulse | None = None) -> None:
        self.backend = backend
        self._pulse = pulse
        self._uri = uri
        self.work = work
        self._experiments: dict[str, str] = {}
        self._plans: dict[str, dict[str, list[str]]] = {}
        self._sweeps: dict[str, _Group] = {}
        self._trials: dict[tuple[str, str], _Group] = {}

    def place(self, start: Event) -> Place:
        """Where the run that `start` begins belongs."""
        experiment_id = self._experiment(start.get("experiment") or DEFAULT_EXPERIMENT)
        sweep, trial = start.get("sweep"), start.get("trial")
        if not sweep:
            return Place(experiment_id, None)
        parent = self._sweep(experiment_id, sweep, start)
        if trial:
            parent = self._trial(sweep, trial, start, parent)
        return Place(experiment_id, parent.run.run_id)

    def create(self, place: Place, name: str, start: Event, tags: Mapping[str, str], level: int = 0) -> str:
        """Make a run.

        Args:
            place: where it belongs.
            name: what it is called in the UI.
            start: the event that called for it.
            tags: what it is found by.
            level: how far above the run of `start` it stands. The UI orders by starting time, so that a parent begins
                a moment before its children.

        Returns:
            MLflow's id of the run.
        """
        about = {"mlflow.source.name": "dlrun", "mlflow.source.type": "LOCAL", "mlflow.user": _user()}
        if place.parent is not None:
            about["mlflow.parentRunId"] = place.parent
        asked = start if level == 0 else start.get("sweep") or {}
        if command := asked.get("command"):
            about["mlflow.note.content"] = repeat_with(command)
        marks = {**about, **tags, STATUS_TAG: "running"}
        return self.backend.create_run(place.experiment_id, name, int(start.time * 1000) - level, marks)

    def ended(self, start: Event) -> None:
        """Note that a run ended; a trial of which it was the last gets its means now, the others at `close`."""
        sweep, trial = start.get("sweep"), start.get("trial")
        key = (str(sweep["id"]), str(trial["id"])) if sweep and trial else ("", "")
        if group := self._trials.get(key):
            group.ended.add(str(start["run"]))
            if group.is_complete:
                self._settle(group)
                del self._trials[key]

    def close(self) -> dict[str, str]:
        """Settle every trial and sweep that was touched. Doing it again changes nothing.

        Returns:
            The ids of the runs of sweeps that could not be settled, each with why not: they can be closed again.

        Raises:
            Exception: the store is away.
        """
        faults: dict[str, str] = {}
        for (sweep_id, _), trial in self._trials.items():
            with self._passing_over(sweep_id, faults):
                self._settle(trial)
        for sweep_id, sweep in self._sweeps.items():
            with self._passing_over(sweep_id, faults):
                self._settle(sweep)
                self._note_best(sweep_id, sweep)
                self._send_files(sweep_id, sweep)
        if not faults:
            self._trials.clear()
            self._sweeps.clear()
        return faults

    @contextmanager
    def _passing_over(self, sweep_id: str, faults: dict[str, str]) -> Iterator[None]:
        """Note what is wrong with one sweep; that the store is away is wrong with all."""
        try:
            yield
        except Exception as error:
            if not is_of_run(error):
                raise
            _log.warning("sweep %s could not be ended", sweep_id, exc_info=error)
            faults.update({run: told(error) for runs in self._plans[sweep_id].values() for run in runs})

    def _send_files(self, sweep_id: str, sweep: _Group) -> None:
        folder = sweep_folder(self.work, sweep_id)
        for name in ("sweep.json", BEST, *PROVENANCE):
            if (folder / name).is_file():
                self.backend.log_file(sweep.run.run_id, folder / name, None)

    def _note_best(self, sweep_id: str, sweep: _Group) -> None:
        """Say which runs are a sweep's best, one for each data set, and register their models where that is asked."""
        wanted = ({"dlrun.kind": "run", "dlrun.run_id": run} for run in best_runs(self.work, sweep_id))
        found = [run for tags in wanted for run in self.backend.find_runs(sweep.experiment_id, tags)]
        best = [run for run in found if SUPERSEDED_TAG not in run.tags]
        if best:
            self.backend.write(sweep.run.run_id, [], {}, {BEST_TAG: " ".join(run.run_id for run in best)})
        for run in best:
            if sweep.register and MODEL_TAG in run.tags:
                self.backend.register(sweep.register, run.tags[MODEL_TAG], run.run_id)

    def _experiment(self, name: str) -> str:
        if name not in self._experiments:
            self._experiments[name] = self.backend.find_experiment(name) or self._create_experiment(name)
        return self._experiments[name]

    def _create_experiment(self, name: str) -> str:
        folder = artifact_root(self.work) / entity_key(name).replace("/", "_")
        return self.backend.create_experiment(name, None if is_server(self._uri) else folder.as_uri())

    def _sweep(self, experiment_id: str, sweep: Mapping[str, Any], start: Event) -> _Group:
        sweep_id = str(sweep["id"])
        if sweep_id not in self._sweeps:
            sweep_folder(self.work, sweep_id)  # an id that is none is wrong with the run that says it, and no other
            plan = self._plans[sweep_id] = planned_runs(self.work, sweep_id)
            planned = [run for runs in plan.values() for run in runs]
            tags = {"dlrun.kind": "sweep", "dlrun.sweep_id": sweep_id}
            name = str(sweep.get("name") or sweep_id)
            self._sweeps[sweep_id] = self._group(Place(experiment_id, None), name, start, tags, planned)
        return self._sweeps[sweep_id]

    def _trial(self, sweep: Mapping[str, Any], trial: Mapping[str, Any], start: Event, parent: _Group) -> _Group:
        key = (str(sweep["id"]), str(trial["id"]))
        if key not in self._trials:
            tags = {"dlrun.kind": "trial", "dlrun.sweep_id": key[0], "dlrun.trial_id": key[1]}
            place = Place(parent.experiment_id, parent.run.run_id)
            planned = self._plans[key[0]].get(key[1], [])
            group = self._trials[key] = self._group(place, str(trial.get("name") or key[1]), start, tags, planned)
            given = {k: v for k, v in (start.get("params") or {}).items() if k not in REPLICATE_KEYS}
            params = {entity_key(k): str(v) for k, v in given.items()}
            group.run.send(Batch(params=params), {})
        return self._trials[key]

    def _group(self, place: Place, name: str, start: Event, tags: dict[str, str], planned: list[str]) -> _Group:
        level = 1 if "dlrun.trial_id" in tags else 2
        with self._alone():
            found = self.backend.find_runs(place.experiment_id, tags)
            run_id = found[0].run_id if found else self.create(place, name, start, tags, level)
        run = StoreRun(self.backend, run_id, fresh=not found)
        if found and found[0].status != "RUNNING":
            run.resume()
        return _Group(tags["dlrun.kind"], place.experiment_id, run, planned, start.get("register"))

    def _settle(self, group: _Group) -> None:
        with self._alone():
            self._settle_alone(group)

    def _alone(self) -> AbstractContextManager[object]:
        """Keep other commands of the same store from making or ending the same sweep at the same time."""
        return alone(lock(self._uri, self.work), _LOCK_SECONDS, self._pulse)

    def _settle_alone(self, group: _Group) -> None:
        run = StoreRun(self.backend, group.run.run_id, fresh=False)  # another command may have settled it, too
        runs = self._runs_of(group)
        statuses = Counter(each.tags.get(STATUS_TAG, "running") for each in runs)
        still_missing = missing(self.work, group.planned, (each.tags["dlrun.run_id"] for each in runs))
        word = verdict(statuses, still_missing)
        held = run.held().tags  # a count that has fallen to zero says so
        tags = {f"dlrun.{name}": str(statuses[name]) for name in ENDINGS if statuses[name] or f"dlrun.{name}" in held}
        end_time = max((each.end_time or 0 for each in runs), default=0) or None
        batch = Batch(points=_means(runs, end_time or 0)) if group.kind == "trial" else Batch()
        run.send(batch, {**tags, STATUS_TAG: word})
        run.terminate(word, end_time)

    def _runs_of(self, group: _Group) -> list[Held]:
        if group.kind == "trial":
            tags = {"mlflow.parentRunId": group.run.run_id}
        else:
            sweep_id = next(key for key, sweep in self._sweeps.items() if sweep is group)
            tags = {"dlrun.sweep_id": sweep_id, "dlrun.kind": "run"}
        found = self.backend.find_runs(group.experiment_id, tags)
        return [run for run in found if SUPERSEDED_TAG not in run.tags]


def _means(runs: list[Held], time: int) -> list[Point]:
    """The mean of every final metric that all finished runs have; the step is how many runs it is over."""
    finished = [run.metrics for run in runs if run.tags.get(STATUS_TAG) == "finished"]
    keys = set.intersection(*(set(metrics) for metrics in finished)) if finished else set()
    count = len(finished)
    lasting = sorted(key for key in keys if not key.startswith(SYSTEM))
    return [Point(key, mean(m[key] for m in finished), time, count) for key in lasting]


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container without a user of that number
        return ""
