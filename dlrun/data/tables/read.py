"""Load a table that has been looked at: columns to learn from, classes or numbers to predict."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from dlrun.data.dataset import Content
from dlrun.data.stored import Stored
from dlrun.data.tables.formats import open_table
from dlrun.data.tables.inspect import Inspection, look_at
from dlrun.data.tables.kept import entry_of
from dlrun.data.tables.layout import Layout, Settings
from dlrun.data.tables.reading import Reading
from dlrun.data.tables.stream import Pieces, is_too_large, joined, stored
from dlrun.data.tables.survey import Survey, blocks
from dlrun.data.tables.target import Target
from dlrun.errors import DataError, Problem, TrainingProblem
from dlrun.serving.served_cells import as_text, number

__all__ = ["read"]


def read(path: str, format: str, stream: bool | str = False, cache: str | None = None, **settings: Any) -> Content:
    """The samples in a table, in its order.

    Records are cut and cells are read as they were when the file was looked at, block by block, so that a file of
    many rows is never held as text.

    Args:
        path: the file.
        format: `csv`, `jsonl` or `parquet`.
        stream: whether the samples stay in a file, in their converted form; `auto` where memory is too small for them.
        cache: the folder for that.
        settings: the other parameters of conf/data/parquet.yaml and csv.yaml.

    Returns:
        x: float32 of shape (rows, cells), an array or a `Stored`; y: int64 class indices or float32 values, of
            shape (rows,).

    Raises:
        DataError: the file cannot be used: all its problems.
        StorageError: the converted form cannot be written.
        OSError: there is no such file.
    """
    file, chosen = Path(path), Settings.of(settings, format)
    folder = None if cache is None else Path(cache)
    entry = entry_of(folder, file, chosen) if folder is not None and stream else None
    found = look_at(file, chosen, folder)
    if found.layout is None or any(not isinstance(problem, TrainingProblem) for problem in found.problems):
        raise DataError(found.problems)
    pieces = _pieces(file, found, found.layout, chosen)
    x: np.ndarray | Stored
    if entry is not None and not found.problems and (stream != "auto" or is_too_large(found)):
        x, sides = stored(entry, found, _of_one_content(pieces, file, chosen, entry))
    else:
        each = list(pieces)
        x, sides = np.concatenate([samples for samples, _ in each]), joined([beside for _, beside in each])
    texts = tuple(sides["texts"].tolist()) if "texts" in sides else ()
    return Content(
        x,
        sides["y"],
        found.target.classes,
        columns=found.columns,
        texts=texts,
        groups=_numbered(sides.get("groups")),
        times=sides.get("times"),
    )


def _numbered(words: np.ndarray | None) -> np.ndarray | None:
    return None if words is None else np.unique(words, return_inverse=True)[1].reshape(-1)


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
    """Samples and what goes with them, block after block."""
    reading, read = Reading(found.columns, chosen), 0
    source = open_table(file, chosen)
    for block in blocks(source.batches(layout, chosen), layout, chosen, Survey({})):
        cells = [block.columns[place] for place in layout.features]
        samples, texts = reading.samples(cells, first_text=read)
        read += len(texts)
        sides = {"y": _labels(block.columns, layout, found.target, chosen.decimal)}
        if reading.has_texts:
            sides["texts"] = np.array(texts, dtype=object)  # of type str each would take as much as the longest
        if layout.group is not None:
            sides["groups"] = np.array([as_text(cell) for cell in block.columns[layout.group]], dtype=object)
        if layout.time is not None and found.time is not None:
            sides["times"] = reading.times(block.columns[layout.time], found.time)
        yield samples, sides


def _labels(columns: Mapping[int, Any], layout: Layout, target: Target, decimal: str) -> np.ndarray:
    assert layout.target is not None  # a file without one has a problem
    cells = list(columns[layout.target])
    texts = {cell: as_text(cell) for cell in set(cells)}
    if target.task == "regression":
        values = {cell: number(text, decimal) for cell, text in texts.items()}
        return np.array([values[cell] for cell in cells], dtype=np.float32)
    if target.values:
        index_of_value = {value: index for index, value in enumerate(target.values)}
        index = {cell: index_of_value[number(text, decimal) or 0.0] for cell, text in texts.items()}
    else:
        index_of_text = {name: place for place, name in enumerate(target.classes)}
        index = {cell: index_of_text[text] for cell, text in texts.items()}
    return np.array([index[cell] for cell in cells], dtype=np.int64)
