"""The folder that a config names, and what is told where it is none."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dlrun.config.roots import Roots
from dlrun.config.suggest import nearest
from dlrun.data.folders import Walk, walk
from dlrun.data.tables.no_csv import url
from dlrun.errors import Problem

__all__ = ["files", "folder_at", "shown_path"]

_OF_THE_SYSTEM = ("proc", "sys", "dev")


def folder_at(given: str, roots: Roots, key: str = "data.path") -> Walk | Problem:
    """What lies in the folder, or why it cannot be had."""
    if fault := url(given):
        return fault
    try:
        path = roots.file(given)
        if path.resolve().parts[1:2] and path.resolve().parts[1] in _OF_THE_SYSTEM:
            return Problem(key, "must be a folder of files", got=f"'{given}'", mend="Copy its content to a folder.")
        if not path.is_dir():
            return _no_folder(given, path, roots, key)
        return walk(path)
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        return Problem(key, "must be a folder that can be read", got=f"'{given}': {reason}")


def files(values: Mapping[str, Any], roots: Roots) -> Mapping[str, Path]:
    """All files in the folder that `path` names, by their names in it: what a data set of files is made of."""
    found = folder_at(str(values["path"]), roots, "data.path")
    return {} if isinstance(found, Problem) else found.files()


def shown_path(path: Path) -> str:
    """A path as messages show it: from the working directory where it lies in it."""
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)


def _no_folder(given: str, path: Path, roots: Roots, key: str) -> Problem:
    if path.exists():
        parent = str(Path(given).parent)
        mend = f"Name the folder that it lies in: {shlex.quote(f'{key}={parent}')}"
        return Problem(key, "must be a folder", got=f"the file '{given}'", mend=mend)
    folder = next((parent for parent in path.parents if parent.is_dir()), roots.directory)
    name = nearest(path.name, sorted(entry.name for entry in folder.iterdir() if entry.is_dir()))
    right = str(Path(given).parent / name) if name else ""
    hint = f"Did you mean {shlex.quote(f'{key}={right}')}? " if right else ""
    searched = " and ".join(dict.fromkeys((str(roots.directory), str(roots.work))))
    instead = (given, right) if right else None
    return Problem(key, "must be an existing folder", f"'{given}'", f"{hint}Looked from {searched}.", instead=instead)
