"""dlrun's Hydra launcher: a sweep's runs in a pool of workers, or in this process where that is quicker."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn, JobStatus
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from dlrun.config.spec import Spec
from dlrun.errors import DlrunError
from dlrun.job import Job
from dlrun.sweeps.pool import Pool, Site
from dlrun.sweeps.queueing import Order, likeness
from dlrun.sweeps.size import Crew, crew_for, is_worth_one_more
from dlrun.sweeps.task import Task
from dlrun.training.atomic import write_json
from dlrun.training.quiet import import_tensorflow
from dlrun.training.settings import Settings, as_begun

__all__ = ["PoolLauncher"]

_KEPT = "pool.json"


class PoolLauncher:
    """What `hydra_plugins.dlrun` hands Hydra's launcher calls to."""

    def __init__(self, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        if not isinstance(task_function, Task):
            raise TypeError("dlrun's launcher runs dlrun's own task; choose hydra/launcher=basic for another")
        self._task = task_function

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> list[JobReturn]:
        """Train the runs that the jobs' words ask for; what became of each lies in its directory."""
        jobs = [self._task.job(self._task.planned(list(words))) for words in job_overrides]
        trainers = [job.spec["trainer"] for job in jobs]
        crew = crew_for(self._task.plan.launcher, trainers) if jobs else Crew(0, None)
        errors = self._in_this_process(jobs) if crew.most == 0 else self._in_a_pool(jobs, crew)
        return [self._returned(job, list(words), errors) for job, words in zip(jobs, job_overrides, strict=True)]

    def _in_a_pool(self, jobs: Sequence[Job], crew: Crew) -> dict[str, DlrunError]:
        task = self._task
        assert task.sweep is not None and task.watcher is not None
        folder = task.planner.roots.work / "sweeps" / task.sweep.id
        crew = replace(crew, threads=_kept_threads(folder, crew))
        task.watcher.is_told = True
        task.watcher.say(_sentence(crew, len(jobs)))
        orders = [self._order(job, crew.threads) for job in jobs]
        site = Site(folder, task.planner.catalog, task.plan.launcher, task.watcher)
        return Pool(site, orders, crew).run()

    def _order(self, job: Job, threads: int | None) -> Order:
        trainer = dict(job.spec["trainer"])
        if trainer["threads"] is None:
            trainer["threads"] = threads
        trainer |= as_begun(trainer, self._task.run_directory(job.id))
        spec = Spec({**job.spec.content, "trainer": trainer})
        return Order(replace(job, spec=spec), Settings.of(trainer), likeness(spec))

    def _in_this_process(self, jobs: Sequence[Job]) -> dict[str, DlrunError]:
        import_tensorflow()
        from dlrun import pipeline

        errors: dict[str, DlrunError] = {}
        catalog = self._task.planner.catalog
        for job in jobs:
            try:
                pipeline.run(replace(job, refused=job.changed(catalog)), catalog, self._task.listener)
            except DlrunError as error:
                errors[job.id] = error
        return errors

    def _returned(self, job: Job, words: list[str], errors: Mapping[str, DlrunError]) -> JobReturn:
        value: Any = errors.get(job.id) or self._task.run_directory(job.id).result()
        return JobReturn(overrides=words, status=JobStatus.COMPLETED, _return_value=value)


def _kept_threads(folder: Path, crew: Crew) -> int | None:
    """The threads of the sweep's workers as they were when it began: last bits may depend on them."""
    try:
        threads: int | None = json.loads((folder / _KEPT).read_text(encoding="utf-8"))["threads"]
    except (OSError, ValueError, KeyError, TypeError):
        threads = crew.threads
        write_json(folder / _KEPT, {"threads": threads, "workers": crew.most})
    return threads


def _sentence(crew: Crew, runs: int) -> str:
    """How many workers there will be, and why."""
    threads = f", {crew.threads} thread{'' if crew.threads == 1 else 's'} each" if crew.threads else ""
    if crew.is_asked or crew.most == 1 or is_worth_one_more(runs, 1, None):
        return f"{crew.most} worker{'' if crew.most == 1 else 's'} ({crew.why}){threads}"
    return f"1 worker, up to {crew.most} ({crew.why}) once a run is seen to take long enough{threads}"
