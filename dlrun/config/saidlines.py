"""On which line a config file says a key, and what its defaults list chooses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from dlrun.config.catalog import LIST_GROUPS
from dlrun.config.yamlfile import read_yaml
from dlrun.errors import ConfigError

__all__ = ["Choice", "Line", "choices", "find_line", "lines_of"]


@dataclass(frozen=True)
class Line:
    """A line (from 1) of a file; `is_mapping` where further keys stand below it."""

    path: Path
    line: int
    is_mapping: bool = False


@dataclass(frozen=True)
class Choice:
    """An entry of a defaults list: `- override /callback: [early_stopping]`.

    Attributes:
        node: where the options go: `optimizer`, `callback`, or `callback.second` if it says so.
        names: the options.
        is_override: whether it takes the place of what another file chose.
    """

    node: str
    names: tuple[str, ...]
    is_override: bool
    line: Line

    def is_for(self, node: str) -> bool:
        """Whether it chooses what stands at `node`: `optimizer`, `callback.early_stopping`."""
        group, _, entry = node.partition(".")
        return node == self.node or (group == self.node and group in LIST_GROUPS and entry in self.names)


@cache
def _root(path: Path) -> yaml.Node | None:
    try:
        text = read_yaml(path).text  # within its limits: what aliases stand for is walked through below
    except ConfigError:  # told where the file is read for its values
        return None
    root: yaml.Node | None = yaml.compose(text, Loader=yaml.CSafeLoader)
    return root


@cache
def lines_of(path: Path) -> dict[str, Line]:
    """The line of each dotted key of a file, items of lists included: `layers.2.dense.units`."""
    return dict(_walk(_root(path), "", path))


def _walk(node: yaml.Node | None, prefix: str, path: Path) -> Iterator[tuple[str, Line]]:
    pairs: list[tuple[str, int, yaml.Node]] = []
    if isinstance(node, yaml.MappingNode):
        pairs = [(str(key.value), key.start_mark.line, value) for key, value in node.value]
    elif isinstance(node, yaml.SequenceNode):
        pairs = [(str(index), item.start_mark.line, item) for index, item in enumerate(node.value)]
    for name, line, value in pairs:
        yield f"{prefix}{name}", Line(path, line + 1, isinstance(value, yaml.MappingNode))
        yield from _walk(value, f"{prefix}{name}.", path)


def find_line(path: Path, key: str) -> Line | None:
    """Where `path` says `key`, or a value that holds it: a list's item, a word that stands for more.

    A mapping that lacks the key does not say it, but in a list, where a layer's item holds what its block expands to.
    """
    lines = lines_of(path)
    if key in lines:
        return lines[key]
    parts = key.split(".")
    heads = [".".join(parts[:length]) for length in range(len(parts) - 1, 0, -1)]
    nearest = next((head for head in heads if head in lines), None)
    if nearest is None or (lines[nearest].is_mapping and not any(part.isdigit() for part in nearest.split("."))):
        return None
    return lines[nearest]


@cache
def choices(path: Path) -> tuple[Choice, ...]:
    """What the defaults list of a file chooses in other groups than its own, in its order."""
    root = _root(path)
    pairs = root.value if isinstance(root, yaml.MappingNode) else []
    entries = next((value.value for key, value in pairs if key.value == "defaults"), ())
    return tuple(
        _choice(str(key.value), value, Line(path, key.start_mark.line + 1))
        for entry in entries
        for key, value in (entry.value if isinstance(entry, yaml.MappingNode) else ())
    )


def _choice(text: str, value: yaml.Node, line: Line) -> Choice:
    *before, name = text.split()
    group, _, package = name.removeprefix("/").partition("@")
    items = value.value if isinstance(value, yaml.SequenceNode) else [value]
    node = package.removeprefix("_global_.") or group
    return Choice(node, tuple(str(item.value) for item in items), "override" in before, line)
