"""Look at a CSV file before anything heavy is imported: what it asks for, and all that is wrong with it, at once."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any

from dlrun.config.roots import Roots
from dlrun.config.suggest import nearest
from dlrun.data.csv_kept import cache_of, entry_of, recall
from dlrun.data.csv_kinds import no_csv, url
from dlrun.data.csv_layout import Layout, Settings, lay_out
from dlrun.data.csv_plain import batches
from dlrun.data.csv_problems import cell_problems, row_problems
from dlrun.data.csv_survey import survey
from dlrun.data.csv_target import Target, judge_target
from dlrun.data.csv_text import SEPARATORS, Malformed, find_separator, records, undecodable
from dlrun.data.declare import Declaration
from dlrun.errors import Problem

__all__ = ["Inspection", "inspect", "look_at"]


@dataclass(frozen=True)
class Inspection:
    """What a file holds, as the config wants it read.

    Attributes:
        separator: the character between cells.
        layout: its columns; None when problems keep it from being read at all.
        samples: rows that can be used.
    """

    separator: str
    layout: Layout | None
    target: Target
    samples: int
    problems: tuple[Problem, ...]

    def to_json(self) -> dict[str, Any]:
        """As it is kept, of a file without problems."""
        assert self.layout is not None
        layout = {"names": self.layout.names, "target": self.layout.target, "features": self.layout.features}
        return {"separator": self.separator, "layout": layout, "target": asdict(self.target), "samples": self.samples}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Inspection:
        """What `content` describes."""
        layout, target = ({k: _frozen(v) for k, v in content[name].items()} for name in ("layout", "target"))
        return cls(content["separator"], Layout(**layout, problems=()), Target(**target), content["samples"], ())


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def inspect(values: Mapping[str, Any], roots: Roots) -> Declaration:
    """What the file that `values` name declares; see `declare.Inspect`."""
    given = str(values["path"])
    try:
        path = roots.file(given)
        if fault := url(given) or _no_file(given, path, roots):
            return Declaration(None, None, [fault])
        found = look_at(path, Settings.of(values), cache_of(roots))
    except OSError as error:  # a folder on the way may not be searched, or the file went away just now
        fault = Problem("data.path", "must be readable", got=f"'{given}': {error.strerror}")
        return Declaration(None, None, [fault])
    classes = len(found.target.classes) or None
    shape = None if found.layout is None else (len(found.layout.features),)
    return Declaration(found.target.task, classes, list(found.problems), found.samples, shape)


def look_at(path: Path, settings: Settings, cache: Path | None = None) -> Inspection:
    """Read a file through once; an unchanged file is not read again.

    Args:
        cache: where converted files are kept: one of them need not be read as text at all.

    Raises:
        OSError: there is no such file.
    """
    status = path.stat()
    file = os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)
    return _look_at(path, file, (status.st_size, status.st_mtime_ns, status.st_ino), settings, cache)


@lru_cache(maxsize=32)
def _look_at(path: Path, file: str, _state: tuple[int, int, int], settings: Settings, cache: Path | None) -> Inspection:
    if cache is not None and cache.is_dir() and (kept := recall(entry_of(cache, path, settings))) is not None:
        return Inspection.from_json(kept)
    separator = SEPARATORS.get(settings.separator, "")
    try:
        if fault := no_csv(path, file):
            return Inspection(separator, None, Target(None), 0, (fault,))
        separator = separator or find_separator(path)
        return _inspected(path, separator, settings, file)
    except UnicodeDecodeError:
        fault = _not_utf8(path, file)
    except Malformed as error:
        mend = "Close every quote, and double the quotes inside a quoted cell."
        place = f"{file}:{error.line}"
        fault = Problem("data.path", "must follow the quoting of CSV", got=str(error), mend=mend, place=place)
    except OSError as error:
        fault = Problem("data.path", "must be readable", got=error.strerror, place=file)
    return Inspection(separator, None, Target(None), 0, (fault,))


def _inspected(path: Path, separator: str, settings: Settings, file: str) -> Inspection:
    rows = records(path, separator)
    line, header = next(rows, (1, []))
    if not header:
        size = path.stat().st_size
        mend = "The first line names the columns, each line below is a sample."
        got = f"{size} bytes" if size == 0 else f"{size} bytes of blank lines"
        fault = Problem("data.path", "must hold a header and rows", got=got, mend=mend, place=file)
        return Inspection(separator, None, Target(None), 0, (fault,))
    layout = lay_out(header, settings, file, line)
    if layout.target is None and settings.target is not None:  # what would be a feature cannot be told
        return Inspection(separator, layout, Target(None), 0, layout.problems)
    found = survey(batches(path, separator, layout, settings), layout, settings)
    target, target_problems = judge_target(found, layout, settings, file)
    about_cells = () if len(header) < 2 else cell_problems(found, layout, settings, file)
    about_rows = row_problems(found, layout, settings, file)
    problems = tuple(chain(layout.problems, about_rows, about_cells, target_problems if len(header) > 1 else ()))
    return Inspection(separator, layout, target, found.samples, problems)


def _no_file(given: str, path: Path, roots: Roots) -> Problem | None:
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
    right = str(Path(given).parent / name) if name else ""
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


def _not_utf8(path: Path, file: str) -> Problem:
    offset, line, value = undecodable(path) or (0, 1, 0)
    # 0xff and 0xfe open a file of Excel's "Unicode text"; any other stray byte is most often a Western letter
    encoding = "UTF-16" if offset == 0 and value in (0xFF, 0xFE) else "WINDOWS-1252"
    mend = f"Save it as UTF-8, or convert it: iconv -f {encoding} -t UTF-8 {shlex.quote(file)} > utf8.csv"
    got = f"byte 0x{value:02x} at offset {offset}, in line {line}"
    return Problem("data.path", "must be UTF-8 text", got=got, mend=mend, place=f"{file}:{line}")
