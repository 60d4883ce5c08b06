"""Load a CSV file that has been looked at: numbers to learn from, classes or numbers to predict."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from dlrun.data.csv_cells import flag_or_number, number, numbers
from dlrun.data.csv_inspect import Inspection, look_at
from dlrun.data.csv_kept import entry_of
from dlrun.data.csv_layout import Layout, Settings
from dlrun.data.csv_plain import batches
from dlrun.data.csv_stream import Pieces, is_too_large, stored
from dlrun.data.csv_survey import Survey, blocks
from dlrun.data.csv_target import Target
from dlrun.data.dataset import Content
from dlrun.data.stored import Stored
from dlrun.errors import DataError, Problem

__all__ = ["read"]


def read(path: str, stream: bool | str = False, cache: str | None = None, **settings: Any) -> Content:
    """The samples in a CSV file, in its order.

    Records are cut and cells are read as they were when the file was looked at, block by block, so that a file of
    many rows is never held as text.

    Args:
        path: the file.
        stream: whether the samples stay in a file, in their converted form; `auto` where memory is too small for them.
        cache: the folder for that.
        settings: the other parameters of conf/data/csv.yaml.

    Returns:
        x: float32 of shape (rows, features), an array or a `Stored`; y: int64 class indices or float32 values, of
            shape (rows,).

    Raises:
        DataError: the file cannot be used: all its problems.
        StorageError: the converted form cannot be written.
        OSError: there is no such file.
    """
    file, chosen = Path(path), Settings.of(settings)
    folder = None if cache is None else Path(cache)
    entry = entry_of(folder, file, chosen) if folder is not None and stream else None
    found = look_at(file, chosen, folder)
    if found.problems or found.layout is None:
        raise DataError(found.problems)
    pieces = _pieces(file, found, found.layout, chosen)
    x: np.ndarray | Stored
    if entry is not None and (stream != "auto" or is_too_large(found)):
        x, y = stored(entry, found, _of_one_content(pieces, file, chosen, entry))
    else:
        x, y = map(np.concatenate, zip(*pieces, strict=True))
    names = tuple(found.layout.names[place] for place in found.layout.features)
    return Content(x, y, found.target.classes, names)


def _of_one_content(pieces: Pieces, file: Path, chosen: Settings, entry: Path) -> Pieces:
    """The pieces, refused where the file is no longer what its entry is named by: it would be kept under that name."""
    try:
        yield from pieces
    except Exception:  # raised again, whatever it is: an edit may show as any error, and is told in that one's place
        _require_unchanged(file, chosen, entry)
        raise
    _require_unchanged(file, chosen, entry)


def _require_unchanged(file: Path, chosen: Settings, entry: Path) -> None:
    if not file.is_file() or entry_of(entry.parent, file, chosen) != entry:
        rule, mend = "must not change while it is read", "Type the command again."
        raise DataError([Problem("data.path", rule, mend=mend, place=str(file))])


def _pieces(file: Path, found: Inspection, layout: Layout, chosen: Settings) -> Pieces:
    """Samples and labels, block after block."""
    for block in blocks(batches(file, found.separator, layout, chosen), layout, chosen, Survey({})):
        samples = _samples(block.columns, layout, chosen.decimal)
        yield samples, _labels(block.columns, layout, found.target, chosen.decimal)


def _samples(columns: Mapping[int, Any], layout: Layout, decimal: str) -> np.ndarray:
    samples = np.empty((len(columns[layout.features[0]]), len(layout.features)), np.float32)
    for column, place in zip(samples.T, layout.features, strict=True):
        column[:] = _numbers(columns[place], decimal)
    return samples


def _numbers(cells: Any, decimal: str) -> Any:
    if isinstance(cells, np.ndarray):  # of a plain stretch
        return cells
    return numbers(cells, decimal) or [flag_or_number(cell, decimal) for cell in cells]


def _labels(columns: Mapping[int, Any], layout: Layout, target: Target, decimal: str) -> np.ndarray:
    assert layout.target is not None  # a file without one has a problem
    cells = columns[layout.target]
    if target.task == "regression":
        return np.array([number(cell, decimal) for cell in cells], dtype=np.float32)
    if target.values:
        index_of_value = {value: index for index, value in enumerate(target.values)}
        return np.array([index_of_value[number(cell, decimal) or 0.0] for cell in cells], dtype=np.int64)
    index_of_text = {name: index for index, name in enumerate(target.classes)}
    return np.array([index_of_text[cell.strip()] for cell in cells], dtype=np.int64)
