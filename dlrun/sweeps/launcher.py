"""dlrun's Hydra launcher: trials one after another in this process, where TensorFlow is imported once."""

from __future__ import annotations

from collections.abc import Sequence

from hydra.core.utils import JobReturn, run_job, setup_globals
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, open_dict

__all__ = ["SequentialLauncher"]


class SequentialLauncher:
    """What `hydra_plugins.dlrun` hands Hydra's launcher calls to."""

    def __init__(self, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self._context = hydra_context
        self._task = task_function
        self._config = config

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> list[JobReturn]:
        """Run the jobs. An exception of one is kept in its return; the others go on."""
        setup_globals()
        jobs = enumerate(job_overrides, start=initial_job_idx)
        return [self._run(index, list(overrides)) for index, overrides in jobs]

    def _run(self, index: int, overrides: list[str]) -> JobReturn:
        config = self._context.config_loader.load_sweep_config(self._config, overrides)
        with open_dict(config):
            config.hydra.job.id = str(index)
            config.hydra.job.num = index
        return run_job(
            task_function=self._task,
            config=config,
            job_dir_key="hydra.sweep.dir",
            job_subdir_key="hydra.sweep.subdir",
            hydra_context=self._context,
        )
