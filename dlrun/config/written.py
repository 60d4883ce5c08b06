"""A project's or an experiment's file as it was meant, where it is written as Hydra does not read it.

Such files choose options and set values. Hydra stops at the first entry that it cannot follow, or takes it for
something else, so a slip is told here and read as it was meant: then all else that is wrong is told beside it.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from dlrun.config.catalog import LIST_GROUPS, Catalog
from dlrun.config.saidlines import lines_of
from dlrun.config.suggest import nearest
from dlrun.config.text import typed
from dlrun.config.yamlfile import read_yaml
from dlrun.errors import ConfigError, Problem

__all__ = ["written"]

_SHOWN = 80  # characters of what a file says that are quoted
_LONG = 10_000  # no line of a message is broken by the writer of YAML
_SWEEPS = ("sweep", "sweeper", "grid", "params")  # what people call what hydra.sweeper.params holds
_MOST = 50  # slips that are put right: a file with more is no slip, and each costs time
_PARAMS = "hydra.sweeper.params"


def written(path: Path, group: str, catalog: Catalog) -> tuple[dict[str, Any], list[Problem]]:
    """The content of a file as Hydra should read it, and a problem for each place where it was put right.

    Args:
        path: `project.yaml`, of group '', or an experiment.

    Raises:
        ConfigError: the file is no YAML, is beyond the limits, or has too many slips.
    """
    reading = _Reading(path, group, catalog)
    return reading.values, reading.problems


class _Reading:
    def __init__(self, path: Path, group: str, catalog: Catalog) -> None:
        self._path, self._group, self._catalog = path, group, catalog
        self._name = f"{group}/{path.stem}" if group else path.stem
        self._groups = [*catalog.chosen_groups, *(each for each in catalog.groups if each in LIST_GROUPS)]
        self._lines = lines_of(path)
        self.problems: list[Problem] = []
        raw = read_yaml(path).values
        self._chosen: list[Any] = []
        self._defaults(raw.get("defaults"))
        self.values: dict[str, Any] = {}
        for key, value in raw.items():
            if key != "defaults":
                self._key(key, value)
        params = self.values.get("hydra")
        for part in ("sweeper", "params"):
            params = params.get(part) if isinstance(params, Mapping) else None
        if isinstance(params, dict):
            self._sweeps(params)
        if raw.get("defaults") is not None or self._chosen:
            in_order = sorted(self._chosen, key=_is_override)  # Hydra takes overrides behind all others only
            self.values = {"defaults": in_order} | self.values

    def _tell(self, key: str, rule: str, got: str | None, mend: str, where: str) -> None:
        line = self._lines.get(where)
        self.problems.append(Problem(key, rule, got, mend, f"{self._path}:{line.line}" if line else str(self._path)))
        if len(self.problems) == _MOST:
            raise ConfigError(self.problems)

    def _defaults(self, entries: Any) -> None:
        if entries is not None and not isinstance(entries, list):
            mend = "Write `defaults:`, and below it a line for each choice: `- override /optimizer: sgd`."
            self._tell(f"{self._name}: defaults", "must be a list", _short(typed(entries)), mend, "defaults")
            entries = []
        for index, entry in enumerate(entries or []):
            where, so_far = f"defaults.{index}", len(self._chosen)
            if isinstance(entry, Mapping) and len(entry) == 1:
                ((text, names),) = entry.items()
                self._choice(str(text), names, where)
            elif isinstance(entry, str) and entry != "_self_":
                self._parent(entry, where)
            elif entry == "_self_":
                self._chosen.append(entry)
            else:
                mend = "Write each choice in a line of its own: `- override /optimizer: sgd`."
                self._tell(f"{self._name}: defaults", "must hold one choice a line", _short(typed(entry)), mend, where)
            is_late = entry != "_self_" and not _is_override(entry) and entry in self._chosen[so_far:]
            if is_late and any(above == "_self_" or _is_override(above) for above in self._chosen[:so_far]):
                rule = "must name other files first, above _self_ and the entries with `override`"
                self._tell(f"{self._name}: defaults", rule, typed(entry), "Move it up.", where)

    def _parent(self, name: str, where: str) -> None:
        """An entry that is a word: another file of the same kind, which this one extends."""
        if "/" in name or "@" in name or self._catalog.roots.find(self._group, name):
            self._chosen.append(name)
            return
        group = next((each for each in self._groups if nearest(name, self._catalog.names(each), 0.9)), None)
        if group is not None:
            self._override(group, name, f"`{name}`", where)
            return
        known = self._catalog.names(self._group) if self._group else ()
        right = nearest(name, known)
        mend = f"Did you mean {right}?" if right else "Options are chosen as `- override /optimizer: sgd`."
        self._tell(f"{self._name}: defaults", "must name files that are there", _short(name), mend, where)

    def _choice(self, text: str, names: Any, where: str) -> None:
        *before, name = text.split() or [""]
        group = name.removeprefix("/")
        is_plain = not group.startswith("hydra/") and "@" not in group and "optional" not in before
        is_right = group in self._groups and before == ["override"] and (name != group or not self._group)
        if (is_right or not is_plain) and not isinstance(names, Mapping):
            self._chosen.append({text: names})
        elif right := nearest(group, self._groups):
            self._override(right, names, f"`{_short(f'{text}: {typed(names)}')}`", where)
        else:
            mend = f"There are: {', '.join(self._groups)}."
            self._tell(f"{self._name}: defaults", "must name a config group", _short(group), mend, where)

    def _override(self, group: str, names: Any, got: str, where: str) -> None:
        """A choice that is not written as one."""
        known = self._catalog.names(group)
        given = names[:_MOST] if isinstance(names, list) else [] if names is None else [names]
        words = [str(next(iter(each), "")) if isinstance(each, Mapping) else str(each) for each in given]
        right = [nearest(word, known) or word for word in words]
        meant: Any = right if group in LIST_GROUPS else right[0] if right else None
        entry = f"override /{group}"
        rule = "must choose an option as `override /GROUP: NAME`"
        self._tell(f"{self._name}: defaults", rule, got, f"Write `- {_short(f'{entry}: {typed(meant)}')}`.", where)
        if set(right) <= set(known):
            self._chosen.append({entry: meant})

    def _key(self, key: str, value: Any) -> None:
        is_known = key in self._catalog.primary.parameters or key in (*self._catalog.groups, "hydra")
        if key in self._groups and (isinstance(value, str) or (isinstance(value, list) and value)):
            self._override(key, value, f"`{_short(f'{key}: {typed(value)}')}` outside of defaults", key)
        elif key in _SWEEPS and not is_known and isinstance(value, Mapping):
            rule = f"must stand under {_PARAMS}: there are the keys that a sweep varies, and their values"
            lines = "; ".join(f"`{each}: {_swept(values)}`" for each, values in value.items())
            self._tell(key, rule, None, f"Write there {lines}.", key)
            self._set(_PARAMS, {str(each): _swept(values) for each, values in value.items()})
        elif "." in key:
            *heads, last = key.split(".")
            text = yaml.safe_dump({last: value}, default_flow_style=True, width=_LONG).strip()[1:-1]
            below = " and ".join(f"`{head}:`" for head in heads)
            rule = "must be nested: on the command line a dot leads into a key, in a file a line below it does"
            self._tell(key, rule, None, f"Write `{text}` below {below}.", key)
            self._set(key, value)
        else:
            self._set(key, value)

    def _set(self, dotted: str, value: Any) -> None:
        *heads, last = dotted.split(".")
        node = self.values
        for head in heads:
            if not isinstance(node.get(head), dict):
                node[head] = {}
            node = node[head]
        both = isinstance(node.get(last), dict) and isinstance(value, dict)
        node[last] = node[last] | value if both else copy.deepcopy(value)

    def _sweeps(self, params: dict[Any, Any]) -> None:
        for key, values in params.items():
            if isinstance(values, list):
                rule = "must name the values of a sweep as text, with commas between them"
                self._tell(str(key), rule, typed(values), f"Write `{key}: {_swept(values)}`.", f"{_PARAMS}.{key}")
                params[key] = _swept(values)


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def _swept(values: Any) -> str:
    return ",".join(map(typed, values)) if isinstance(values, list) else str(values)


def _is_override(entry: Any) -> bool:
    text = str(next(iter(entry), "")) if isinstance(entry, Mapping) else ""
    return text.startswith("override ")
