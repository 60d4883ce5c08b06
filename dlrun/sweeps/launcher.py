"""dlrun's Hydra launcher: a sweep's runs in a pool of workers, or in this process where that is quicker."""

from __future__ import annotations

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
from dlrun.sweeps.threads import keep_threads, kept_threads
from dlrun.sweeps.trained import train
from dlrun.sweeps.watcher import Watcher
from dlrun.training.quiet import import_tensorflow
from dlrun.training.settings import Settings, as_begun

__all__ = ["PoolLauncher"]


class PoolLauncher:
    """What `hydra_plugins.dlrun` hands Hydra's launcher calls to."""

    def __init__(self, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        if not isinstance(task_function, Task):
            raise TypeError("dlrun's launcher runs dlrun's own task; choose hydra/launcher=basic for another")
        self._task = task_function

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> list[JobReturn]:
        """Train the runs that the jobs' words ask for; what became of each lies in its directory."""
        task = self._task
        assert task.sweep is not None and task.watcher is not None
        if not job_overrides:
            return []
        planned = [task.planned(list(words)) for words in job_overrides]
        crew = crew_for(task.plan.launcher, [run.spec["trainer"] for run in planned], len(task.plan.runs))
        keep_threads(self._folder, crew.threads, crew.most)
        jobs = [task.job(run) for run in planned]
        errors = self._in_this_process(jobs) if crew.most == 0 else self._in_a_pool(jobs, crew, task.watcher)
        return [self._returned(job, list(words), errors) for job, words in zip(jobs, job_overrides, strict=True)]

    @property
    def _folder(self) -> Path:
        assert self._task.sweep is not None
        return self._task.planner.roots.work / "sweeps" / self._task.sweep.id

    def _in_a_pool(self, jobs: Sequence[Job], crew: Crew, watcher: Watcher) -> dict[str, DlrunError]:
        watcher.is_told = True
        watcher.say(_sentence(crew, kept_threads(self._folder), len(jobs)))
        site = Site(self._folder, self._task.planner.catalog, self._task.plan.launcher, watcher)
        return Pool(site, [self._order(job) for job in jobs], crew).run()

    def _order(self, job: Job) -> Order:
        trainer = as_begun(job.spec["trainer"], self._task.run_directory(job.id))
        spec = Spec({**job.spec.content, "trainer": dict(trainer)})
        return Order(replace(job, spec=spec), Settings.of(trainer), likeness(spec))

    def _in_this_process(self, jobs: Sequence[Job]) -> dict[str, DlrunError]:
        import_tensorflow()
        came = {job.id: train(job, self._task.planner.catalog, self._task.listener) for job in jobs}
        return {run: error for run, error in came.items() if isinstance(error, DlrunError)}

    def _returned(self, job: Job, words: list[str], errors: Mapping[str, DlrunError]) -> JobReturn:
        value: Any = errors.get(job.id) or self._task.run_directory(job.id).result()
        return JobReturn(overrides=words, status=JobStatus.COMPLETED, _return_value=value)


def _sentence(crew: Crew, threads: int | None, runs: int) -> str:
    """How many workers there will be.

    >>> _sentence(Crew(2, 1, is_asked=True), 1, 2), _sentence(Crew(8, 2), 2, 8)
    ('2 workers, 1 thread each', '1 worker, up to 8 when they pay, 2 threads each')
    >>> _sentence(Crew(2, None), None, 3)
    '1 worker, a second when it pays'
    """
    each = f", {threads} thread{'' if threads == 1 else 's'} each" if threads else ""
    if crew.is_asked or crew.most == 1 or is_worth_one_more(runs, 1, None):
        return f"{crew.most} worker{'' if crew.most == 1 else 's'}{each}"
    return f"1 worker, {'a second when it pays' if crew.most == 2 else f'up to {crew.most} when they pay'}{each}"
