"""Look at a table before anything heavy is imported: what it asks for, and all that is wrong with it, at once."""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from dlrun.config.roots import Roots
from dlrun.config.suggest import nearest
from dlrun.data.columns import Column
from dlrun.data.declare import Declaration
from dlrun.data.tables.csv_text import Malformed, in_utf8, undecodable
from dlrun.data.tables.first_line import first_line, with_command
from dlrun.data.tables.formats import TableFile, fault_of, open_table
from dlrun.data.tables.kept import cache_of, entry_of, recall
from dlrun.data.tables.kinds import columns_of, mixed_up, time_of, wrong_kinds
from dlrun.data.tables.layout import Layout, Settings, lay_out
from dlrun.data.tables.no_csv import url
from dlrun.data.tables.problems import cell_problems, row_problems
from dlrun.data.tables.survey import Survey, survey
from dlrun.data.tables.target import Target, judge_target
from dlrun.errors import Problem

__all__ = ["Inspection", "csv", "jsonl", "look_at", "no_file", "not_utf8", "parquet"]


@dataclass(frozen=True)
class Inspection:
    """What a file holds, as the config wants it read.

    Attributes:
        separator: the character between cells; empty where the format has none.
        layout: its columns; None when problems keep it from being read at all.
        columns: those to learn from, in the order of `layout.features`.
        time: what the column of times holds; None without one.
        samples: rows that can be used.
    """

    separator: str
    layout: Layout | None
    columns: tuple[Column, ...]
    time: Column | None
    target: Target
    samples: int
    problems: tuple[Problem, ...]

    @property
    def cells(self) -> int:
        """Numbers that a sample is held as."""
        return sum(column.cells for column in self.columns)

    def to_json(self) -> dict[str, Any]:
        """As it is kept, of a file without problems."""
        assert self.layout is not None
        layout = {name: getattr(self.layout, name) for name in _KEPT_OF_LAYOUT}
        return {
            "separator": self.separator,
            "layout": layout | {"words": sorted(self.layout.words)},
            "columns": [asdict(column) for column in self.columns],
            "time": None if self.time is None else asdict(self.time),
            "target": asdict(self.target),
            "samples": self.samples,
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Inspection:
        """What `content` describes."""
        layout = _frozen(content["layout"]) | {"words": frozenset(content["layout"]["words"]), "problems": ()}
        columns = tuple(Column(**_frozen(column)) for column in content["columns"])
        time = None if content["time"] is None else Column(**_frozen(content["time"]))
        target = Target(**_frozen(content["target"]))
        return cls(content["separator"], Layout(**layout), columns, time, target, content["samples"], ())

    @classmethod
    def refused(cls, *problems: Problem, separator: str = "", layout: Layout | None = None) -> Inspection:
        """Of a file that cannot be used."""
        return cls(separator, layout, (), None, Target(None), 0, problems)


_KEPT_OF_LAYOUT = ("names", "target", "features", "group", "time")


def _frozen(content: Mapping[str, Any]) -> dict[str, Any]:
    """With tuples in place of lists."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in content.items()}


def _inspect(form: str, values: Mapping[str, Any], roots: Roots) -> Declaration:
    """What the file that `values` name declares; see `declare.Inspect`."""
    given = str(values["path"])
    try:
        path = roots.file(given)
        if fault := url(given) or no_file(given, path, roots):
            return Declaration(None, None, [fault])
        found = look_at(path, Settings.of(values, form), cache_of(roots))
    except OSError as error:  # a folder on the way may not be searched, or the file went away just now
        fault = Problem("data.path", "must be readable", got=f"'{given}': {error.strerror}")
        return Declaration(None, None, [fault])
    classes = len(found.target.classes) or None
    shape = None if found.layout is None else (found.cells,)
    columns = None if found.problems else found.columns
    of_rows = {"groups": found.layout and found.layout.group, "times": found.layout and found.layout.time}
    known = frozenset(name for name, place in of_rows.items() if place is not None)
    return Declaration(found.target.task, classes, list(found.problems), found.samples, shape, known, columns)


csv, jsonl, parquet = (partial(_inspect, form) for form in ("csv", "jsonl", "parquet"))
"""What `_inspect_` of the options of these names calls."""


def look_at(path: Path, settings: Settings, cache: Path | None = None) -> Inspection:
    """Read a file through once; an unchanged file is not read again.

    Args:
        cache: where converted files are kept: one of them need not be read as text at all.

    Raises:
        OSError: there is no such file.
    """
    status = path.stat()
    file = os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)
    if not stat.S_ISREG(status.st_mode):  # opening a pipe waits for somebody who writes into it
        fault = Problem("data.path", "must be a regular file", got=f"'{file}'", mend="Copy its content to a file.")
        return Inspection.refused(fault)
    return _look_at(path, file, (status.st_size, status.st_mtime_ns, status.st_ino), settings, cache)


@lru_cache(maxsize=32)
def _look_at(path: Path, file: str, _state: tuple[int, int, int], settings: Settings, cache: Path | None) -> Inspection:
    if cache is not None and cache.is_dir() and (kept := recall(entry_of(cache, path, settings))) is not None:
        return Inspection.from_json(kept)
    separator = ""
    try:
        if fault := fault_of(path, settings, file):
            return Inspection.refused(fault)
        source = open_table(path, settings)
        separator = source.separator
        return _inspected(source, settings, file)
    except UnicodeDecodeError:
        fault = not_utf8(path, file)
    except Malformed as error:
        fault = error.problem("data.path", file)
    except OSError as error:
        fault = Problem("data.path", "must be readable", got=error.strerror, place=file)
    return Inspection.refused(fault, separator=separator)


def _inspected(source: TableFile, settings: Settings, file: str) -> Inspection:
    line, header = source.header()
    if not header:
        size = source.path.stat().st_size
        mend = "The first line names the columns, each line below is a sample."
        got = f"{size} bytes" if size == 0 else f"{size} bytes of blank lines"
        fault = Problem("data.path", "must hold a header and rows", got=got, mend=mend, place=file)
        return Inspection.refused(fault, separator=source.separator)
    layout = lay_out(header, settings, file, line)
    layout = replace(layout, problems=tuple(with_command(layout, source.separator, file)))
    if wrong := [*wrong_kinds(settings)]:
        return Inspection.refused(*layout.problems, *wrong, separator=source.separator, layout=layout)
    if layout.target is None and settings.target is not None:  # what would be a feature cannot be told
        return Inspection.refused(*layout.problems, separator=source.separator, layout=layout)
    layout, found = _surveyed(source, layout, settings)
    target, target_problems = judge_target(found, layout, settings, file)
    columns, kind_problems = columns_of(found, layout, settings, file)
    time, time_problems = time_of(found, layout, settings, file)
    if no_header := list(first_line(found, layout, source.separator, file)):
        return Inspection.refused(*no_header, separator=source.separator)
    problems = [*layout.problems, *row_problems(found, layout, file)]
    if len(header) > 1:
        problems += [*kind_problems, *time_problems, *cell_problems(found, layout, settings, file), *target_problems]
    return Inspection(source.separator, layout, columns, time, target, found.samples, tuple(problems))


def _surveyed(source: TableFile, layout: Layout, settings: Settings) -> tuple[Layout, Survey]:
    """What the file holds; it is gone through again where a column of words began with numbers."""
    said = {layout.names.index(name) for name, kind in settings.kinds if kind != "number" and name in layout.names}
    group = set() if layout.group is None else {layout.group}
    layout = replace(layout, words=frozenset((said | group | source.words_at_first(layout)) - {layout.target}))
    found = survey(source.batches(layout, settings), layout, settings)
    if more := mixed_up(found, layout, settings) - layout.words:
        layout = replace(layout, words=layout.words | more)
        found = survey(source.batches(layout, settings), layout, settings)
    return layout, found


def no_file(given: str, path: Path, roots: Roots) -> Problem | None:
    """The problem of a path that leads to no file."""
    if path.is_file() and not _is_of_the_system(path):
        return None
    if path.is_dir():
        files = _tables_in(path)
        mend = f"Name a file in it: data.path={Path(given) / files[0]}" if files else "It holds no CSV file."
        return Problem("data.path", "must be a CSV file", got=f"the folder '{given}'", mend=mend)
    if path.exists():
        return Problem("data.path", "must be a regular file", got=f"'{given}'", mend="Copy its content to a file.")
    folder = next((parent for parent in path.parents if parent.is_dir()), roots.directory)
    name = nearest(path.name, _tables_in(folder))
    right = str(Path(given).parent / name) if name and name != path.name else ""  # a link that leads nowhere
    hint = f"Did you mean {shlex.quote(f'data.path={right}')}? " if right else ""
    searched = " and ".join(dict.fromkeys((str(roots.directory), str(roots.work))))
    mend = f"{hint}Looked from {searched}."
    return Problem(
        "data.path", "must be an existing file", f"'{given}'", mend, instead=(given, right) if right else None
    )


def _is_of_the_system(path: Path) -> bool:
    """Whether a file is no content but a view into the system: `/proc/self/environ` shows the environment."""
    return path.resolve().parts[:2] in (("/", "proc"), ("/", "sys"))


def _tables_in(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir() if entry.suffix.lower() in (".csv", ".tsv", ".txt"))


def not_utf8(path: Path, file: str) -> Problem:
    """The problem of a file that is not UTF-8."""
    offset, line, value = undecodable(path) or (0, 1, 0)
    # 0xff and 0xfe open a file of Excel's "Unicode text"; any other stray byte is most often a Western letter
    encoding = "UTF-16" if offset == 0 and value in (0xFF, 0xFE) else "WINDOWS-1252"
    mend = f"Save it as UTF-8, or convert it: {in_utf8(file, encoding)}"
    got = f"byte 0x{value:02x} at offset {offset}, in line {line}"
    return Problem("data.path", "must be UTF-8 text", got=got, mend=mend, place=f"{file}:{line}")
