"""What Hydra calls for each job: a composed config goes in, a result comes out."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from dlrun import naming
from dlrun.analysis.trials import short_names
from dlrun.config.identity import run_id
from dlrun.errors import DlrunError, UserError
from dlrun.planning import Plan, PlannedRun, Planner
from dlrun.sweeps.record import Sweep, Trial
from dlrun.training.quiet import import_tensorflow
from dlrun.training.result import Result
from dlrun.training.rundir import RunDirectory

if TYPE_CHECKING:
    from dlrun.pipeline import Listener

__all__ = ["Task", "describe_sweep"]


@dataclass
class Task:
    """The job of one command. It can be pickled, so that any of Hydra's launchers can carry it elsewhere.

    Attributes:
        directory: where the command was started.
        command: the command as typed, to repeat the run.
        plan: all runs of the command.
        environment: content of environment.json.
        sweep: what the runs are part of, None for a single run.
        listener: told every event of a run in this process; not carried elsewhere.
    """

    directory: Path
    command: str
    plan: Plan
    environment: Mapping[str, Any]
    sweep: Sweep | None = None
    listener: Listener | None = field(default=None, compare=False)

    @cached_property
    def planner(self) -> Planner:
        return Planner(self.directory)

    def __getstate__(self) -> dict[str, Any]:
        made_anew = ("planner", "_by_words")
        return {key: value for key, value in self.__dict__.items() if key not in made_anew} | {"listener": None}

    def __call__(self, config: DictConfig) -> Result | DlrunError:
        """Do the run that `config` says. An error of the call is handed back, because Hydra prints what is raised."""
        import_tensorflow()  # here and no sooner: everything that can be checked without it has been
        from dlrun import pipeline

        words: Any = OmegaConf.to_container(HydraConfig.get().overrides.task, resolve=False)  # `${...}` stays as typed
        planned = self._by_words[tuple(words)]
        job = pipeline.Job(
            id=planned.id,
            spec=planned.spec,
            start=self._start(planned),
            environment=self.environment if self.sweep is None else {"sweep": self.sweep.id},
            in_sweep=self.sweep is not None,
            refused=self._changed(planned),
        )
        try:
            return pipeline.run(job, self.planner.catalog, self.listener)
        except DlrunError as error:
            return error

    @cached_property
    def _by_words(self) -> dict[tuple[str, ...], PlannedRun]:
        return {tuple(self.planner.for_hydra(run.overrides)): run for run in self.plan.runs}

    def _changed(self, planned: PlannedRun) -> UserError | None:
        """The error of a run whose data or components are no longer those that its id was made from."""
        try:
            if run_id(planned.spec, self.planner.catalog) == planned.id:
                return None
        except UserError as error:  # a module was edited after it was imported, or an option file was broken
            return error
        return UserError(
            f"The data or a component of run {planned.id[:8]} changed after the command began, so that it would be"
            " another run. Type the command again."
        )

    def run_directory(self, run: str) -> RunDirectory:
        """The directory of one of the command's runs."""
        return RunDirectory(self.planner.roots.work / "runs" / run)

    def waiting(self) -> list[PlannedRun]:
        """The runs that have no final result yet."""
        results = {run.id: self.run_directory(run.id).result() for run in self.plan.runs}
        return [run for run in self.plan.runs if (result := results[run.id]) is None or not result.is_final]

    def _start(self, planned: PlannedRun) -> dict[str, Any]:
        spec = planned.spec
        label = naming.label(spec, planned.overrides, self.plan.varied, self.planner.catalog)
        return {
            "name": spec["name"] or label.name,
            "experiment": spec["tracking"].get("experiment"),
            "params": dict(label.params),
            "tags": {key: str(value) for key, value in spec["tags"].items()},
            "command": shlex.join(["dlrun", *planned.overrides]),
            **self._place(planned),
        }

    def _place(self, planned: PlannedRun) -> dict[str, Any]:
        """Which sweep and trial the run is shown under; a trial of one run is that run."""
        if self.sweep is None:
            return {"sweep": None, "trial": None}
        trial = self.sweep.trial_of(planned.id)
        repeated = any(len(each.runs) > 1 for each in self.sweep.trials)
        return {
            "sweep": {"id": self.sweep.id, "name": self.sweep.name, "command": self.command},
            "trial": {"id": trial.id, "name": trial.name} if repeated else None,
        }


def describe_sweep(plan: Plan, identity: str, command: str, planner: Planner) -> Sweep:
    """The trials of a plan: its runs, gathered by everything but the keys that repeat."""
    gathered: dict[str, list[PlannedRun]] = {}
    for run in plan.runs:
        gathered.setdefault(run.trial, []).append(run)
    trials = []
    for key, runs in gathered.items():
        name = naming.label(runs[0].spec, runs[0].overrides, plan.varied, planner.catalog).trial
        trials.append(Trial(key, name, runs[0].overrides, [run.id for run in runs]))
    short = short_names(plan.varied)
    name = " x ".join(short.values()) or "sweep"
    return Sweep(identity, name, command, plan.varied, trials, plan.experiment)
