"""What Hydra calls for each job: a composed config goes in, a result comes out."""

from __future__ import annotations

import os
import secrets
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from dlrun.analysis.trials import short_names
from dlrun.errors import DlrunError
from dlrun.job import Job
from dlrun.naming import Namer
from dlrun.planning import Plan, PlannedRun, Planner
from dlrun.sweeps.orphan import end_with
from dlrun.sweeps.record import Sweep, Trial
from dlrun.sweeps.siblings import Siblings
from dlrun.sweeps.threads import kept_threads, with_threads
from dlrun.sweeps.trained import train
from dlrun.training.quiet import import_tensorflow
from dlrun.training.result import Result
from dlrun.training.rundir import RunDirectory

if TYPE_CHECKING:
    from dlrun.pipeline import Listener
    from dlrun.sweeps.watcher import Watcher

__all__ = ["Task", "describe_sweep"]

_RUN = "dlrun_run"  # in a job's words: which run they are to make


@dataclass
class Task:
    """The job of one command. It can be pickled, so that any of Hydra's launchers can carry it elsewhere.

    A launcher pickles it once a job, so what is carried says where the sweep is described: a job elsewhere plans its
    own words.

    Attributes:
        directory: where the command was started.
        command: the command as typed, to repeat the run.
        plan: all runs of the command.
        environment: content of environment.json.
        sweep: what the runs are part of, None for a single run.
        listener: told every event of a run in this process.
        watcher: follows the sweep while it is launched; a launcher of dlrun's own tells it what happens.
    """

    directory: Path
    command: str
    plan: Plan
    environment: Mapping[str, Any]
    sweep: Sweep | None = None
    listener: Listener | None = field(default=None, compare=False)
    watcher: Watcher | None = field(default=None, compare=False)

    @cached_property
    def planner(self) -> Planner:
        return Planner(self.directory)

    @cached_property
    def _token(self) -> str:
        """What tells this command from an earlier one of the same sweep, in a process that served both."""
        return secrets.token_hex(8)

    def __reduce__(self) -> Any:
        if self.sweep is None:
            raise TypeError("a single run is trained where it was asked for; launchers carry the jobs of sweeps")
        return _elsewhere, (self.directory, self.sweep.id, os.getpid(), self._token)

    def __call__(self, config: DictConfig) -> Result | DlrunError:
        """Do the run that `config` says. An error of the call is handed back, because Hydra prints what is raised."""
        import_tensorflow()  # here and no sooner: everything that can be checked without it has been
        from dlrun import pipeline

        words: Any = OmegaConf.to_container(HydraConfig.get().overrides.task, resolve=False)  # `${...}` stays as typed
        try:
            job = self.job(self.planned(words))
            if self.sweep is not None:
                return train(job, self.planner.catalog, self.listener)
            changed = job.changed(self.planner.catalog)
            return pipeline.run(replace(job, refused=changed), self.planner.catalog, self.listener)
        except DlrunError as error:
            return error

    def words(self, planned: PlannedRun) -> list[str]:
        """A job's words, as Hydra takes them: those that make the run, and which run that is."""
        return [*self.planner.for_hydra(planned.overrides), f"++{_RUN}={planned.id}"]

    def planned(self, words: Sequence[str]) -> PlannedRun:
        """The run that a job's `words` ask for.

        Raises:
            ConfigError: they make none any more, in a process that has to plan them anew.
        """
        *making, last = words
        run = last.removeprefix(f"++{_RUN}=")
        if run in self._by_id:
            return self._by_id[run]
        (planned,) = self.planner.plan([word.removeprefix("++") for word in making], sweep=False).runs
        return replace(planned, id=run)  # where it would be another one by now, `Job.changed` tells

    def job(self, planned: PlannedRun) -> Job:
        """What is to be done for one of the command's runs."""
        return Job(
            id=planned.id,
            spec=with_threads(planned.spec, self._threads),
            start=self._start(planned),
            environment=self.environment if self.sweep is None else {"sweep": self.sweep.id},
            in_sweep=self.sweep is not None,
            siblings=self._siblings.of(planned),
        )

    @cached_property
    def _siblings(self) -> Siblings:
        return Siblings(self.plan)

    @cached_property
    def _namer(self) -> Namer:
        return Namer(self.plan.varied, self.planner.catalog)

    @cached_property
    def _by_id(self) -> dict[str, PlannedRun]:
        return {run.id: run for run in self.plan.runs}

    @cached_property
    def _threads(self) -> int | None:
        """The threads that the sweep began with, if its launcher has settled them."""
        return None if self.sweep is None else kept_threads(self.planner.roots.work / "sweeps" / self.sweep.id)

    def run_directory(self, run: str) -> RunDirectory:
        """The directory of one of the command's runs."""
        return RunDirectory(self.planner.roots.work / "runs" / run)

    def waiting(self) -> list[PlannedRun]:
        """The runs that have no final result yet."""
        results = {run.id: self.run_directory(run.id).result() for run in self.plan.runs}
        return [run for run in self.plan.runs if (result := results[run.id]) is None or not result.is_final]

    def _start(self, planned: PlannedRun) -> dict[str, Any]:
        spec = planned.spec
        return {
            "name": spec["name"] or self._namer.label(spec, planned.overrides).name,
            "experiment": spec["tracking"].get("experiment"),
            "params": self._namer.params(spec),
            "tags": {key: str(value) for key, value in spec["tags"].items()},
            "register": spec["tracking"].get("register"),
            "command": shlex.join(["dlrun", *planned.overrides]),
            **self._place(planned),
        }

    def _place(self, planned: PlannedRun) -> dict[str, Any]:
        """Which sweep and trial the run is shown under; a trial of one run is that run."""
        if self.sweep is None:
            return {"sweep": None, "trial": None}
        trial = self.sweep.trial_of(planned.id)
        return {
            "sweep": {"id": self.sweep.id, "name": self.sweep.name, "command": self.command},
            "trial": {"id": trial.id, "name": trial.name} if self.sweep.repeats else None,
        }


@lru_cache(maxsize=1)
def _elsewhere(directory: Path, sweep: str, command: int, token: str) -> Task:
    """The task in another process than the command's; the jobs done there share what the first read and composed."""
    end_with(command)
    planner = Planner(directory)
    described = Sweep.read(planner.roots.work / "sweeps" / sweep)
    task = Task(directory, described.command, Plan((), tuple(described.varied), described.experiment), {}, described)
    task.planner = planner
    return task


def describe_sweep(plan: Plan, identity: str, command: str, planner: Planner) -> Sweep:
    """The trials of a plan: its runs, gathered by everything but the keys that repeat."""
    gathered: dict[str, list[PlannedRun]] = {}
    for run in plan.runs:
        gathered.setdefault(run.trial, []).append(run)
    trials: list[Trial] = []
    names: dict[str, str] = {}
    namer = Namer(plan.varied, planner.catalog)
    for key, runs in gathered.items():
        labels = [namer.label(run.spec, run.overrides) for run in runs]
        names |= {run.id: run.spec["name"] or label.name for run, label in zip(runs, labels, strict=True)}
        trials.append(Trial(key, labels[0].trial, runs[0].overrides, [run.id for run in runs]))
    short = short_names(plan.varied)
    name = " x ".join(short.values()) or "sweep"
    return Sweep(identity, name, command, plan.varied, trials, plan.experiment, names)
