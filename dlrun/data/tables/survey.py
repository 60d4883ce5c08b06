"""One pass over a CSV file: what its columns hold, counted and with the first place of everything unusual."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from dlrun.data.tables.csv_plain import Plain
from dlrun.data.tables.csv_text import Record
from dlrun.data.tables.dates import plain_dates
from dlrun.data.tables.layout import Layout, Settings
from dlrun.data.tables.numerals import count_looks
from dlrun.serving.served_cells import (
    FORMATS,
    ISO,
    LARGEST,
    SIGNS,
    as_text,
    flag_or_number,
    is_missing,
    number,
    numbers,
    parsed_date,
)

__all__ = ["MOST_CLASSES", "MOST_WORDS", "ColumnSurvey", "Finding", "Survey", "blocks", "survey"]

MOST_CLASSES = 1000
"""Targets with more distinct labels are no classes; beyond it labels are no longer collected."""


MOST_WORDS = 100_000
"""A category with more different words is none; beyond it words are no longer collected."""

Batch = Plain | list[Record]


@dataclass
class Finding:
    """How often something was met, and where first.

    Attributes:
        row: the sample it was met in first, from 1.
        line: the line of the file that the sample starts on.
        value: the cell, or how many cells the row has.
    """

    count: int = 0
    row: int = 0
    line: int = 0
    value: str = ""

    def add(self, row: int, line: int, value: str, count: int = 1) -> None:
        """Count one more, or as many as there are of it in a block."""
        if self.count == 0:
            self.row, self.line, self.value = row, line, value
        self.count += count


@dataclass
class ColumnSurvey:
    """What a column holds beside finite numbers.

    Attributes:
        text: cells that are neither a number nor missing.
        looks: how those read as numbers, counted; see `numerals`.
        infinite: infinite numbers, and such as float32 does not hold.
        values: cells that are not missing.
        words: how often each different cell is there, trimmed; of a column of numbers those that were looked at one
            by one alone. At most `MOST_WORDS` and one.
        unseen: numbers that were read many at a time: they are not among the words.
        written: the ways of writing a date that every cell of text keeps to; None before the first of them.
    """

    missing: Finding = field(default_factory=Finding)
    text: Finding = field(default_factory=Finding)
    infinite: Finding = field(default_factory=Finding)
    looks: Counter[str] = field(default_factory=Counter)
    values: int = 0
    words: Counter[str] = field(default_factory=Counter)
    unseen: int = 0
    written: tuple[str, ...] | None = None


@dataclass
class Survey:
    """What a file holds.

    Attributes:
        rows: records below the header, ragged ones included.
        samples: rows that can be used: not ragged and, where `missing=drop_rows`, without a missing cell.
        ragged: rows that are longer or shorter than the header; `widths`: how many cells such rows have.
        columns: of all that are used, by their place.
        labels: distinct cells of the target, trimmed, missing ones left out; at most `MOST_CLASSES` and one.
        has_fractions: whether numbers have the decimal sign that the config says.
    """

    columns: dict[int, ColumnSurvey]
    rows: int = 0
    samples: int = 0
    ragged: Finding = field(default_factory=Finding)
    widths: set[int] = field(default_factory=set)
    labels: set[str] = field(default_factory=set)
    has_fractions: bool = False


@dataclass(frozen=True)
class Block:
    """Usable rows that follow one another: their numbers from 1, the lines they start on, their cells by column.

    Of plain rows the numbers to learn from are in arrays, NaN where one is missing.
    """

    rows: Sequence[int]
    lines: Sequence[int]
    columns: Mapping[int, Any]


def survey(batches: Iterable[Batch], layout: Layout, settings: Settings) -> Survey:
    """Look at every record below the header.

    Raises:
        Malformed, UnicodeDecodeError, OSError: as `csv_plain.batches`, whose outcome is read here.
    """
    found = Survey({place: ColumnSurvey() for place in layout.used})
    others = [place for place in layout.used if place != layout.target or place in layout.features]
    for block in blocks(batches, layout, settings, found):
        for place in others:
            _look_at_column(block, place, place in layout.words, settings, found)
        if layout.target is not None:
            _look_at_target(block, layout.target, settings, found)
    return found


def blocks(batches: Iterable[Batch], layout: Layout, settings: Settings, found: Survey) -> Iterator[Block]:
    """The usable rows in blocks, in order; rows and what makes them unusable are counted in `found`."""
    width, needed = len(layout.names), _needed(layout, settings)
    for block in batches:
        if isinstance(block, Plain):
            found.rows += block.rows
            block = block.without_gaps(needed, settings.missing_words)
            numbered = range(found.rows - block.rows + 1, found.rows + 1)
            found.samples += block.rows
            found.has_fractions = found.has_fractions or block.has_fractions
            yield Block(numbered, range(block.line, block.line + block.rows), block.columns)
            continue
        rows, lines, usable = [], [], []
        for row, (line, cells) in enumerate(block, start=found.rows + 1):
            if len(cells) != width:
                found.ragged.add(row, line, str(len(cells)))
                found.widths.add(len(cells))
            elif not any(is_missing(cells[place], settings.missing_words) for place in needed):
                rows.append(row)
                lines.append(line)
                usable.append(cells)
        found.rows += len(block)
        found.samples += len(usable)
        if usable:
            yield Block(rows, lines, dict(enumerate(zip(*usable, strict=True))))


def _needed(layout: Layout, settings: Settings) -> tuple[int, ...]:
    """The columns without which a row is left out."""
    if settings.missing == "drop_rows":
        return layout.used
    return (layout.target,) if settings.missing == "drop_unlabelled" and layout.target is not None else ()


def _look_at_column(block: Block, place: int, as_words: bool, settings: Settings, found: Survey) -> None:
    cells, column = block.columns[place], found.columns[place]
    if not isinstance(cells, list | tuple):  # an array of a plain stretch
        _look_at_array(block, cells, column)
    elif not as_words and _are_numbers(cells, settings, found):
        column.values += len(cells)
        column.unseen += len(cells)
    else:
        _look_at_cells(block, cells, column, settings, found)


def _look_at_array(block: Block, cells: Any, column: ColumnSurvey) -> None:
    import numpy as np

    for finding, where in ((column.missing, np.isnan(cells)), (column.infinite, np.abs(cells) > LARGEST)):
        if count := int(where.sum()):
            first = int(where.argmax())
            value = "" if finding is column.missing else str(cells[first])
            finding.add(block.rows[first], block.lines[first], value, count)
    present = len(cells) - int(np.isnan(cells).sum())
    column.values += present
    column.unseen += present


def _look_at_cells(block: Block, cells: Sequence[str], column: ColumnSurvey, settings: Settings, found: Survey) -> None:
    """Each different cell is judged once, at the place where it comes first."""
    if column.written == (ISO,) and column.text.count == column.values and plain_dates(cells) is not None:
        column.values += len(cells)
        column.text.add(block.rows[0], block.lines[0], cells[0], len(cells))
        return
    first: dict[str, int] = {}
    for index, cell in enumerate(cells):
        first.setdefault(cell, index)
    counts = Counter(cells)
    for cell, index in first.items():
        place, count = (block.rows[index], block.lines[index], cell), counts[cell]
        if is_missing(cell, settings.missing_words):
            column.missing.add(*place, count)
            continue
        column.values += count
        word = cell.strip()
        if word in column.words or len(column.words) <= MOST_WORDS:
            column.words[word] += count
        _judge(flag_or_number(cell, settings.decimal), place, count, column, settings, found)


def _look_at_target(block: Block, place: int, settings: Settings, found: Survey) -> None:
    cells = [cell if isinstance(cell, str) else as_text(cell) for cell in block.columns[place]]
    column = found.columns[place]
    if not _are_numbers(cells, settings, found):
        for row, line, cell in zip(block.rows, block.lines, cells, strict=True):
            if is_missing(cell, settings.missing_words):
                column.missing.add(row, line, cell)
            else:
                _judge(number(cell, settings.decimal), (row, line, cell), 1, column, settings, found)
    if len(found.labels) <= MOST_CLASSES:
        distinct = {cell.strip() for cell in set(cells) if not is_missing(cell, settings.missing_words)} - found.labels
        found.labels.update(islice(distinct, MOST_CLASSES + 1 - len(found.labels)))


def _are_numbers(cells: Sequence[str], settings: Settings, found: Survey) -> bool:
    if numbers(cells, settings.decimal) is None:
        return False
    if not found.has_fractions:
        found.has_fractions = SIGNS[settings.decimal] in "".join(cells)
    return True


def _judge(
    value: float | None,
    place: tuple[int, int, str],
    count: int,
    column: ColumnSurvey,
    settings: Settings,
    found: Survey,
) -> None:
    if value is None:
        column.text.add(*place, count)
        if column.written != ():
            known = FORMATS if column.written is None else column.written
            column.written = tuple(way for way in known if parsed_date(place[2], way) is not None)
        if not column.written:  # a date is no number written in another way
            count_looks(place[2], column.looks, count)
        return
    found.has_fractions = found.has_fractions or SIGNS[settings.decimal] in place[2]
    if abs(value) > LARGEST:
        column.infinite.add(*place, count)
