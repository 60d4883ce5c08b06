"""What is predicted of a series: numbers, or classes where it is text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dlrun.data.series.settings import Settings
from dlrun.data.series.table import Table
from dlrun.data.tables.problems import shown
from dlrun.errors import Problem
from dlrun.serving.served_cells import is_missing, number

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Targets", "read_targets"]

_MOST_CLASSES = 1000


@dataclass(frozen=True, eq=False)
class Targets:
    """What is predicted, row by row.

    Attributes:
        values: float32 of shape (rows, targets); numbers of classes where the task is one of classes; NaN where a cell
            is empty.
        classes: their names, sorted; () for a regression.
    """

    task: str | None
    classes: tuple[str, ...]
    values: np.ndarray
    problems: tuple[Problem, ...]


def read_targets(table: Table, settings: Settings, file: str) -> Targets:
    """Read the columns to predict."""
    import numpy as np

    columns = [table.cells[place] for place in table.roles.targets]
    parsed = [[None if is_missing(cell) else number(cell, settings.decimal) for cell in cells] for cells in columns]
    texts = [_first_text(cells, found) for cells, found in zip(columns, parsed, strict=True)]
    wants_classes = settings.task in ("binary", "multiclass")
    is_text = any(text is not None for text in texts)
    if settings.task == "regression" or not (is_text or wants_classes):
        values = np.array([[np.nan if v is None else v for v in found] for found in parsed], np.float64)
        problems = tuple(_number_problems(table, texts, parsed, file))
        return Targets("regression", (), values.astype(np.float32).T.reshape(table.rows, -1), problems)
    if len(columns) > 1 or settings.steps_ahead > 1:
        return _refused_classes(table, settings, columns, texts, file)
    return _classes(columns[0], settings, table, file)


def _first_text(cells: list[str], parsed: list[float | None]) -> int | None:
    pairs = enumerate(zip(cells, parsed, strict=True))
    return next((row for row, (cell, value) in pairs if value is None and not is_missing(cell)), None)


def _number_problems(
    table: Table, texts: list[int | None], parsed: list[list[float | None]], file: str
) -> Iterator[Problem]:
    for place, row in zip(table.roles.targets, texts, strict=True):
        if row is not None:
            rule = f"must hold numbers in column '{table.roles.names[place]}', which is to be predicted"
            got = f"{shown(table.cells[place][row])} in row {row + 1}"
            mend = "Correct the file, or predict classes: data.task=auto"
            yield Problem("data.path", rule, got=got, mend=mend, place=f"{file}:{table.lines[row]}")
    for place, found in zip(table.roles.targets, parsed, strict=True):
        if found and all(value is None for value in found) and table.roles.targets:
            rule = f"must hold values in column '{table.roles.names[place]}', which is to be predicted"
            yield Problem("data.path", rule, got="none", mend="Choose another: data.target=COLUMN", place=file)


def _refused_classes(
    table: Table, settings: Settings, columns: list[list[str]], texts: list[int | None], file: str
) -> Targets:
    import numpy as np

    key = "data.target" if len(columns) > 1 else "data.steps_ahead"
    rule = "must be one column where classes are predicted" if len(columns) > 1 else "must be 1 where classes are"
    place, row = next(((p, r) for p, r in zip(table.roles.targets, texts, strict=True) if r is not None), (None, None))
    got = str(settings.steps_ahead) if len(columns) == 1 else f"{len(columns)} columns"
    if place is not None and row is not None:
        got += f", and {shown(table.cells[place][row])} in row {row + 1} of '{table.roles.names[place]}'"
    mend = "Predict one, one step at a time; or numbers alone."
    problem = Problem(key, rule, got=got, mend=mend, place=file)
    return Targets(None, (), np.empty((table.rows, 0), np.float32), (problem,))


def _classes(cells: list[str], settings: Settings, table: Table, file: str) -> Targets:
    import numpy as np

    labels = sorted({cell.strip() for cell in cells if not is_missing(cell)}, key=lambda label: _key(label, settings))
    task = "binary" if len(labels) == 2 else "multiclass"
    number_of = {label: float(i) for i, label in enumerate(labels)}
    values = np.array([[number_of.get(cell.strip(), np.nan)] for cell in cells], np.float32).reshape(len(cells), 1)
    name, problems = table.roles.names[table.roles.targets[0]], []
    if not 2 <= len(labels) <= _MOST_CLASSES:
        rule = f"must hold 2 to {_MOST_CLASSES} classes in column '{name}'"
        problems.append(Problem("data.target", rule, got=str(len(labels)), mend="Choose another.", place=file))
    elif settings.task == "binary" and task != "binary":
        rule = f"must fit what column '{name}' holds: binary needs two classes"
        problems.append(Problem("data.task", rule, got=f"{len(labels)} classes", mend="Type data.task=multiclass."))
    elif settings.task == "multiclass" and task == "binary":
        rule = f"must fit what column '{name}' holds: two classes are binary"
        problems.append(Problem("data.task", rule, got="multiclass", mend="Type data.task=binary."))
    return Targets(task, tuple(labels), values, tuple(problems))


def _key(label: str, settings: Settings) -> Any:
    value = number(label, settings.decimal)
    return (1, 0.0, label) if value is None else (0, value, label)
