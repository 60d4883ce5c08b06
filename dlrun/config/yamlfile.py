"""Read one YAML file with its line numbers and trailing comments, within limits.

Values are read as OmegaConf reads them (`1e-3` is a number), by libyaml. A file from elsewhere cannot make
this slow: size, depth and what aliases stand for are bounded before anything is built (a 280-byte alias bomb takes
OmegaConf 58 s and 746 MB otherwise). Tags (`!!python/object`) are refused: a config is text, numbers, lists, mappings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from dlrun.errors import ConfigError, Problem

__all__ = ["MODELINE", "YamlFile", "line_of", "line_of_item", "locate", "read_yaml"]

MODELINE = "# yaml-language-server:"
"""How a line begins that tells an editor a file's schema: it is no description."""

_MAX_BYTES = 200_000
_MAX_DEPTH = 60
_MAX_NODES = 10_000  # aliases spelled out


@dataclass(frozen=True)
class YamlFile:
    """A YAML file whose top level is a mapping.

    Attributes:
        path: where it lies.
        text: its content.
        values: its top-level mapping.
        lines: line number (from 1) of each top-level key.
        comments: trailing comment of each top-level key, without the `#`.
        header: the comment lines before the first key, without `# `.
    """

    path: Path
    text: str
    values: dict[str, Any]
    lines: dict[str, int]
    comments: dict[str, str]
    header: tuple[str, ...]


@cache
def _loader() -> type[yaml.CSafeLoader]:
    # OmegaConf's own resolvers (floats such as 1e-3) on libyaml's parser, which is ten times faster than its own.
    from omegaconf._utils import get_yaml_loader

    class Loader(yaml.CSafeLoader):
        yaml_implicit_resolvers = get_yaml_loader().yaml_implicit_resolvers

    return Loader


def read_yaml(path: Path) -> YamlFile:
    """Read `path`.

    Raises:
        ConfigError: it cannot be read, is not UTF-8 or YAML, is no mapping, or is beyond the limits.
    """
    text = _read_text(path)
    try:
        _check_limits(text, path)
        loader = _loader()(text)
        try:
            node = loader.get_single_node()
            _check_size(node, path)
            _check_mapping(node, path)
            values = {} if node is None else loader.construct_document(node)
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        raise _refused(path, f"must be YAML: {_yaml_message(error, text)}", _yaml_line(error)) from error
    except ValueError as error:  # a number of more digits than Python converts
        raise _refused(path, f"must hold values that can be read: {error}") from error
    pairs = [] if node is None else node.value
    lines = text.splitlines()
    return YamlFile(
        path=path,
        text=text,
        values={str(key): value for key, value in values.items()},
        lines={key.value: key.start_mark.line + 1 for key, _ in pairs},
        comments={key.value: _trailing_comment(lines, key, value) for key, value in pairs},
        header=_header(lines),
    )


def _read_text(path: Path) -> str:
    try:
        if not path.is_file():  # a pipe or a device would be read for ever
            raise _refused(path, "must be a regular file")
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
        if len(content) > _MAX_BYTES:
            raise _refused(path, f"must be smaller than {_MAX_BYTES:,} bytes")
        return content.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise _refused(path, f"must be UTF-8 text: byte {error.start} is not") from error
    except OSError as error:
        raise _refused(path, f"must be readable: {error.strerror}") from error


def _check_limits(text: str, path: Path) -> None:
    """Refuse what is too deep or too much, and tags, by what the parser meets: nothing is built for it."""
    depth = 0
    for count, event in enumerate(yaml.parse(text, Loader=yaml.CSafeLoader)):
        if isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            depth += 1
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            depth -= 1
        if depth > _MAX_DEPTH:
            raise _refused(path, f"must nest at most {_MAX_DEPTH} levels deep", _line(event.start_mark))
        if count > 2 * _MAX_NODES:  # a collection begins and ends
            raise _too_many(path)
        if tag := getattr(event, "tag", None):
            rule = f"must hold plain values, without tags: '{tag}'"
            raise _refused(path, rule, _line(event.start_mark))


def _check_size(root: yaml.Node | None, path: Path) -> None:
    """Refuse aliases that stand for too much, or for what they stand in."""
    sizes: dict[int, int] = {}
    open_nodes: set[int] = set()

    def size(node: yaml.Node) -> int:
        if id(node) in open_nodes:
            raise _refused(path, "must hold no alias of what it stands in", _line(node.start_mark))
        if id(node) not in sizes:
            open_nodes.add(id(node))
            inner = [part for pair in node.value for part in pair] if isinstance(node, yaml.MappingNode) else node.value
            sizes[id(node)] = 1 + (sum(size(each) for each in inner) if isinstance(inner, list) else 0)
            open_nodes.discard(id(node))
        return sizes[id(node)]

    if root is not None and size(root) > _MAX_NODES:
        raise _too_many(path)


def _too_many(path: Path) -> ConfigError:
    return _refused(path, f"must hold at most {_MAX_NODES:,} keys and values, those behind aliases counted")


def _check_mapping(node: yaml.Node | None, path: Path) -> None:
    if node is None:
        return
    if not isinstance(node, yaml.MappingNode):
        raise _refused(path, "must hold a mapping of keys to values", node.start_mark.line + 1)
    for key, _ in node.value:
        if key.tag != "tag:yaml.org,2002:str":  # YAML takes on, off, yes, no and numbers for values
            rule = f"must have names as keys: put quotes round '{key.value}'"
            raise _refused(path, rule, key.start_mark.line + 1)
    _check_duplicates(node, path)


def _check_duplicates(node: yaml.Node, path: Path) -> None:
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _check_duplicates(item, path)
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                raise _refused(path, f"must name each key once: '{key.value}' stands twice", key.start_mark.line + 1)
            seen.add(str(key.value))
            _check_duplicates(value, path)


def _trailing_comment(lines: list[str], key: yaml.Node, value: yaml.Node) -> str:
    """The comment behind the value on the key's line, or behind a block value's key."""
    if value.end_mark.line == key.start_mark.line:
        rest = lines[value.end_mark.line][value.end_mark.column :]
    else:
        rest = lines[key.start_mark.line][key.end_mark.column :].lstrip(": ")
        if not rest.startswith("#") and isinstance(value, yaml.CollectionNode) and value.flow_style:
            last = lines[value.end_mark.line] if value.end_mark.line < len(lines) else ""
            rest = last[value.end_mark.column :]
    rest = rest.strip()
    return rest[1:].strip() if rest.startswith("#") else ""


def _header(lines: list[str]) -> tuple[str, ...]:
    header = []
    for line in lines:
        if not line.startswith("#"):
            break
        if not line.startswith(MODELINE):
            header.append(line.lstrip("#").strip())
    return tuple(header)


def _refused(path: Path, rule: str, line: int | None = None) -> ConfigError:
    place = f"{path}:{line}" if line else str(path)
    return ConfigError([Problem(path.name, rule, place=place)])


def _yaml_message(error: yaml.YAMLError, text: str) -> str:
    line = text.splitlines()[(_yaml_line(error) or 1) - 1 :][:1]
    if line and "\t" in line[0].removesuffix(line[0].lstrip()):
        return "the line begins with a tab; indent with spaces"
    parts = (getattr(error, "context", None), getattr(error, "problem", None))
    return ", ".join(part for part in parts if part) or str(error)


def _yaml_line(error: yaml.YAMLError) -> int | None:
    return _line(getattr(error, "problem_mark", None))


def _line(mark: Any) -> int | None:
    return None if mark is None else int(mark.line) + 1


def line_of(path: Path, dotted_key: str) -> int | None:
    """The line (from 1) on which `path` sets `dotted_key`, the nearest key above it, or chooses its option.

    None when it does none of these.
    """
    found = locate(path, dotted_key)
    return found[1] if found else None


def locate(path: Path, dotted_key: str) -> tuple[int, int] | None:
    """As `line_of`, with how much of `dotted_key` stands there: characters, 0 where its option is chosen."""
    root = yaml.compose(_read_text(path), Loader=yaml.CSafeLoader)
    node, line, rest = root, None, dotted_key
    while rest:
        part = rest.split(".")[0]
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        found = next(((key, value) for key, value in pairs if key.value in (part, rest)), None)
        if found is None:
            break
        line, node = found[0].start_mark.line + 1, found[1]
        rest = "" if found[0].value == rest else rest.removeprefix(f"{part}.")
    if line is None:
        line = _line_of_choice(root, dotted_key.split(".")[0])
    return None if line is None else (len(dotted_key) - len(rest), line)


def line_of_item(path: Path, keys: Sequence[str | int]) -> int | None:
    """The line (from 1) of what lies at `keys`, names and indices, in `path`; of the last of them that is there."""
    node, line = yaml.compose(_read_text(path), Loader=yaml.CSafeLoader), None
    for key in keys:
        if isinstance(node, yaml.MappingNode):
            found = next((pair for pair in node.value if pair[0].value == key), None)
            if found is None:
                break
            line, node = _line(found[0].start_mark), found[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
            node = node.value[key]
            line = _line(node.start_mark)
        else:
            break
    return line


def _line_of_choice(root: yaml.Node | None, group: str) -> int | None:
    """The line of `override /group: NAME` in the defaults list."""
    pairs = root.value if isinstance(root, yaml.MappingNode) else []
    entries = next((value.value for key, value in pairs if key.value == "defaults"), ())
    for entry in entries:
        for key, _ in entry.value if isinstance(entry, yaml.MappingNode) else ():
            if key.value.split()[-1].lstrip("/").split("@")[0] == group:
                return _line(key.start_mark)
    return None
