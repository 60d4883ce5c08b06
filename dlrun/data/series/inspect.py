"""Look at the file of a series before anything heavy is imported: what it asks for, and all that is wrong with it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlrun.config.roots import Roots
from dlrun.data.declare import Declaration
from dlrun.data.series.settings import Settings
from dlrun.data.series.table import read_table, reader_of
from dlrun.data.tables.csv_text import Malformed
from dlrun.data.tables.inspect import no_file, not_utf8
from dlrun.data.tables.no_csv import no_csv, url
from dlrun.errors import Problem

if TYPE_CHECKING:  # numpy is not needed to say that there is no file
    from dlrun.data.series.cut import Cut

__all__ = ["inspect", "look_at"]


def inspect(values: Mapping[str, Any], roots: Roots) -> Declaration:
    """What the file that `values` name declares; see `declare.Inspect`."""
    given = str(values["path"])
    try:
        path = roots.file(given)
        if fault := url(given) or no_file(given, path, roots):
            return Declaration(None, None, [fault])
        found = look_at(path, Settings.of(values))
    except OSError as error:  # a folder on the way may not be searched, or the file went away just now
        fault = Problem("data.path", "must be readable", got=f"'{given}': {error.strerror}")
        return Declaration(None, None, [fault])
    if isinstance(found, tuple):
        return Declaration(None, None, list(found))
    shape = (int(values["window"]), len(found.features))
    samples = None if found.problems else len(found.firsts)
    comes_with = frozenset({"times"} | ({"groups"} if values["group"] is not None else set()))
    return Declaration(found.task, len(found.classes) or None, list(found.problems), samples, shape, given=comes_with)


def look_at(path: Path, settings: Settings) -> Cut | tuple[Problem, ...]:
    """Read and cut a file; one that has not changed is not read again.

    Returns:
        Its samples, or why it is no table.

    Raises:
        OSError: there is no such file.
    """
    status = path.stat()
    file = os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)
    return _look_at(path, file, (status.st_size, status.st_mtime_ns, status.st_ino), settings)


@lru_cache(maxsize=4)
def _look_at(path: Path, file: str, _state: tuple[int, int, int], settings: Settings) -> Cut | tuple[Problem, ...]:
    try:
        reader = reader_of(path)
        if fault := no_csv(path, file) if reader is None else reader.fault(path, file):
            return (fault,)
        table = read_table(path, settings, file)
    except UnicodeDecodeError:
        return (not_utf8(path, file),)
    except Malformed as error:
        return (error.problem("data.path", file),)
    if table is None:
        mend = "The first line names the columns, each line below is a moment."
        return (Problem("data.path", "must hold a header and rows", f"{path.stat().st_size} bytes", mend, file),)
    if table.roles.problems:
        return table.roles.problems
    from dlrun.data.series.cut import cut

    return cut(table, settings, file)
