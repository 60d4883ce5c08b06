"""The rows of a large CSV file, most of them read by pandas: where a stretch of it holds plain numbers, that is several
times faster than cell by cell, and the same.

What is plain is decided so narrowly that there is little to tell of it: no quotes, as many cells in every row as in
the header, a finite number or nothing in every column of numbers. All else is cut and judged as in a small file.
"""

from __future__ import annotations

import io
import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from dlrun.data.tables.csv_text import MAX_LINE, SPACE, Record, records, records_in
from dlrun.data.tables.layout import Layout, Settings
from dlrun.serving.served_cells import LARGEST, MISSING, is_missing

__all__ = ["Plain", "batches"]

_SMALLEST = 2**25  # bytes: a smaller file is read before pandas is imported
_STRETCH = 2**22  # bytes that are looked at together
# in other cases than these they are met cell by cell
_SPELLINGS = ("NaN", *(each for word in MISSING for each in (word, word.upper(), word.title())))
_BATCH = 4096  # records


@dataclass(frozen=True)
class Plain:
    """A stretch of plain rows.

    Attributes:
        rows: how many.
        line: the line that the first stands on.
        columns: by place: float64 arrays of numbers, NaN where one is missing; cells of all else.
        has_fractions: whether a decimal sign is in it.
    """

    rows: int
    line: int
    columns: dict[int, Any]
    has_fractions: bool

    def without_gaps(self, needed: Sequence[int], words: Collection[str]) -> Plain:
        """The rows in which no `needed` column is missing."""
        import numpy as np

        gaps = np.zeros(self.rows, bool)
        for place in needed:
            cells = self.columns[place]
            gaps |= [is_missing(cell, words) for cell in cells] if isinstance(cells, list) else np.isnan(cells)
        if not gaps.any():
            return self
        kept = np.flatnonzero(~gaps).tolist()
        columns = {
            place: [cells[i] for i in kept] if isinstance(cells, list) else cells[kept]
            for place, cells in self.columns.items()
        }
        return Plain(len(kept), self.line, columns, self.has_fractions)


def batches(path: Path, separator: str, layout: Layout, settings: Settings) -> Iterator[Plain | list[Record]]:
    """All records below the header, in order.

    Raises:
        Malformed, UnicodeDecodeError, OSError: as `csv_text.records`.
    """
    is_cut_plainly = settings.decimal == "point" and separator != SPACE and len(layout.names) > 1
    if is_cut_plainly and path.stat().st_size >= _SMALLEST:
        yield from _stretches(path, separator, layout, settings)
    else:
        yield from _below_header(path, separator)


def _below_header(path: Path, separator: str) -> Iterator[list[Record]]:
    rows = records(path, separator)
    next(rows, None)
    yield from _batched(rows)


def _batched(rows: Iterator[Record]) -> Iterator[list[Record]]:
    while batch := list(islice(rows, _BATCH)):
        yield batch


def _stretches(path: Path, separator: str, layout: Layout, settings: Settings) -> Iterator[Plain | list[Record]]:
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
            if (plain := _parsed(stretch, separator, layout, settings, line)) is not None:
                yield plain
            else:
                yield from _batched(records_in(io.StringIO(stretch.decode(), newline=""), separator, line))
            line += stretch.count(b"\n")


def _is_odd(stretch: bytes) -> bool:
    """Whether a line of the text may not be a record."""
    if b'"' in stretch or b"\0" in stretch or stretch.count(b"\r") != stretch.count(b"\r\n"):
        return True
    return not stretch.endswith(b"\n") and len(stretch) >= MAX_LINE


def _parsed(stretch: bytes, separator: str, layout: Layout, settings: Settings, line: int) -> Plain | None:
    """The rows of whole lines; None where they are not plain."""
    import numpy as np
    import pandas as pd

    width, lines = len(layout.names), stretch.count(b"\n") + (not stretch.endswith(b"\n"))
    if stretch.count(separator.encode()) != lines * (width - 1):
        return None
    absent: Any = {place: [*_SPELLINGS, *settings.missing_words] for place in layout.numbers}
    types = dict.fromkeys(range(width), object) | dict.fromkeys(layout.numbers, np.float64)
    try:
        table = pd.read_csv(
            io.BytesIO(stretch),
            sep=separator,
            header=None,
            names=list(range(width)),
            index_col=False,
            dtype=types,
            keep_default_na=False,
            na_values=absent,
            quoting=3,
            skipinitialspace=True,
            low_memory=False,
        )
    except (ValueError, pd.errors.ParserError):
        return None
    columns = {place: table[place].to_numpy() for place in layout.used}
    found = [columns[place] for place in layout.numbers]
    if len(table) != lines or any((np.abs(column) > LARGEST).any() for column in found):
        return None
    cells = {place: column.tolist() for place, column in columns.items() if place not in layout.numbers}
    if not all(isinstance(cell, str) for each in cells.values() for cell in each):  # a row is too short
        return None
    return Plain(lines, line, {**columns, **cells}, b"." in stretch)
