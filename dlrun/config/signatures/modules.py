"""Modules as text: found by path, read with `ast`, never imported.

Python is asked where a top-level package lies, which runs none of its code; from there on files are looked for.
"""

from __future__ import annotations

import ast
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from importlib.machinery import EXTENSION_SUFFIXES, ModuleSpec, PathFinder
from importlib.util import find_spec
from pathlib import Path

__all__ = ["BACKEND", "Imported", "Module", "Modules", "Unreadable"]

BACKEND = "tensorflow"
"""The backend whose branch is read where Keras's sources ask which one it is."""

_MOST_BYTES = 2_000_000
_COMPILED = (*EXTENSION_SUFFIXES, ".pyc")


class Unreadable(Exception):
    """A module's source is there and cannot be read.

    Attributes:
        path: the file.
        line: where, if known.
        reason: what is wrong with it.
    """

    def __init__(self, path: Path, line: int | None, reason: str) -> None:
        super().__init__(reason)
        self.path, self.line, self.reason = path, line, reason


@dataclass(frozen=True)
class Imported:
    """A name bound by `from module import name`, or by `import module` where `name` is None."""

    module: str
    name: str | None = None


Binding = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef | ast.expr | Imported | None
"""What a name stands for; None where the source alone does not say."""


@dataclass
class Module:
    """A module's source.

    Attributes:
        name: its import path.
        path: its file; None for a folder without `__init__.py`.
        folders: where its children lie, of a package.
    """

    name: str
    path: Path | None
    folders: tuple[Path, ...] = ()
    stars: list[str] = field(default_factory=list)

    @cached_property
    def bindings(self) -> dict[str, Binding]:
        """What the names at its top level stand for.

        Raises:
            Unreadable: it is no Python.
        """
        found: dict[str, Binding] = {}
        if self.path is not None:
            self._bind(_parse(self.path).body, found)
        return found

    @property
    def is_dynamic(self) -> bool:
        """Whether it may have names that its source does not show."""
        return "__getattr__" in self.bindings or bool(self.stars)

    def _bind(self, body: list[ast.stmt], found: dict[str, Binding]) -> None:
        for node in body:
            match node:
                case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                    found[node.name] = node
                case ast.Import():
                    found |= dict(_imports(node))
                case ast.ImportFrom():
                    self._bind_from(node, found)
                case ast.Assign() | ast.AnnAssign():
                    found |= dict(_assigned(node))
                case _:
                    for branch in _branches(node):
                        self._bind(branch, found)

    def _bind_from(self, node: ast.ImportFrom, found: dict[str, Binding]) -> None:
        base = self.absolute(node)
        for alias in node.names:
            if alias.name == "*":
                self.stars.append(base)
            else:
                found[alias.asname or alias.name] = Imported(base, alias.name)

    def absolute(self, node: ast.ImportFrom) -> str:
        """The module that a `from ... import` names, its leading dots followed."""
        if not node.level:
            return node.module or ""
        package = self.name.split(".") if self.folders else self.name.split(".")[:-1]
        above = package[: len(package) - node.level + 1]
        return ".".join([*above, *([node.module] if node.module else [])])


def _parse(path: Path) -> ast.Module:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise Unreadable(path, None, f"it is larger than {_MOST_BYTES:,} bytes")
        return ast.parse(path.read_bytes(), str(path))
    except SyntaxError as error:
        raise Unreadable(path, error.lineno, error.msg) from error
    except (OSError, ValueError, RecursionError, MemoryError) as error:
        raise Unreadable(path, None, str(error) or type(error).__name__) from error


def _imports(node: ast.Import) -> Iterator[tuple[str, Binding]]:
    for alias in node.names:
        top = alias.name.partition(".")[0]
        yield alias.asname or top, Imported(alias.name if alias.asname else top)


def _assigned(node: ast.Assign | ast.AnnAssign) -> Iterator[tuple[str, Binding]]:
    """The names that an assignment binds; `Thing.__doc__ = ...` binds none."""
    for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
        if isinstance(target, ast.Name):
            yield target.id, node.value
        elif isinstance(target, ast.Tuple | ast.List):
            yield from ((part.id, None) for part in target.elts if isinstance(part, ast.Name))


def _branches(node: ast.stmt) -> list[list[ast.stmt]]:
    """The bodies inside a statement that may run, the likeliest last: its names win."""
    match node:
        case ast.If(test=test):
            return _branches_of_if(test, node.body, node.orelse)
        case ast.Try() | ast.TryStar():  # what is hoped for counts
            return [*(handler.body for handler in node.handlers), node.body, node.orelse, node.finalbody]
        case ast.With() | ast.For() | ast.While():
            return [node.body]
    return []


def _branches_of_if(test: ast.expr, body: list[ast.stmt], orelse: list[ast.stmt]) -> list[list[ast.stmt]]:
    match test:
        case ast.Compare(left=ast.Call(), ops=[ast.Eq()], comparators=[ast.Constant(value=str(name))]):
            if "backend" in ast.unparse(test.left):
                return [body] if name == BACKEND else [orelse]
        case ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING"):
            return [body, orelse]
    return [orelse, body]


class Modules:
    """Finds modules and keeps what it has read.

    Args:
        project: a folder whose modules count as importable, whether or not Python's path has it.
    """

    def __init__(self, project: Path | None = None) -> None:
        self.project = project
        self._found: dict[str, Module | None] = {}

    def find(self, name: str) -> Module | None:
        """The module of an import path; None where there is none, or none with a source."""
        if name not in self._found:
            parent, _, last = name.rpartition(".")
            self._found[name] = self._child(parent, last, name) if parent else self._top(name)
        return self._found[name]

    def shadowed(self, top: str) -> str | None:
        """What Python finds in place of the project's module `top`, if anything."""
        if self.project is None or _in_folders(top, (self.project,), top) is None:
            return None
        return self.owner(top)

    def owner(self, top: str) -> str | None:
        """Whose module `top` is, where it is Python's or installed."""
        if top in sys.stdlib_module_names:
            return f"{top} of Python's standard library"
        spec = _spec(top)
        places = [] if spec is None else [spec.origin or "", *(spec.submodule_search_locations or ())]
        installed = (sysconfig.get_path("purelib"), sysconfig.get_path("platlib"))
        return f"the installed package {top}" if any(place.startswith(installed) for place in places) else None

    def exists(self, top: str) -> bool:
        """Whether Python finds a module of this name, in source or not."""
        return self.find(top) is not None or top in sys.stdlib_module_names or _spec(top) is not None

    def tops(self) -> list[str]:
        """The names of the project's own modules, and of what its classes mostly come from."""
        return [*_children(() if self.project is None else (self.project,)), "keras", "dlrun", "tensorflow"]

    def missing(self, path: Path) -> Iterator[tuple[str, int]]:
        """The top-level packages that a file imports whatever happens and that are not there, each with its line.

        Raises:
            Unreadable: it is no Python.
        """
        for node in _parse(path).body:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            for top in dict.fromkeys(name.partition(".")[0] for name in names):
                if not self.exists(top):
                    yield top, node.lineno

    def children(self, name: str) -> list[str]:
        """The names of the modules inside a package."""
        package = self.find(name)
        return [] if package is None else _children(package.folders)

    def is_compiled(self, package: Module, last: str) -> bool:
        """Whether a package has a child of which there is no source."""
        return any((folder / f"{last}{suffix}").is_file() for folder in package.folders for suffix in _COMPILED)

    def _top(self, name: str) -> Module | None:
        # The project first: Python's path may still hold the folder of another project of this process.
        if self.project is not None and self.shadowed(name) is None:
            own = _in_folders(name, (self.project,), name)
            if own is not None:
                return own
        spec = _spec(name)
        if spec is None:
            return None
        folders = tuple(Path(place) for place in spec.submodule_search_locations or ())
        path = Path(spec.origin) if spec.has_location and spec.origin and spec.origin.endswith(".py") else None
        return Module(name, path, folders) if path or folders else None

    def _child(self, parent: str, last: str, name: str) -> Module | None:
        package = self.find(parent)
        return None if package is None else _in_folders(last, package.folders, name)


def _spec(top: str) -> ModuleSpec | None:
    found = PathFinder.find_spec(top)  # `find_spec` answers for what is imported already, wherever that came from
    if found is not None:
        return found
    try:
        return find_spec(top)
    except (ImportError, ValueError):  # `__main__` and modules made by hand have none
        return None


def _children(folders: tuple[Path, ...]) -> list[str]:
    entries = [entry for folder in folders if folder.is_dir() for entry in folder.iterdir()]
    names = [entry.stem for entry in entries if entry.suffix == ".py" or next(entry.glob("*.py"), None)]
    return sorted(name for name in names if name.isidentifier() and name != "__init__")


def _in_folders(last: str, folders: tuple[Path, ...], name: str) -> Module | None:
    for folder in folders:
        if (init := folder / last / "__init__.py").is_file():
            return Module(name, init, (folder / last,))
        if (file := folder / f"{last}.py").is_file():
            return Module(name, file)
    plain = tuple(folder / last for folder in folders if (folder / last).is_dir())
    return Module(name, None, plain) if plain else None
