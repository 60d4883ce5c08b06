"""How Hydra reads dlrun's config files: the user's project first, then the packaged options.

An option file reaches Hydra without its facts (`_target_` and the like) and with its name as `option`, so that a
composed config holds names and numbers only. The package of a list group's option and of an experiment is put in
here, because Hydra reads a `# @package` line only at the very top of a file and ignores it elsewhere in silence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hydra.core.object_type import ObjectType
from hydra.core.plugins import Plugins
from hydra.plugins.config_source import ConfigLoadError, ConfigResult, ConfigSource
from omegaconf import OmegaConf

from dlrun.config.catalog import LIST_GROUPS, Catalog, is_fact
from dlrun.config.parents import parents
from dlrun.config.roots import Roots
from dlrun.config.secrets import calls
from dlrun.config.written import written
from dlrun.config.yamlfile import line_of, read_yaml
from dlrun.errors import ConfigError, Problem

__all__ = ["DlrunConfigSource", "register"]

_EXPERIMENT = "experiment"
_WRITTEN = (_EXPERIMENT, "project")  # what the user writes beside options: it is read as meant, and the draft tells
_PLAIN = frozenset({"", _EXPERIMENT})  # groups whose files are no options


class DlrunConfigSource(ConfigSource):
    """Serves `dlrun://DIRECTORY`: the options that a command started in DIRECTORY sees."""

    def __init__(self, provider: str, path: str) -> None:
        super().__init__(provider, path)
        self._roots = Roots.of(Path(self.path))
        self._catalog = Catalog(self._roots)

    @staticmethod
    def scheme() -> str:
        return "dlrun"

    def load_config(self, config_path: str) -> ConfigResult:
        group, name = _split(config_path)
        file = self._roots.find(group, name)
        if file is None:
            raise ConfigLoadError(f"there is no {config_path}")
        read = read_yaml(file)
        values: dict[str, Any] = read.values
        is_option = group not in _PLAIN and not _is_hydra(group)
        if is_option:
            parents(read, group, self._catalog.extendable(group), group in LIST_GROUPS)
        elif name in (values.get("defaults") or ()):  # Hydra would follow it until Python's stack ends
            place = f"{file}:{line_of(file, 'defaults')}"
            raise ConfigError([Problem(f"{config_path}: defaults", "must not name the file itself", name, place=place)])
        elif (group or name) in _WRITTEN:
            values, _ = written(file, group, self._catalog)
        if group == _EXPERIMENT and (problems := list(_overreaching(values, file))):
            raise ConfigError(problems)
        if is_option:
            values = {"option": name} | {key: value for key, value in values.items() if not is_fact(key)}
        return ConfigResult(
            config=OmegaConf.create(values),
            path=f"{self.scheme()}://{file}",
            provider=self.provider,
            header={"package": _package(group, name)},
        )

    def available(self) -> bool:
        return True

    def is_group(self, config_path: str) -> bool:
        return any(folder.is_dir() for folder in self._roots.folders(config_path.rstrip("/")))

    def is_config(self, config_path: str) -> bool:
        return self._roots.find(*_split(config_path)) is not None

    def list(self, config_path: str, results_filter: ObjectType | None) -> list[str]:
        names: set[str] = set()
        for folder in self._roots.folders(config_path.strip("/")):
            entries = folder.iterdir() if folder.is_dir() else ()
            for entry in entries:
                if entry.is_dir() and results_filter in (None, ObjectType.GROUP):
                    names.add(entry.name)
                if entry.suffix == ".yaml" and results_filter in (None, ObjectType.CONFIG):
                    names.add(entry.stem)
        if config_path.strip("/") == "" and results_filter in (None, ObjectType.GROUP):
            names.add(_EXPERIMENT)
        return sorted(names)


def _overreaching(values: Mapping[str, Any], file: Path) -> Iterator[Problem]:
    """What an experiment must not do, because it chooses names and sets parameters: it may be anybody's file.

    What else of Hydra it turns is found in the composed config (`trust.hydra_problems`).
    """
    hydra = values.get("hydra")
    for key in hydra if isinstance(hydra, Mapping) else ():
        if key == "launcher":
            rule = "must not be set by an experiment: it says how commands are started"
            mend = "Set it on the command line or in your project's conf/project.yaml."
            yield Problem(f"hydra.{key}", rule, mend=mend, place=f"{file}:{line_of(file, f'hydra.{key}')}")
    for key, text in _texts(values, ""):
        if calls(text):
            rule = "must not call a resolver in an experiment: it may refer to keys, and reads no environment"
            yield Problem(key, rule, got=f"'{text}'", place=f"{file}:{line_of(file, key)}")


def _texts(node: Any, path: str) -> Iterator[tuple[str, str]]:
    items = node.items() if isinstance(node, Mapping) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        here = f"{path}.{key}" if path else str(key)
        for each in (key, value):
            if isinstance(each, str):
                yield here, each
        yield from _texts(value, here)


def register() -> None:
    """Make the scheme known to Hydra; a second time does nothing."""
    Plugins.instance().register(DlrunConfigSource)


def _split(config_path: str) -> tuple[str, str]:
    group, _, name = config_path.removesuffix(".yaml").rpartition("/")
    return group, name


def _is_hydra(group: str) -> bool:
    return group.split("/")[0] == "hydra"


def _package(group: str, name: str) -> str | None:
    if group == _EXPERIMENT or group == "":
        return "_global_"
    return f"{group}.{name}" if group in LIST_GROUPS else None
