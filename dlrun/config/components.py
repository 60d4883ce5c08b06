"""The user's own files that a run is built from: when one changes, the run is another run.

Options may be named anywhere in a spec (a layer in a model's list, an initializer of a layer), and a block's file names
further ones, so every word of the spec that is the name of an option of the project counts, and so on from there. An
option file counts by its values, so that a comment may be mended; a module by its content, with the modules of the
project that it imports.
"""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from dlrun.config.digest import content_digest
from dlrun.config.roots import packaged, require_inside
from dlrun.config.yamlfile import read_yaml
from dlrun.errors import UserError

__all__ = ["component_digests", "names_in_part", "option_files", "used_files"]

_OUTPUT_LAYER = "dense"  # what `model.head: auto` is made of
_first_seen: dict[Path, str] = {}


def component_digests(names: frozenset[str], files: Mapping[str, list[Path]], project: Path) -> list[str]:
    """What a run owes to the project: an entry a file, sorted.

    Args:
        names: of the options that its spec speaks of, as `names_in_part` finds them.
        files: `option_files` of the project.
        project: the folder whose `conf/` and modules are the user's own.

    Raises:
        UserError: a module was imported and then edited.
    """
    entries: dict[Path, str] = {}
    for file, values in used_files(names, files, project):
        entries[file] = json.dumps(values, sort_keys=True, default=str)
        for module in _modules(values, project):
            require_inside(module, project)
            entries[module] = _fresh_digest(module)
    return sorted(f"{path.relative_to(project).as_posix()}: {entry}" for path, entry in entries.items())


def option_files(project: Path) -> Mapping[str, list[Path]]:
    """The option files of the project and of dlrun, by the name of the option."""
    roots = (project / "conf", packaged("conf"))  # a packaged block may name a layer that the project shadows
    groups = (group for root in roots if root.is_dir() for group in sorted(root.iterdir()) if group.is_dir())
    return _files_by_name(tuple((group, group.stat().st_mtime_ns) for group in groups))


@lru_cache(maxsize=64)
def _files_by_name(groups: tuple[tuple[Path, int], ...]) -> Mapping[str, list[Path]]:
    """The files in folders that have not changed since they were last looked into: a sweep asks once a run."""
    files: dict[str, list[Path]] = {}
    for group, _ in groups:
        for file in group.glob("*.yaml"):
            files.setdefault(file.stem, []).append(file)
    return files


def names_in_part(key: str, part: Any, files: Mapping[str, Any]) -> frozenset[str]:
    """The words of a part of a spec that are names of options, whichever group they are meant in."""
    return frozenset({key, *_words(part), _OUTPUT_LAYER} & files.keys())


def used_files(
    names: frozenset[str], files: Mapping[str, list[Path]], project: Path
) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The option files of the project that these names lead to, with their values, each once."""
    waiting = set(names)
    seen: set[str] = set()
    while waiting:
        seen |= waiting
        found = [file for word in sorted(waiting) for file in files.get(word, ())]
        waiting = set()
        for file in found:
            status = file.stat()
            values = _values(file, status.st_size, status.st_mtime_ns, status.st_ino)
            waiting |= set(_words(values)) - seen
            if file.is_relative_to(project):
                yield file, values


@lru_cache(maxsize=4096)
def _values(file: Path, _size: int, _mtime_ns: int, _inode: int) -> dict[str, Any]:
    """What an option file holds, read once while it does not change; not to be changed."""
    return read_yaml(file).values


def _fresh_digest(module: Path) -> str:
    """The digest of a module, which must still be the one that this process imported.

    Raises:
        UserError: it was imported and then edited: what would run is not what is counted.
    """
    digest = content_digest(module)
    before = _first_seen.setdefault(module, digest)
    imported = any(getattr(each, "__file__", None) == str(module) for each in list(sys.modules.values()))
    if before != digest and imported:
        raise UserError(f"{module.name} was edited after Python had imported it. Restart Python to use the new one.")
    _first_seen[module] = digest
    return digest


def _words(node: Any) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    elif isinstance(node, Mapping):
        for key, value in node.items():
            yield str(key)
            yield from _words(value)
    elif isinstance(node, list | tuple):
        for item in node:
            yield from _words(item)


def _modules(values: Mapping[str, Any], project: Path) -> set[Path]:
    """The project's modules that an option file's `_target_` leads to."""
    target = values.get("_target_")
    paths = target.values() if isinstance(target, Mapping) else [target]
    modules: set[Path] = set()
    waiting = {str(path).replace(":", ".") for path in paths if path}
    while waiting:
        files = {file for name in waiting for file in _files(name, project)} - modules
        modules |= files
        waiting = {name for file in files for name in _imports(file, project)}
    return modules


def _files(dotted: str, project: Path) -> Iterator[Path]:
    """The files of the packages and the module on the way to `dotted`."""
    parts = dotted.split(".")
    for length in range(1, len(parts) + 1):
        place = project.joinpath(*parts[:length])
        yield from (file for file in (place.with_suffix(".py"), place / "__init__.py") if file.is_file())


def _imports(file: Path, project: Path) -> Iterator[str]:
    package = file.relative_to(project).parent.parts
    try:
        tree = ast.parse(file.read_bytes())
    except SyntaxError:  # told when it is imported
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield from (".".join(filter(None, [base, alias.name])) for alias in node.names)
