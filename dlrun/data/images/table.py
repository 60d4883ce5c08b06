"""The table of an `images_table`: which file each row names, and what is to be predicted of it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from dlrun.config.roots import Roots
from dlrun.config.suggest import did_you_mean
from dlrun.data.classes import several
from dlrun.data.folders import as_shown
from dlrun.data.place import shown_path
from dlrun.data.tables.csv_text import SEPARATORS, Malformed, find_separator, records, undecodable
from dlrun.data.tables.no_csv import no_csv, url
from dlrun.errors import Problem

__all__ = ["Columns", "Labels", "Table", "labels_of", "missing_files", "read_table", "table_at"]

_MOST_INTEGER_CLASSES = 20
_ROWS_PER_CLASS = 5  # whole numbers that repeat less than this are counts, not classes
_EMPTY = frozenset({"", "na", "n/a", "nan", "null"})


@dataclass(frozen=True)
class Columns:
    """The parameters of conf/data/images_table.yaml that the table is read by."""

    image: str | None
    target: str | None
    separator: str
    task: str

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Columns:
        """Those of a config's `data` node."""
        image, target = (None if values[name] is None else str(values[name]) for name in ("image", "target"))
        return cls(image, target, values["separator"], values["task"])


@dataclass(frozen=True)
class Table:
    """The rows of a table.

    Attributes:
        images: the file that each names, as it stands there.
        cells: what is to be predicted of each, as text.
        lines: the line that each stands on.
        target: the name of the column to predict.
    """

    images: tuple[str, ...] = ()
    cells: tuple[str, ...] = ()
    lines: tuple[int, ...] = ()
    target: str = ""
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class Labels:
    """What is to be predicted: class numbers, or values."""

    task: str | None
    classes: tuple[str, ...]
    values: tuple[float, ...]
    problems: tuple[Problem, ...] = ()


def table_at(values: Mapping[str, Any], roots: Roots) -> tuple[Path, Path] | Problem:
    """The table's file, and the folder that its names are seen from."""
    given = str(values["path"])
    if fault := url(given):
        return fault
    try:
        path = roots.file(given)
        if path.is_dir():
            mend = "Name the CSV itself; a folder of images by class is data=images."
            return Problem("data.path", "must be a CSV file", got=f"the folder '{given}'", mend=mend)
        if not path.is_file():
            mend = f"Looked from {' and '.join(dict.fromkeys((str(roots.directory), str(roots.work))))}."
            return Problem("data.path", "must be an existing file", got=f"'{given}'", mend=mend)
        root = path.parent if values["root"] is None else roots.file(str(values["root"]))
        if not root.is_dir():
            return Problem("data.root", "must be an existing folder", got=f"'{values['root']}'")
    except OSError as error:
        return Problem("data.path", "must be readable", got=f"'{given}': {error.strerror}")
    return path, root


def read_table(path: Path, columns: Columns) -> Table:
    """The rows of the table; one that has not changed is not read again.

    Raises:
        OSError: there is no such file.
    """
    status = path.stat()
    return _read(path, columns, (status.st_size, status.st_mtime_ns, status.st_ino))


@lru_cache(maxsize=8)
def _read(path: Path, columns: Columns, _state: tuple[int, int, int]) -> Table:
    file = shown_path(path)
    try:
        if fault := no_csv(path, file):
            return Table(problems=(fault,))
        separator = SEPARATORS.get(columns.separator) or find_separator(path)
        return _rows(path, columns, separator, file)
    except UnicodeDecodeError:
        offset, line, value = undecodable(path) or (0, 1, 0)
        mend, got = "Save the table as UTF-8.", f"byte 0x{value:02x} at offset {offset}"
        fault = Problem("data.path", "must be UTF-8 text", got, mend, f"{file}:{line}")
    except Malformed as error:
        fault = error.problem("data.path", file)
    except OSError as error:
        fault = Problem("data.path", "must be readable", got=error.strerror, place=file)
    return Table(problems=(fault,))


def _rows(path: Path, columns: Columns, separator: str, file: str) -> Table:
    rows = records(path, separator)
    _, header = next(rows, (1, []))
    names = [name.strip() for name in header]
    if len(names) < 2:
        rule, mend = "must hold a header with two columns or more", "One names the images, one what they show."
        return Table(problems=(Problem("data.path", rule, f"{len(names)}", mend, file),))
    wanted = {"image": columns.image or names[0], "target": columns.target or names[-1]}
    if wrong := [_no_column(key, name, names) for key, name in wanted.items() if name not in names]:
        return Table(problems=tuple(wrong))
    image, target = (names.index(name) for name in wanted.values())
    if image == target:
        mend = "Choose two columns: data.image=COLUMN data.target=COLUMN"
        rule = "must not be the column that names the images"
        return Table(problems=(Problem("data.target", rule, got=f"'{names[target]}'", mend=mend),))
    found = [(line, cells) for line, cells in rows]
    ragged = [(line, len(cells)) for line, cells in found if len(cells) != len(names)]
    found = [(line, cells) for line, cells in found if len(cells) == len(names)]
    empty = [line for line, cells in found if _is_empty(cells[image]) or _is_empty(cells[target])]
    problems = [*several(ragged, lambda row: _ragged(row, len(names), file), file)]
    problems += several(empty, lambda line: _empty(line, file), file)
    if not found and not ragged:
        problems.append(Problem("data.path", "must hold rows below its header", got="none", place=file))
    images, cells = (tuple(row[place].strip() for _, row in found) for place in (image, target))
    return Table(images, cells, tuple(line for line, _ in found), names[target], tuple(problems))


def _is_empty(cell: str) -> bool:
    return cell.strip().lower() in _EMPTY


def _no_column(key: str, name: str, names: Sequence[str]) -> Problem:
    nearest = did_you_mean(name, names, shown=f"data.{key}={{}}")
    mend = " ".join(filter(None, [nearest, f"There are: {', '.join(names[:20])}."]))
    return Problem(f"data.{key}", "must name a column of the table", got=f"'{name}'", mend=mend)


def _ragged(row: tuple[int, int], width: int, file: str) -> Problem:
    mend = "A cell that holds the separator must stand in double quotes."
    rule = f"must have {width} cells in every row, as its header has"
    return Problem("data.path", rule, got=f"{row[1]}", mend=mend, place=f"{file}:{row[0]}")


def _empty(line: int, file: str) -> Problem:
    rule = "must name an image and what it shows in every row"
    return Problem("data.path", rule, got="an empty cell", mend="Fill it, or remove the row.", place=f"{file}:{line}")


def missing_files(table: Table, root: Path, file: str) -> Iterator[Problem]:
    """Rows whose file is not there."""
    missing = [
        (line, name)
        for line, name in zip(table.lines, table.images, strict=True)
        if not _is_empty(name) and not (root / name).is_file()
    ]

    def problem(row: tuple[int, str]) -> Problem:
        mend = f"Names are seen from {shown_path(root)}; another folder is data.root=FOLDER."
        return Problem("data.path", "must name files that there are", f"'{as_shown(row[1])}'", mend, f"{file}:{row[0]}")

    yield from several(missing, problem, file)


def labels_of(table: Table, task: str, file: str) -> Labels:
    """What the column to predict asks for: text is classes; whole numbers are where they repeat; others are values."""
    numbers = [_number(cell) for cell in table.cells]
    known = [number for number in numbers if number is not None]
    if task == "regression" or (task == "auto" and len(known) == len(numbers) and not _are_classes(known)):
        wrong = [line for line, number in zip(table.lines, numbers, strict=True) if number is None]
        problems = list(several(wrong, lambda line: _no_number(line, table.target, file), file))
        if known and min(known) == max(known):
            rule = f"must vary in column '{table.target}', which is to be predicted"
            problems.append(Problem("data.path", rule, got=f"{known[0]:g} in every row", place=file))
        return Labels("regression", (), tuple(known), tuple(problems))
    if len(known) == len(numbers):
        classes = tuple(_class_name(value) for value in sorted(set(known)))
        cells = [_class_name(value) for value in known]
    else:
        classes, cells = tuple(sorted(set(table.cells))), list(table.cells)
    index = {name: float(label) for label, name in enumerate(classes)}
    found = "binary" if len(classes) == 2 and task != "multiclass" else "multiclass"
    problems = list(_class_problems(classes, Counter(cells), task, table, file))
    return Labels(found, classes, tuple(index[cell] for cell in cells), tuple(problems))


def _class_problems(
    classes: Sequence[str], counts: Counter[str], task: str, table: Table, file: str
) -> Iterator[Problem]:
    rule = f"must hold two classes or more in column '{table.target}', which is to be predicted"
    if len(classes) == 1:
        yield Problem("data.path", rule, got=f"'{classes[0]}' in every row", place=file)
    elif task == "binary" and len(classes) > 2:
        mend = "Write data.task=multiclass, or data.task=auto."
        yield Problem("data.task", f"must fit column '{table.target}'", f"binary for {len(classes)} classes", mend)
    elif len(classes) > max(_MOST_INTEGER_CLASSES, len(table.cells) / 2):
        got, mend = f"{len(classes)} different values in {len(table.cells)} rows", "Choose another: data.target=COLUMN"
        yield Problem("data.path", f"must repeat its classes in column '{table.target}'", got, mend, file)


def _no_number(line: int, column: str, file: str) -> Problem:
    rule, mend = f"must hold a number in column '{column}'", "Correct it, or write data.task=multiclass."
    return Problem("data.path", rule, got="text", mend=mend, place=f"{file}:{line}")


def _class_name(value: float) -> str:
    return str(int(value)) if value.is_integer() else repr(value)


def _number(cell: str) -> float | None:
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if math.isfinite(value) and "_" not in cell else None


def _are_classes(values: Sequence[float]) -> bool:
    distinct = set(values)
    if not all(value.is_integer() for value in distinct) or len(distinct) > _MOST_INTEGER_CLASSES:
        return False
    return len(distinct) <= 2 or len(values) >= _ROWS_PER_CLASS * len(distinct)
