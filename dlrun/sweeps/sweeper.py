"""dlrun's Hydra sweeper for grids: every run that the command asks for and that is not finished, in one batch."""

from __future__ import annotations

from typing import Any

from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from dlrun.config.raised import telling_line
from dlrun.errors import DlrunError, RunFailed
from dlrun.sweeps.task import Task

__all__ = ["GridSweep"]


class GridSweep:
    """What `hydra_plugins.dlrun` hands Hydra's sweeper calls to."""

    def __init__(self, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        if not isinstance(task_function, Task):
            raise TypeError("dlrun's sweeper sweeps dlrun's own task; choose hydra/sweeper=basic for another")
        self._task = task_function
        self._launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def run(self, arguments: list[str]) -> list[Any]:
        """Launch what is not finished; the points are the plan's, which was made from the same `arguments`.

        Raises:
            DlrunError: an error that every run met. That of some is theirs: they have failed.
            RunFailed: a launcher of somebody else's has given up.
        """
        returns = self._launched([self._task.words(run) for run in self._task.waiting()])
        values = [job.return_value for job in returns]
        errors = [value for value in values if isinstance(value, DlrunError)]
        if errors and len(errors) == len(values):
            raise errors[0]
        return values

    def _launched(self, jobs: list[list[str]]) -> list[JobReturn]:
        if type(self._launcher).__module__.startswith("hydra_plugins.dlrun."):
            return list(self._launcher.launch(jobs, 0))
        try:
            return list(self._launcher.launch(jobs, 0))
        except Exception as error:  # somebody else's: Joblib raises where one of its processes has crashed
            name, line = type(self._launcher).__name__, telling_line(error)
            raise RunFailed(
                f"{name} has given up: {type(error).__name__}: {line}\n"
                "What is finished is kept, and the same command does the rest; without hydra/launcher a crash costs one"
                " run only."
            ) from error
