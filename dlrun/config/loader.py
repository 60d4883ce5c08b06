"""Hydra's config loader, told where dlrun's options are, and quick for a thousand trials.

Composing a config takes Hydra some 45 ms. Trials of a sweep mostly choose the same options and differ in values, so
one composition per choice of options is kept, and values are applied to a copy of it by Hydra's own function: the
outcome is the same (a test compares the two), the price a tenth.
"""

from __future__ import annotations

import copy
from pathlib import Path

from hydra import version
from hydra._internal.config_loader_impl import ConfigLoaderImpl, get_overrides_dirname
from hydra._internal.config_search_path_impl import ConfigSearchPathImpl
from hydra._internal.hydra import Hydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.types import RunMode
from omegaconf import DictConfig

from dlrun.config import source

__all__ = ["PRIMARY", "CachingConfigLoader", "hydra_app"]

PRIMARY = "config"
_VERSION_BASE = "1.3"

# (primary config, group choices and Hydra's own overrides, mode)
_Key = tuple[str | None, tuple[str, ...], RunMode]


class CachingConfigLoader(ConfigLoaderImpl):
    """Composes once per choice of options; applies values to copies."""

    def __init__(self, directory: Path) -> None:
        version.setbase(_VERSION_BASE)
        source.register()
        path = ConfigSearchPathImpl()
        path.append("hydra", "pkg://hydra.conf")
        path.append("main", f"{source.DlrunConfigSource.scheme()}://{directory}")
        path.append("schema", "structured://")
        super().__init__(path)
        self._compositions: dict[_Key, DictConfig] = {}

    def is_choice(self, override: Override) -> bool:
        """Whether an override chooses an option (`optimizer=adam`) and does not set a value (`seed=1`)."""
        return not isinstance(override.value(), dict) and self.repository.group_exists(override.key_or_group)

    def _load_configuration_impl(
        self,
        config_name: str | None,
        overrides: list[str],
        run_mode: RunMode,
        from_shell: bool = True,
        validate_sweep_overrides: bool = True,
    ) -> DictConfig:
        parsed = OverridesParser.create().parse_overrides(overrides)
        if validate_sweep_overrides:
            self.validate_sweep_overrides_legal(parsed, run_mode, from_shell)
        if any(override.is_sweep_override() for override in parsed):
            return super()._load_configuration_impl(
                config_name, overrides, run_mode, from_shell, validate_sweep_overrides
            )
        structural = [o for o in parsed if o.is_hydra_override() or self.is_choice(o)]
        values = [o for o in parsed if not (o.is_hydra_override() or self.is_choice(o))]
        config = copy.deepcopy(self.composition(config_name, structural, run_mode))
        self._apply_overrides_to_config(values, config)
        tasks = [o for o in parsed if not o.is_hydra_override()]
        config.hydra.overrides.task = [o.input_line for o in tasks]
        dirname = config.hydra.job.config.override_dirname
        config.hydra.job.override_dirname = get_overrides_dirname(
            overrides=tasks, exclude_keys=dirname.exclude_keys, item_sep=dirname.item_sep, kv_sep=dirname.kv_sep
        )
        return config

    def composition(self, config_name: str | None, structural: list[Override], run_mode: RunMode) -> DictConfig:
        """The config of these choices alone; kept, not to be changed."""
        lines = tuple(str(override.input_line) for override in structural)
        key = (config_name, lines, run_mode)
        if key not in self._compositions:
            self._compositions[key] = super()._load_configuration_impl(config_name, list(lines), run_mode)
        return self._compositions[key]


def hydra_app(directory: Path) -> Hydra:
    """A Hydra application whose configs are the options seen from `directory`."""
    from hydra.core.global_hydra import GlobalHydra

    GlobalHydra.instance().clear()
    hydra = Hydra(task_name="dlrun", config_loader=CachingConfigLoader(directory))
    GlobalHydra.instance().initialize(hydra)
    return hydra
