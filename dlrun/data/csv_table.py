"""Load a CSV file that has been looked at: numbers to learn from, classes or numbers to predict."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dlrun.data.csv_cells import flag_or_number, number, numbers
from dlrun.data.csv_inspect import look_at
from dlrun.data.csv_layout import Layout, Settings
from dlrun.data.csv_survey import Survey, blocks
from dlrun.data.csv_target import Target
from dlrun.data.csv_text import records
from dlrun.data.dataset import Content
from dlrun.errors import DataError

__all__ = ["read"]


def read(path: str, **settings: Any) -> Content:
    """The samples in a CSV file, in its order.

    Records are cut and cells are read as they were when the file was looked at, block by block, so that a file of
    many rows is never held as text.

    Args:
        path: the file.
        settings: the other parameters of conf/data/csv.yaml.

    Returns:
        x: float32 of shape (rows, features); y: int64 class indices or float32 values, of shape (rows,).

    Raises:
        DataError: the file cannot be used: all its problems.
        OSError: there is no such file.
    """
    file, chosen = Path(path), Settings.of(settings)
    found = look_at(file, chosen)
    if found.problems or found.layout is None:
        raise DataError(found.problems)
    rows = records(file, found.separator)
    next(rows)  # the header
    x, y = [], []
    for block in blocks(rows, found.layout, chosen, Survey({})):
        x.append(_samples(block.columns, found.layout, chosen.decimal))
        y.append(_labels(block.columns, found.layout, found.target, chosen.decimal))
    names = tuple(found.layout.names[place] for place in found.layout.features)
    return Content(np.concatenate(x), np.concatenate(y), found.target.classes, names)


def _samples(columns: Sequence[Sequence[str]], layout: Layout, decimal: str) -> np.ndarray:
    values = [numbers(columns[place], decimal) or _one_by_one(columns[place], decimal) for place in layout.features]
    return np.array(values, dtype=np.float32).T


def _one_by_one(cells: Sequence[str], decimal: str) -> list[float | None]:
    return [flag_or_number(cell, decimal) for cell in cells]


def _labels(columns: Sequence[Sequence[str]], layout: Layout, target: Target, decimal: str) -> np.ndarray:
    assert layout.target is not None  # a file without one has a problem
    cells = columns[layout.target]
    if target.task == "regression":
        return np.array([number(cell, decimal) for cell in cells], dtype=np.float32)
    if target.values:
        index_of_value = {value: index for index, value in enumerate(target.values)}
        return np.array([index_of_value[number(cell, decimal) or 0.0] for cell in cells], dtype=np.int64)
    index_of_text = {name: index for index, name in enumerate(target.classes)}
    return np.array([index_of_text[cell.strip()] for cell in cells], dtype=np.int64)
