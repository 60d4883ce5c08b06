"""The file that a config names, and what is told where it is none."""

from __future__ import annotations

import shlex
from collections.abc import Collection
from pathlib import Path

from dlrun.config.roots import Roots
from dlrun.config.suggest import nearest
from dlrun.data.tables.no_csv import url
from dlrun.errors import Problem

__all__ = ["file_at"]

_OF_THE_SYSTEM = ("proc", "sys", "dev")


def file_at(given: str, roots: Roots, key: str, suffixes: Collection[str]) -> Path | Problem:
    """Where the file lies, or why it cannot be had.

    Args:
        given: as the config names it.
        key: the parameter that names it.
        suffixes: of such files, with their dots, in small letters.
    """
    if fault := url(given):
        return fault
    try:
        path = roots.file(given)
        if path.is_file() and path.resolve().parts[1:2] not in [(name,) for name in _OF_THE_SYSTEM]:
            with path.open("rb"):
                return path
        if path.is_dir():
            files = _such_files(path, suffixes)
            mend = f"Name a file in it: {_typed(key, Path(given) / files[0])}" if files else None
            return Problem(key, f"must be a {_listed(suffixes)} file", got=f"the folder '{given}'", mend=mend)
        if path.exists():
            return Problem(key, "must be a regular file", got=f"'{given}'", mend="Copy its content to a file.")
        return _missing(given, path, roots, key, suffixes)
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        return Problem(key, "must be a file that can be read", got=f"'{given}': {reason}")


def _missing(given: str, path: Path, roots: Roots, key: str, suffixes: Collection[str]) -> Problem:
    folder = next((parent for parent in path.parents if parent.is_dir()), roots.directory)
    name = nearest(path.name, _such_files(folder, suffixes))
    right = str(Path(given).parent / name) if name and name != path.name else ""  # a link that leads nowhere
    hint = f"Did you mean {_typed(key, Path(right))}? " if right else ""
    searched = " and ".join(dict.fromkeys((str(roots.directory), str(roots.work))))
    instead = (given, right) if right else None
    return Problem(key, "must be an existing file", f"'{given}'", f"{hint}Looked from {searched}.", instead=instead)


def _such_files(folder: Path, suffixes: Collection[str]) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir() if entry.suffix.lower() in suffixes)


def _typed(key: str, path: Path) -> str:
    return shlex.quote(f"{key}={path}")


def _listed(suffixes: Collection[str]) -> str:
    return " or ".join(suffixes)
