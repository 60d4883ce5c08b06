"""Hydra's config loader, told where dlrun's options are, and quick for a thousand trials.

Composing a config takes Hydra some 45 ms. Trials of a sweep mostly choose the same options and differ in values, so
one composition per choice of options is kept, and values are applied to a copy of it by Hydra's own function: the
outcome is the same (a test compares the two), the price a tenth.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra import version
from hydra._internal.config_loader_impl import ConfigLoaderImpl, get_overrides_dirname
from hydra._internal.config_search_path_impl import ConfigSearchPathImpl
from hydra._internal.hydra import Hydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.types import RunMode
from omegaconf import DictConfig

from dlrun.config import source
from dlrun.config.secrets import by_name

__all__ = ["PRIMARY", "CachingConfigLoader", "Merged", "hydra_app"]

PRIMARY = "config"
_VERSION_BASE = "1.3"

# (primary config, group choices and Hydra's own overrides, mode)
_Key = tuple[str | None, tuple[str, ...], RunMode]


@dataclass(frozen=True)
class Merged:
    """A file that was merged into a composition: its name, as `optimizer/adam`, and where its keys went."""

    name: str
    package: str


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
        self._merged: dict[_Key, tuple[Merged, ...]] = {}
        self._last_merged: tuple[Merged, ...] = ()

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
            with by_name():  # a defaults list may interpolate, and messages quote it
                self._compositions[key] = super()._load_configuration_impl(config_name, list(lines), run_mode)
            self._merged[key] = self._last_merged
        return self._compositions[key]

    def merged_files(self, structural: Sequence[Override], run_mode: RunMode = RunMode.RUN) -> tuple[Merged, ...]:
        """The files that the composition of these choices was merged from, in that order: later ones win."""
        self.composition(PRIMARY, list(structural), run_mode)
        return self._merged[(PRIMARY, tuple(str(override.input_line) for override in structural), run_mode)]

    def _compose_config_from_defaults_list(self, defaults: list[Any], repo: Any) -> DictConfig:
        self._last_merged = tuple(Merged(str(each.config_path), str(each.package or "")) for each in defaults)
        return super()._compose_config_from_defaults_list(defaults, repo)


def hydra_app(directory: Path) -> Hydra:
    """A Hydra application whose configs are the options seen from `directory`."""
    from hydra.core.global_hydra import GlobalHydra

    GlobalHydra.instance().clear()
    hydra = Hydra(task_name="dlrun", config_loader=CachingConfigLoader(directory))
    GlobalHydra.instance().initialize(hydra)
    return hydra
