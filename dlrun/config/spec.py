"""The spec: the resolved, checked, frozen config of one run."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from dlrun.config.catalog import LIST_GROUPS, Catalog
from dlrun.config.replicates import REPLICATE_KEYS
from dlrun.config.secrets import by_name, foreign_calls, resolved
from dlrun.errors import Problem

__all__ = [
    "NO_PART_OF_A_RUN",
    "REPLICATE_KEYS",
    "SPEC_VERSION",
    "Spec",
    "flatten",
    "follow_task",
    "normalised",
    "plain",
]

SPEC_VERSION = 2
"""Raised when the meaning of a spec changes, so that old runs are not taken for new ones."""

NO_PART_OF_A_RUN = ("lab", "search", "launcher")
"""Groups that say which runs there are and how they are scheduled: a config may hold them, a spec does not."""

_SECRETIVE = "tracking"  # the one group whose values may be secrets


@dataclass(frozen=True)
class Spec(Mapping[str, Any]):
    """A mapping of plain values: options and parameters, no import paths, environment variables by name."""

    content: dict[str, Any]

    def __getitem__(self, key: str) -> Any:
        return self.content[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.content)

    def __len__(self) -> int:
        return len(self.content)

    def to_json(self) -> str:
        """As it is written to `spec.json`."""
        return json.dumps(self.content, indent=2) + "\n"

    @classmethod
    def read(cls, path: Path) -> Spec:
        """The spec in a run's `spec.json`."""
        return cls(json.loads(path.read_text(encoding="utf-8")))

    def with_secrets(self) -> dict[str, Any]:
        """The values with environment variables put into `tracking`: for use, never for writing down."""
        return self.content | {_SECRETIVE: resolved(self.content[_SECRETIVE])}


def plain(config: DictConfig) -> tuple[dict[str, Any], list[Problem]]:
    """A composed config as plain values, interpolations resolved, environment variables by name.

    Only what is below `tracking` may read the environment, directly or through another key: everything else is written
    down and shown by its value.
    """
    problems: list[Problem] = []
    raw = OmegaConf.to_container(config, resolve=False)
    if strange := list(_foreign_calls(raw, "")):
        return {}, strange
    with by_name() as read:
        values = _plain(config, "", problems, read)
    return values, problems


def _plain(node: DictConfig | ListConfig, path: str, problems: list[Problem], read: list[str]) -> Any:
    is_list = isinstance(node, ListConfig)
    keys = range(len(node)) if is_list else list(node.keys())
    items = [(key, _plain_value(node, key, f"{path}.{key}" if path else str(key), problems, read)) for key in keys]
    return [value for _, value in items] if is_list else {str(key): value for key, value in items}


def _plain_value(node: DictConfig | ListConfig, key: Any, path: str, problems: list[Problem], read: list[str]) -> Any:
    raw = node._get_node(key)
    if OmegaConf.is_missing(node, key):
        return "???"
    text = raw._value() if raw is not None else None  # type: ignore[union-attr]
    read.clear()
    try:
        value = node[key]
    except (OmegaConfBaseException, RecursionError) as error:
        reason = "it refers to itself" if isinstance(error, RecursionError) else str(error).splitlines()[0]
        reason = reason.removeprefix("KeyError raised while resolving interpolation: ").strip('"')
        problems.append(Problem(path, f"must resolve: {reason}", got=f"'{text}'"))
        return text
    if read and path.split(".")[0] != _SECRETIVE:
        problems.append(_secret(path, text))
        return text
    return _plain(value, path, problems, read) if isinstance(value, DictConfig | ListConfig) else value


def _secret(path: str, text: Any) -> Problem:
    rule = f"must not read the environment: only {_SECRETIVE}.* may, whose values are written down by name"
    return Problem(path, rule, got=f"'{text}'", mend=f'Let the shell put the value in: {path}="$NAME".')


def _foreign_calls(node: Any, path: str) -> Iterator[Problem]:
    items = node.items() if isinstance(node, Mapping) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        here = f"{path}.{key}" if path else str(key)
        if not isinstance(value, str):
            yield from _foreign_calls(value, here)
        elif strange := foreign_calls(value):
            from dlrun.config.trust import unknown_resolver  # it knows Hydra, which a saved spec does not need

            yield unknown_resolver(here, strange[0], value)


def follow_task(values: Mapping[str, Any], catalog: Catalog, task: str | None) -> dict[str, Any]:
    """Replace options that follow the task (`loss: auto`) by what the task asks for.

    An entry of a list group may become several; parameters set beside `auto` go to the option it becomes.
    """
    followed = dict(values)
    for group, node in values.items():
        if not isinstance(node, Mapping):
            continue
        if group in LIST_GROUPS:
            followed[group] = _followed_list(group, node, catalog, task)
        elif chosen := _choices(group, node, catalog, task):
            followed[group] = _as_option(group, chosen[0], node, catalog)
    return followed


def _followed_list(group: str, node: Mapping[str, Any], catalog: Catalog, task: str | None) -> dict[str, Any]:
    entries: dict[str, Any] = {}
    for entry, sub in node.items():
        chosen = _choices(group, sub, catalog, task) if isinstance(sub, Mapping) else None
        if chosen is None:
            entries[entry] = {**entries.get(entry, {}), **sub} if isinstance(sub, Mapping) else sub
        for name in chosen or ():  # beside `auto`, `metric.accuracy.name=acc` completes what `auto` brings
            beside = entries.get(name, {})
            entries[name] = (
                {**_as_option(group, name, {}, catalog), **beside} if isinstance(beside, Mapping) else beside
            )
    return entries


def _choices(group: str, node: Mapping[str, Any], catalog: Catalog, task: str | None) -> list[str] | None:
    name = node.get("option")
    if task is None or not isinstance(name, str) or not catalog.has(group, name):
        return None
    by_task = catalog.get(group, name).facts.get("by_task")
    if by_task is None:
        return None
    chosen = by_task.get(task, [])
    return [chosen] if isinstance(chosen, str) else list(chosen)


def _as_option(group: str, name: str, node: Mapping[str, Any], catalog: Catalog) -> dict[str, Any]:
    extra = {key: value for key, value in node.items() if key != "option"}
    return {"option": name, **catalog.get(group, name).defaults, **extra}


def normalised(values: Mapping[str, Any], catalog: Catalog) -> dict[str, Any]:
    """Accepted values in their one form (1 becomes 1.0 where the rule says float), so that equal configs are equal."""
    result = dict(values)
    for group, node in values.items():
        if group in catalog.primary.parameters:
            result[group] = catalog.primary.parameters[group].rule.normalise(node)
        elif group in LIST_GROUPS:
            result[group] = {entry: _normalised_node(group, sub, catalog) for entry, sub in node.items()}
        else:
            result[group] = _normalised_node(group, node, catalog)
    return result


def _normalised_node(group: str, node: Mapping[str, Any], catalog: Catalog) -> dict[str, Any]:
    parameters = catalog.get(group, node["option"]).parameters
    return {
        key: value if key == "option" or str(value).startswith("$") else parameters[key].rule.normalise(value)
        for key, value in node.items()
    }


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Dotted keys to values; lists stay values."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat
