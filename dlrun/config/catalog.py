"""The registry: a YAML file in `conf/` is the registration of an option.

    # Adam: momentum with a step size of its own for every weight (Kingma & Ba, 2014)
    _target_: keras.optimizers.Adam
    learning_rate: 0.001   # (0, inf): step size

The file's name is the option's name, its first comment line the description, each plain key a parameter with its
default, rule and meaning (see `rules`). Keys with underscores around them are facts: they say how the option is
built and are never part of a config, so that a config holds names and numbers and no import paths.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from dlrun.config.parents import parents
from dlrun.config.roots import Roots
from dlrun.config.rules import Rule, RuleSyntaxError, parse_comment
from dlrun.config.yamlfile import YamlFile, read_yaml
from dlrun.errors import ConfigError, Problem

__all__ = ["LIST_GROUPS", "Catalog", "Option", "Parameter", "is_fact"]

LIST_GROUPS = frozenset({"callback", "metric", "augment", "probe", "corrupt"})
"""Groups of which several options can be chosen: option `file` lies in package `group.file`."""

_BLOCK = "layers"  # in a layer option: the items of a block, in place of `_target_`
_RESERVED = ("defaults", "option", "hydra")


def is_fact(key: str) -> bool:
    """Whether a key of an option file is a fact: it says how the option is built and never enters a config."""
    return len(key) > 2 and key.startswith("_") and key.endswith("_")


@dataclass(frozen=True)
class Parameter:
    """One key of an option."""

    name: str
    default: Any
    rule: Rule
    meaning: str
    path: Path
    line: int

    @property
    def place(self) -> str:
        """`file:line` of its declaration."""
        return f"{self.path}:{self.line}"


@dataclass(frozen=True)
class Option:
    """One YAML file of a config group.

    Attributes:
        description: its first comment line.
        notes: the comment lines below it.
        parameters: its own and its parents', in the order of the files.
        facts: the underscored keys, without the underscores (`target`, `call`, `task`, ...); a block's `layers` too.
        origin: `packaged` or `project`.
    """

    group: str
    name: str
    description: str
    notes: tuple[str, ...]
    parameters: Mapping[str, Parameter]
    facts: Mapping[str, Any]
    path: Path
    origin: str

    @property
    def defaults(self) -> dict[str, Any]:
        """Every parameter's default."""
        return {name: parameter.default for name, parameter in self.parameters.items()}

    @property
    def first_parameter(self) -> str | None:
        """The parameter that a lone scalar in a model's item stands for."""
        return next(iter(self.parameters), None)

    def target(self, task: str | None = None) -> str | None:
        """The import path it is built from; where `_target_` is a mapping, the one for `task`."""
        target = self.facts.get("target")
        return target.get(task) if isinstance(target, Mapping) else target


_TICK = 100_000_000  # ns: no file system counts more coarsely, but for some that are mounted from afar


class Catalog:
    """All options that a command can choose from, read when asked for and kept."""

    def __init__(self, roots: Roots) -> None:
        self.roots = roots
        self._options: dict[tuple[str, str], Option] = {}
        self._folders: dict[str, list[Path]] = {}
        self._listed: dict[Path, tuple[int, frozenset[str]]] = {}

    @cached_property
    def groups(self) -> tuple[str, ...]:
        """The names of all groups."""
        found = {"experiment"}
        for folder in self.roots.folders(""):
            if folder.is_dir():
                found |= {entry.name for entry in folder.iterdir() if entry.is_dir() and any(entry.glob("*.yaml"))}
        return tuple(sorted(found - {"hydra"}))

    def names(self, group: str) -> tuple[str, ...]:
        """The names of all options of `group`. A file `base` is none: it holds what the others inherit."""
        return tuple(sorted(self.extendable(group) - {"base"}))

    def extendable(self, group: str) -> set[str]:
        """The names of all files of `group`, which an option file of it may extend."""
        if group not in self._folders:
            self._folders[group] = self.roots.folders(group)
        return {stem for folder in self._folders[group] for stem in self._stems(folder)}

    def _stems(self, folder: Path) -> frozenset[str]:
        """The names of the option files in a folder, which is read again when files have come or gone."""
        try:
            changed = folder.stat().st_mtime_ns
        except OSError:  # there is no such folder
            return frozenset()
        known = self._listed.get(folder)
        if known is None or known[0] != changed:
            known = changed, frozenset(file.stem for file in folder.glob("*.yaml"))
            if time.time_ns() - changed > _TICK:  # or another file may come at the same instant of the file system
                self._listed[folder] = known
        return known[1]

    def has(self, group: str, name: str) -> bool:
        """Whether `group` has an option `name`."""
        return name != "base" and ((group, name) in self._options or self.roots.find(group, name) is not None)

    def get(self, group: str, name: str) -> Option:
        """Option `name` of `group`.

        Raises:
            KeyError: there is none.
            ConfigError: its file is wrong.
        """
        key = (group, name)
        if key not in self._options:
            self._options[key] = self._read(group, name, ())
        return self._options[key]

    @cached_property
    def primary(self) -> Option:
        """The top-level keys, as an option without a group."""
        return self._read("", "config", ())

    @cached_property
    def chosen_groups(self) -> tuple[str, ...]:
        """The groups of which every config holds exactly one option, in the order of the primary defaults."""
        entries = read_yaml(self.primary.path).values["defaults"]
        pairs = [pair for entry in entries if isinstance(entry, Mapping) for pair in entry.items()]
        return tuple(str(group) for group, name in pairs if isinstance(name, str) and " " not in str(group))

    def _read(self, group: str, name: str, children: tuple[str, ...]) -> Option:
        path = self.roots.find(group, name)
        if path is None:
            raise KeyError(f"{group}/{name}")
        if name in children:
            chain = " -> ".join((*children, name))
            raise ConfigError([Problem(f"{group}/{name}", f"must not extend itself: {chain}", place=str(path))])
        file = read_yaml(path)
        named = parents(file, group, self.extendable(group), group in LIST_GROUPS) if group else []
        parameters: dict[str, Parameter] = {}
        facts: dict[str, Any] = {}
        for parent in (self._read(group, each, (*children, name)) for each in named):
            parameters |= parent.parameters
            facts |= parent.facts
        own, own_facts = _parse(file, group, parameters)
        for dotted in _import_paths(own_facts):
            self.roots.require_module_inside(dotted)
        return Option(
            group=group,
            name=name,
            description=file.header[0] if file.header else "",
            notes=file.header[1:],
            parameters=parameters | own,
            facts=facts | own_facts,
            path=path,
            origin="project" if self.roots.project and path.is_relative_to(self.roots.project) else "packaged",
        )


def _import_paths(facts: Mapping[str, Any]) -> Iterator[str]:
    """What an option's facts have imported."""
    for name in ("target", "inspect"):
        value = facts.get(name)
        yield from (str(path) for path in (value.values() if isinstance(value, Mapping) else [value]) if path)


def _parse(
    file: YamlFile, group: str, inherited: Mapping[str, Parameter]
) -> tuple[dict[str, Parameter], dict[str, Any]]:
    parameters: dict[str, Parameter] = {}
    facts: dict[str, Any] = {}
    problems = []
    for key, value in file.values.items():
        if is_fact(key):
            facts[key.strip("_")] = value
        elif key == _BLOCK and group == "layer":
            facts[key] = value
        elif key not in _RESERVED:
            try:
                parameters[key] = _parameter(file, key, value, inherited.get(key))
            except RuleSyntaxError as error:
                name, place = f"{group}/{file.path.stem}: {key}", f"{file.path}:{file.lines[key]}"
                problems.append(Problem(name, f"must have a valid rule: {error}", place=place))
    if problems:
        raise ConfigError(problems)
    return parameters, facts


def _parameter(file: YamlFile, key: str, value: Any, inherited: Parameter | None) -> Parameter:
    comment = file.comments.get(key, "")
    if not comment and inherited is not None:  # a parent's comment comes along
        rule, meaning = inherited.rule, inherited.meaning
        if value != "???" and not rule.accepts(value) and not str(value).startswith("$"):
            raise RuleSyntaxError(f"the default {value!r} does not satisfy the rule '{rule.text}'")
    else:
        rule, meaning = parse_comment(comment, value)
    return Parameter(key, value, rule, meaning, file.path, file.lines[key])
