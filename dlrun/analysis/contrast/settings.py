"""In which settings two specs differ, and which of these differences come as one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dlrun.analysis.trials import ABSENT
from dlrun.config.catalog import LIST_GROUPS, Catalog
from dlrun.config.identity import NOT_IDENTITY, NOT_IDENTITY_OF_TRAINER
from dlrun.config.spec import REPLICATE_KEYS
from dlrun.config.yamlfile import read_yaml
from dlrun.errors import ConfigError

__all__ = ["Change", "Factor", "Flat", "changes_between", "factors_of", "settings_of"]

_OPTION = ".option"
_FOLLOWS_DATA = ("task", "classes", "loss", "metric", "preprocess")

Flat = Mapping[str, Any]
"""A spec as dotted keys to values."""


@dataclass(frozen=True)
class Change:
    """A key that two specs have different values of.

    Attributes:
        key: as it is typed: `optimizer`, `optimizer.learning_rate`, `callback`.
        first: the value in the first spec; `ABSENT` where its options have no such key.
        are_defaults: whether the first and the second value are what the option files say.
    """

    key: str
    first: Any
    second: Any
    are_defaults: tuple[bool, bool] = (False, False)

    @property
    def repeats(self) -> bool:
        """Whether it is a key that only repeats a trial."""
        return self.key in REPLICATE_KEYS

    @property
    def values(self) -> tuple[Any, Any]:
        """Both values."""
        return self.first, self.second


@dataclass(frozen=True)
class Factor:
    """Changes that cannot be made one without the other: an option, and the parameters that it brings.

    Attributes:
        key: as it is typed; of an option with its parameters the group.
        changes: at least one.
    """

    key: str
    changes: tuple[Change, ...]

    @property
    def is_one_value(self) -> bool:
        """Whether it is a single key that both specs have."""
        return len(self.changes) == 1 and ABSENT not in self.changes[0].values

    def put_into(self, spec: Flat, other: Flat) -> dict[str, Any]:
        """`spec` with what this factor is in `other`."""
        kept = {key: value for key, value in spec.items() if not self._holds(key)}
        return kept | {key: value for key, value in other.items() if self._holds(key)}

    def _holds(self, key: str) -> bool:
        return any(key == each.key or key.startswith(f"{each.key}.") for each in self.changes)


def settings_of(spec: Flat, catalog: Catalog) -> dict[str, str]:
    """What makes a run's trial what it is: its keys less those that repeat it or say how it is recorded, as JSON.

    Equal settings are equal mappings, whatever stands in the keys that do not count.
    """
    left_out = _not_identity_of_data(spec, catalog)
    counted = (key for key in spec if _counts(key) and key not in REPLICATE_KEYS and key not in left_out)
    return {key: _written(spec[key]) for key in counted if spec[key] != {}}


def changes_between(first: Flat, second: Flat, catalog: Catalog, same_data: bool = False) -> list[Change]:
    """The settings that differ, in the order of the config.

    Where two options differ, parameters that one alone has and that stand at their defaults are no news: the option
    says them.

    Args:
        same_data: whether the two learned from the same content: then it does not matter which path led to it.
    """
    default = _Defaults(catalog)
    passed = _not_identity_of_data(first, catalog) | (_paths_of(first, catalog) if same_data else set())
    found: dict[str, Change] = {}
    for key in dict.fromkeys((*first, *second)):
        group = key.partition(".")[0]
        if not _counts(key) or key in passed:
            continue
        if group in LIST_GROUPS:
            found |= {each.key: each for each in _of_list(group, key, (first, second), default)}
        elif (change := _change(key, (first, second), default)) is not None:
            found[change.key] = change
    return list(found.values())


def factors_of(changes: Sequence[Change]) -> list[Factor]:
    """The changes but for those that repeat a trial, those together that come together.

    An option and its parameters are one factor; other data is one with all that follows the data.
    """
    settings = [change for change in changes if not change.repeats]
    groups = {change.key for change in settings if "." not in change.key}
    members: dict[str, list[Change]] = {}
    for change in settings:
        group = change.key.partition(".")[0]
        leader = "data" if "data" in groups and group in _FOLLOWS_DATA else group if group in groups else change.key
        members.setdefault(leader, []).append(change)
    return [Factor(key, tuple(found)) for key, found in members.items()]


def _change(key: str, specs: tuple[Flat, Flat], default: _Defaults) -> Change | None:
    values = tuple(spec.get(key, ABSENT) for spec in specs)
    if _written(values[0]) == _written(values[1]):
        return None
    are_defaults = tuple(
        value is not ABSENT and default.says(key, value, spec) for value, spec in zip(values, specs, strict=True)
    )
    said_by_option = all(d or value is ABSENT for d, value in zip(are_defaults, values, strict=True))
    is_plain = ABSENT not in values and not any(_is_nested(value) for value in values)
    if said_by_option and not is_plain and not key.endswith(_OPTION) and _owners_differ(key, specs):
        return None
    return Change(key.removesuffix(_OPTION), values[0], values[1], (are_defaults[0], are_defaults[1]))


def _of_list(group: str, key: str, specs: tuple[Flat, Flat], default: _Defaults) -> Iterator[Change]:
    """A list group is one value, the names of its entries; a parameter counts where both have the entry."""
    first, second = (_entries(group, spec) for spec in specs)
    if first != second:
        defaults = (first == default.of_group(group), second == default.of_group(group))
        yield Change(group, first, second, defaults)
    entry = key.split(".")[1] if "." in key else None
    if entry in first and entry in second and (change := _change(key, specs, default)) is not None:
        yield change


def _is_nested(value: Any) -> bool:
    """Whether it is a model's layers or the like: an option's make-up, which nobody sets as a value."""
    return isinstance(value, list) and any(isinstance(item, Mapping | list) for item in value)


def _entries(group: str, spec: Flat) -> list[str]:
    names = (key.split(".")[1] for key in spec if key.startswith(f"{group}.") and key.endswith(_OPTION))
    return list(dict.fromkeys(names))


def _owners_differ(key: str, specs: tuple[Flat, Flat]) -> bool:
    option = f"{key.partition('.')[0]}{_OPTION}"
    return specs[0].get(option) != specs[1].get(option)


def _counts(key: str) -> bool:
    group, _, name = key.partition(".")
    is_scheduling = group == "trainer" and name in NOT_IDENTITY_OF_TRAINER
    return group not in NOT_IDENTITY and key != "version" and not is_scheduling


def _not_identity_of_data(spec: Flat, catalog: Catalog) -> set[str]:
    option = str(spec.get("data.option"))
    try:
        return {f"data.{name}" for name in catalog.get("data", option).facts.get("not_identity", ())}
    except (KeyError, ConfigError):  # an option that is not here
        return set()


def _paths_of(spec: Flat, catalog: Catalog) -> set[str]:
    try:
        parameters = catalog.get("data", str(spec.get("data.option"))).parameters
    except (KeyError, ConfigError):
        return set()
    return {f"data.{name}" for name, parameter in parameters.items() if parameter.rule.is_path}


class _Defaults:
    """What the option files say of a key; nothing of options that are not here."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        entries: Iterable[Any] = read_yaml(catalog.primary.path).values["defaults"]
        pairs = (pair for entry in entries if isinstance(entry, Mapping) for pair in entry.items())
        self._options = {str(group): option for group, option in pairs}

    def of_group(self, group: str) -> Any:
        """The option that is chosen unless one says otherwise; of a list group the names."""
        return self._options.get(group)

    def says(self, key: str, value: Any, spec: Flat) -> bool:
        """Whether `value` is what the files say of `key`."""
        if key.endswith(_OPTION):
            return bool(self.of_group(key.removesuffix(_OPTION)) == value)
        parts = key.split(".")
        length = 2 if parts[0] in LIST_GROUPS else 1
        option, name = spec.get(".".join(parts[:length]) + _OPTION), ".".join(parts[length:])
        try:
            found = self._catalog.get(parts[0], str(option)) if name else self._catalog.primary
            parameter = found.parameters[name or key]
        except (KeyError, ConfigError):
            return False
        default = parameter.default
        return _written(parameter.rule.normalise(default) if parameter.rule.accepts(default) else default) == _written(
            value
        )


def _written(value: Any) -> str:
    return "absent" if value is ABSENT else json.dumps(value, sort_keys=True, default=str)
