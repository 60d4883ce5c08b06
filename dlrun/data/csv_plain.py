"""The rows of a large CSV file, most of them read by pandas: where a stretch of it holds plain numbers, that is several
times faster than cell by cell, and the same.

What is plain is decided so narrowly that there is nothing to tell of it: no quotes, as many cells in every row as in
the header, a finite number in every column to learn from. All else is cut and judged as in a small file.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from dlrun.data.csv_cells import LARGEST
from dlrun.data.csv_layout import Layout, Settings
from dlrun.data.csv_text import MAX_LINE, Record, records, records_in

__all__ = ["Plain", "batches"]

_SMALLEST = 2**25  # bytes: a smaller file is read before pandas is imported
_STRETCH = 2**22  # bytes that are looked at together
_BATCH = 4096  # records


@dataclass(frozen=True)
class Plain:
    """A stretch of plain rows.

    Attributes:
        rows: how many.
        line: the line that the first stands on.
        columns: by place: float64 arrays of those to learn from, the cells of the target.
        has_fractions: whether a decimal sign is in it.
    """

    rows: int
    line: int
    columns: dict[int, Any]
    has_fractions: bool


def batches(path: Path, separator: str, layout: Layout, settings: Settings) -> Iterator[Plain | list[Record]]:
    """All records below the header, in order.

    Raises:
        Malformed, UnicodeDecodeError, OSError: as `csv_text.records`.
    """
    if settings.decimal == "point" and len(layout.names) > 1 and path.stat().st_size >= _SMALLEST:
        yield from _stretches(path, separator, layout)
    else:
        yield from _below_header(path, separator)


def _below_header(path: Path, separator: str) -> Iterator[list[Record]]:
    rows = records(path, separator)
    next(rows, None)
    yield from _batched(rows)


def _batched(rows: Iterator[Record]) -> Iterator[list[Record]]:
    while batch := list(islice(rows, _BATCH)):
        yield batch


def _stretches(path: Path, separator: str, layout: Layout) -> Iterator[Plain | list[Record]]:
    begin, _ = next(records(path, separator))
    with path.open("rb") as file:
        header, line = file.readline(MAX_LINE), 2
        if begin > 1 or _is_odd(header):
            yield from _below_header(path, separator)
            return
        while stretch := file.read(_STRETCH) + file.readline(MAX_LINE):
            if _is_odd(stretch):  # an open quote may reach beyond the stretch
                file.seek(-len(stretch), os.SEEK_CUR)
                yield from _batched(records_in(io.TextIOWrapper(file, "utf-8", newline=""), separator, line))
                return
            if (plain := _parsed(stretch, separator, layout, line)) is not None:
                yield plain
            else:
                yield from _batched(records_in(io.StringIO(stretch.decode(), newline=""), separator, line))
            line += stretch.count(b"\n")


def _is_odd(stretch: bytes) -> bool:
    """Whether a line of the text may not be a record."""
    if b'"' in stretch or b"\0" in stretch or stretch.count(b"\r") != stretch.count(b"\r\n"):
        return True
    return not stretch.endswith(b"\n") and len(stretch) >= MAX_LINE


def _parsed(stretch: bytes, separator: str, layout: Layout, line: int) -> Plain | None:
    """The rows of whole lines; None where they are not plain."""
    import numpy as np
    import pandas as pd

    width, lines = len(layout.names), stretch.count(b"\n") + (not stretch.endswith(b"\n"))
    if stretch.count(separator.encode()) != lines * (width - 1):
        return None
    types = dict.fromkeys(range(width), object) | dict.fromkeys(layout.features, np.float64)
    try:
        table = pd.read_csv(
            io.BytesIO(stretch),
            sep=separator,
            header=None,
            names=list(range(width)),
            index_col=False,
            dtype=types,
            na_filter=False,
            quoting=3,
            skipinitialspace=True,
            low_memory=False,
        )
    except (ValueError, pd.errors.ParserError):
        return None
    columns = {place: table[place].to_numpy() for place in layout.used}
    features = [columns[place] for place in layout.features]
    if len(table) != lines or not all(np.abs(column).max() <= LARGEST for column in features):  # NaN is not
        return None
    cells = {place: column.tolist() for place, column in columns.items() if place == layout.target}
    if not all(isinstance(cell, str) for each in cells.values() for cell in each):  # a row is too short
        return None
    return Plain(lines, line, {**columns, **cells}, b"." in stretch)
