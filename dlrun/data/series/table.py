"""The rows of a series' file in their order: numbers as arrays, times, groups and targets as their cells."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlrun.data.series.roles import Roles, roles_of
from dlrun.data.series.settings import Settings
from dlrun.data.tables.csv_text import SEPARATORS, find_separator, records
from dlrun.data.tables.survey import Finding
from dlrun.serving.served_cells import LARGEST, flag_or_number, is_missing, numbers

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Table", "read_table", "reader_of"]

_BATCH = 4096  # records


@dataclass
class Table:
    """What the file holds.

    Attributes:
        rows: usable ones.
        lines: the line of the file that each row starts on.
        values: of the columns to learn from, float32 of shape (rows,) by place; NaN where a cell is empty.
        cells: of time, group and targets, as text, by place.
        ragged, text, missing, infinite: what cannot be used, counted, with the first of each; by place.
    """

    roles: Roles
    rows: int = 0
    lines: list[int] = field(default_factory=list)
    values: dict[int, np.ndarray] = field(default_factory=dict)
    cells: dict[int, list[str]] = field(default_factory=dict)
    ragged: Finding = field(default_factory=Finding)
    text: dict[int, Finding] = field(default_factory=dict)
    missing: dict[int, Finding] = field(default_factory=dict)
    infinite: dict[int, Finding] = field(default_factory=dict)


@dataclass(frozen=True)
class _Chunk:
    """Rows that follow one another; `columns` holds cells as text, or numbers as an array, by place."""

    lines: Sequence[int]
    columns: dict[int, Any]


def read_table(path: Path, settings: Settings, file: str) -> Table | None:
    """Read the file through; None where it has no header.

    Raises:
        Malformed, UnicodeDecodeError, OSError: the file cannot be read as a table.
    """
    import numpy as np

    reader = reader_of(path)
    if reader is not None:
        table = Table(roles_of(reader.header(path), settings, file, 1))
        blocks = reader.blocks(path, table.roles.used)
        chunks: Iterator[_Chunk] = (_Chunk(range(b.line, b.line + b.rows), b.columns) for b in blocks)
    else:
        rows = records(path, SEPARATORS.get(settings.separator) or find_separator(path))
        line, header = next(rows, (1, []))
        if not header:
            return None
        table = Table(roles_of(header, settings, file, line))
        chunks = _chunks(rows, table)
    roles = table.roles
    if roles.problems:
        return table
    kept = [place for place in (roles.time, roles.group, *roles.targets) if place is not None]
    table.cells = {place: [] for place in kept}
    parts: dict[int, list[np.ndarray]] = {place: [] for place in roles.features}
    for chunk in chunks:
        for place in kept:
            column = chunk.columns[place]
            table.cells[place] += column if isinstance(column, list | tuple) else map(_written, column.tolist())
        for place in roles.features:
            parts[place].append(_numbers(chunk, place, table, settings.decimal))
        table.lines += chunk.lines
        table.rows += len(chunk.lines)
    empty = [np.empty(0, np.float32)]
    table.values = {place: np.concatenate(pieces or empty) for place, pieces in parts.items()}
    return table


def reader_of(path: Path) -> Any:
    """What reads files of another format than CSV; None for CSV."""
    if path.suffix.lower() in (".parquet", ".pq"):
        from dlrun.data.tables import parquet

        return parquet
    if path.suffix.lower() in (".jsonl", ".ndjson"):
        from dlrun.data.tables import jsonl

        return jsonl
    return None


def _written(value: float) -> str:
    """A number of a column that is read as text: 3 for 3.0, '' for a missing one."""
    if math.isnan(value):
        return ""
    return str(int(value)) if math.isfinite(value) and value == int(value) else repr(value)


def _chunks(rows: Iterator[tuple[int, list[str]]], table: Table) -> Iterator[_Chunk]:
    """The records of a CSV file; ragged ones are counted and left out."""
    width, seen = len(table.roles.names), 0
    while batch := list(islice(rows, _BATCH)):
        for number, (line, cells) in enumerate(batch, start=seen + 1):
            if len(cells) != width:
                table.ragged.add(number, line, str(len(cells)))
        seen += len(batch)
        whole = [(line, cells) for line, cells in batch if len(cells) == width]
        if whole:
            columns = zip(*(cells for _, cells in whole), strict=True)
            yield _Chunk([line for line, _ in whole], dict(enumerate(columns)))


def _numbers(chunk: _Chunk, place: int, table: Table, decimal: str) -> np.ndarray:
    """The numbers of one column; what is none is counted."""
    import numpy as np

    cells = chunk.columns[place]
    if isinstance(cells, np.ndarray):
        is_plain = np.isfinite(cells).all() and abs(cells).max(initial=0) <= LARGEST
        cells = cells if is_plain else list(map(_written, cells.tolist()))
    if isinstance(cells, np.ndarray):
        return cells.astype(np.float32)
    if (found := numbers(cells, decimal)) is not None:
        return np.array(found, np.float32)
    values = np.full(len(cells), np.nan, np.float32)
    for i, cell in enumerate(cells):
        at = (table.rows + i + 1, chunk.lines[i], cell)
        if is_missing(cell):
            table.missing.setdefault(place, Finding()).add(*at)
        elif (value := flag_or_number(cell, decimal)) is None:
            table.text.setdefault(place, Finding()).add(*at)
        elif abs(value) > LARGEST:
            table.infinite.setdefault(place, Finding()).add(*at)
        else:
            values[i] = value
    return values
