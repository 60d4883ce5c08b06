"""Thin shims: Hydra accepts a launcher or sweeper only from this namespace package; the work is in dlrun.sweeps.

Hydra imports this module in every application of the environment, so nothing of dlrun is imported before it is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

__all__ = ["DlrunLauncher", "DlrunSweeper"]


class DlrunSweeper(Sweeper):
    """Expands a sweep into trials: `dlrun.sweeps.sweeper`.

    `hydra.sweeper.params` maps keys to the values that a project or an experiment sweeps, as in Hydra's own sweeper;
    the planner reads it from the config.
    """

    def __init__(self, params: dict[str, Any] | None = None) -> None:
        super().__init__()

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        from dlrun.sweeps.sweeper import GridSweep

        self._sweep = GridSweep(hydra_context, task_function, config)

    def sweep(self, arguments: list[str]) -> Any:
        return self._sweep.run(arguments)


class DlrunLauncher(Launcher):
    """Runs trials in a pool of worker processes: `dlrun.sweeps.launcher`."""

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        from dlrun.sweeps.launcher import PoolLauncher

        self._launcher = PoolLauncher(hydra_context, task_function, config)

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        return self._launcher.launch(job_overrides, initial_job_idx)


_MODULE = "hydra_plugins.dlrun.plugins"
ConfigStore.instance().store(
    group="hydra/launcher", name="dlrun", node={"_target_": f"{_MODULE}.DlrunLauncher"}, provider="dlrun"
)
ConfigStore.instance().store(
    group="hydra/sweeper", name="dlrun", node={"_target_": f"{_MODULE}.DlrunSweeper", "params": None}, provider="dlrun"
)
