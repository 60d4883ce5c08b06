"""Where each value of a composed config comes from: which word, which line of which file.

Hydra merges the chosen files in an order of its own, the command line on top. So a value comes from the last file of
that order that says its key; the choice of an option from the command line, else from the last file whose defaults
list overrides it, else from the primary config.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from pathlib import Path
from typing import Any

from hydra.core.override_parser.types import Override

from dlrun.config.catalog import LIST_GROUPS, Catalog
from dlrun.config.draft import Draft
from dlrun.config.loader import PRIMARY, CachingConfigLoader, Merged
from dlrun.config.roots import shown_path
from dlrun.config.saidlines import Choice, Line, choices, find_line, lines_of
from dlrun.config.words import COMMAND_LINE
from dlrun.errors import Problem

__all__ = ["Kind", "Origin", "Origins"]

_SWEPT = "hydra.sweeper.params"
_LINE = re.compile(r":\d+$")
_PASS = re.compile(r"#\d+|\]")  # model.layers[2].layers#1[0] is typed as model.layers.2.layers.0


class Kind(Enum):
    """What kind of place a value comes from."""

    WORD = "a word of the command line"
    FILE = "a file of the project"
    PACKAGED = "a packaged file that is not the one that declares it: an experiment, a dataset that chooses its split"
    TASK = "an `auto` that followed the task"
    DEFAULT = "what a packaged file declares"


@dataclass(frozen=True)
class Origin:
    """Where a value comes from.

    Attributes:
        text: as it is shown: `command line`, `experiments/mine.yaml:7`, `data/truth_table:5`.
    """

    kind: Kind
    text: str


_Source = Override | Line


class Origins:
    """Tells of one draft where its values come from."""

    def __init__(
        self, catalog: Catalog, loader: CachingConfigLoader, draft: Draft, from_files: Collection[str] = ()
    ) -> None:
        """Look at `draft`.

        Args:
            from_files: the keys of the draft's overrides that `hydra.sweeper.params` of a file brought.
        """
        self._roots = catalog.roots
        self._loader = loader
        self._draft = draft
        self._from_files = from_files

    def of(self, key: str, spec: Mapping[str, Any]) -> Origin:
        """The origin of the value of a dotted key of `spec`; `GROUP.option` asks who chose the option."""
        node = key.removesuffix(".option")
        is_choice = node != key
        if not self._followed(key, spec):
            found = self._of_choice(node) if is_choice else self._of_value(key)
        elif is_choice:
            return Origin(Kind.TASK, f"follows the task: {spec['task']}")
        else:  # its defaults, and what was set beside `auto`
            found = next((word for word in self._words if _package(word) == key), None)
            if found is None:
                group, entry = key.split(".")[0], spec[key.split(".")[0]]
                option = entry[key.split(".")[1]] if group in LIST_GROUPS else entry
                return Origin(Kind.DEFAULT, f"default of {group}/{option['option']}")
        return self._origin(found, node)

    def _origin(self, found: _Source | None, node: str) -> Origin:
        if isinstance(found, Override):
            is_plain = _package(found) == node
            return Origin(Kind.WORD, COMMAND_LINE if is_plain else f"{COMMAND_LINE}, {found.input_line}")
        if found is None:
            return Origin(Kind.DEFAULT, "default")
        if self._is_own(found.path):
            return Origin(Kind.FILE, self._shown(found))
        folder = found.path.parent.name
        if folder == "conf":
            return Origin(Kind.DEFAULT, "default")
        name = f"{folder.replace('experiments', 'experiment')}/{found.path.stem}"
        if folder == node.partition(".")[0]:
            return Origin(Kind.DEFAULT, f"default of {name}")
        return Origin(Kind.PACKAGED, f"{name}:{found.line}")

    def placed(self, problem: Problem) -> Problem:
        """The problem with where its value comes from: the command line, or a line of a file of the project."""
        if problem.place is not None:
            return dataclasses.replace(problem, place=self._with_line(problem.place, problem.key))
        key = _PASS.sub("", problem.key).replace("[", ".")
        for found in self._suspects(key):
            if isinstance(found, Override):
                return dataclasses.replace(problem, place=COMMAND_LINE)
            if found is not None and self._is_own(found.path):
                return dataclasses.replace(problem, place=self._shown(found))
        return problem

    def _suspects(self, key: str) -> Iterator[_Source | None]:
        """What may have brought a problem with `key`, the likeliest first."""
        value = self._of_value(key)
        if isinstance(value, Override) or (value and not value.is_mapping):
            yield value
        group, _, rest = key.partition(".")
        if rest and group in LIST_GROUPS:
            yield self._of_choice(f"{group}.{rest.partition('.')[0]}")
        yield self._of_choice(group)
        yield value

    def _of_value(self, key: str) -> _Source | None:
        """The word or the line that sets `key`, something above it, or a part of it."""
        words = [word for word in self._words if _touches(_package(word), key)]
        if not words:
            return self._said(key)
        word = words[-1]
        return self._said(f"{_SWEPT}.{word.key_or_group}") if word.key_or_group in self._from_files else word

    @cached_property
    def _words(self) -> tuple[Override, ...]:
        """The words that set values and choose nothing."""
        return tuple(word for word in self._draft.overrides if not self._loader.is_choice(word))

    def _said(self, key: str) -> Line | None:
        for merged in reversed(self._merged):
            path = self._roots.find(*_split(merged.name))
            inside = not merged.package or key.startswith(f"{merged.package}.")
            if path and inside and (line := find_line(path, key.removeprefix(f"{merged.package}."))):
                return line
        return None

    def _of_choice(self, node: str) -> _Source | None:
        """The word or the line that chooses the option at `node`: `optimizer`, `callback.early_stopping`."""
        for word in reversed(self._draft.overrides):
            if self._loader.is_choice(word) and _chooses(word, node):
                swept = word.key_or_group in self._from_files
                return self._said(f"{_SWEPT}.{word.key_or_group}") if swept else word
        found = [choice for choice in self._choices() if choice.is_for(node)]
        overriding = (choice for choice in found if choice.is_override)
        return next((choice.line for choice in (*overriding, *found)), None)

    def _choices(self) -> Iterator[Choice]:
        """What defaults lists choose, that first which Hydra lets win."""
        for name in (PRIMARY, *(merged.name for merged in reversed(self._merged))):
            if path := self._roots.find(*_split(name)):
                yield from reversed(choices(path))

    @cached_property
    def _merged(self) -> tuple[Merged, ...]:
        if self._draft.hydra is not None:
            return self._loader.merged_files(self._draft.choices)
        chosen = self._draft.experiment  # nothing could be composed: these two have said most
        return (Merged("project", ""), *([Merged(f"experiment/{chosen}", "")] if chosen else []))

    def _followed(self, key: str, spec: Mapping[str, Any]) -> bool:
        """Whether the option that `key` belongs to took the place of an `auto`."""
        group, *rest = key.split(".")
        before, after = self._draft.values.get(group), spec.get(group)
        if group in LIST_GROUPS and rest and isinstance(after, Mapping):
            before, after = (node.get(rest[0]) if isinstance(node, Mapping) else None for node in (before, after))
        if not isinstance(after, Mapping) or "option" not in after:
            return False
        return not isinstance(before, Mapping) or before.get("option") != after["option"]

    def _is_own(self, path: Path) -> bool:
        return self._roots.project is not None and path.is_relative_to(self._roots.project)

    def _shown(self, found: Line) -> str:
        return f"{shown_path(found.path, self._roots.directory)}:{found.line}"

    def _with_line(self, place: str, key: str) -> str:
        """A place that names a file, as seen from here, with the line of the key where it had none."""
        number = _LINE.search(place)
        path = Path(place[: number.start()] if number else place)
        if not path.is_absolute() or not path.is_file():
            return place
        line = lines_of(path).get(key.rpartition(": ")[2])
        said = number.group() if number else f":{line.line}" if line else ""
        return f"{shown_path(path, self._roots.directory)}{said}"


def _split(name: str) -> tuple[str, str]:
    group, _, option = name.rpartition("/")
    return group, option


def _package(override: Override) -> str:
    return str(override.package or override.key_or_group)


def _touches(setter: str, key: str) -> bool:
    """Whether a word that sets `setter` has a say in `key`: it is the key, lies above it, or changes a part of it."""
    return key == setter or key.startswith(f"{setter}.") or ("." in key and setter.startswith(f"{key}."))


def _chooses(word: Override, node: str) -> bool:
    group, _, entry = node.partition(".")
    value = word.value()
    names = value if isinstance(value, list) else [value]
    return _package(word) == node or (_package(word) == group and entry in map(str, names))
