"""One pass over a CSV file: what its columns hold, counted and with the first place of everything unusual."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from dlrun.data.csv_cells import LARGEST, SIGNS, flag_or_number, is_missing, number, numbers
from dlrun.data.csv_layout import Layout, Settings
from dlrun.data.csv_numerals import count_looks
from dlrun.data.csv_plain import Plain
from dlrun.data.csv_text import Record

__all__ = ["MOST_CLASSES", "ColumnSurvey", "Finding", "Survey", "blocks", "survey"]

MOST_CLASSES = 1000
"""Targets with more distinct labels are no classes; beyond it labels are no longer collected."""


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

    def add(self, row: int, line: int, value: str) -> None:
        """Count one more."""
        if self.count == 0:
            self.row, self.line, self.value = row, line, value
        self.count += 1


@dataclass
class ColumnSurvey:
    """What a column holds beside finite numbers.

    Attributes:
        text: cells that are neither a number nor missing.
        looks: how those read as numbers, counted; see `csv_numerals`.
        infinite: infinite numbers, and such as float32 does not hold.
    """

    missing: Finding = field(default_factory=Finding)
    text: Finding = field(default_factory=Finding)
    infinite: Finding = field(default_factory=Finding)
    looks: Counter[str] = field(default_factory=Counter)


@dataclass
class Survey:
    """What a file holds.

    Attributes:
        rows: records below the header, ragged ones included.
        samples: rows that can be used: not ragged and, where `missing=drop_rows`, without a missing cell.
        ragged: rows that are longer or shorter than the header.
        columns: of features and target, by their place.
        labels: distinct cells of the target, trimmed, missing ones left out; at most `MOST_CLASSES` and one.
        has_fractions: whether numbers have the decimal sign that the config says.
    """

    columns: dict[int, ColumnSurvey]
    rows: int = 0
    samples: int = 0
    ragged: Finding = field(default_factory=Finding)
    labels: set[str] = field(default_factory=set)
    has_fractions: bool = False


@dataclass(frozen=True)
class Block:
    """Usable rows that follow one another: their numbers from 1, the lines they start on, their cells by column.

    Of plain rows the numbers to learn from are in arrays.
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
    for block in blocks(batches, layout, settings, found):
        for place in layout.features:
            if not _holds_numbers_only(block.columns[place], settings, found):
                _look_at_feature(block, place, settings, found)
        if layout.target is not None:
            _look_at_target(block, layout.target, settings, found)
    return found


def blocks(batches: Iterable[Batch], layout: Layout, settings: Settings, found: Survey) -> Iterator[Block]:
    """The usable rows in blocks, in order; rows and what makes them unusable are counted in `found`."""
    width = len(layout.names)
    for block in batches:
        if isinstance(block, Plain):
            numbered = range(found.rows + 1, found.rows + block.rows + 1)
            found.rows += block.rows
            found.samples += block.rows
            found.has_fractions = found.has_fractions or block.has_fractions
            yield Block(numbered, range(block.line, block.line + block.rows), block.columns)
            continue
        rows, lines, usable = [], [], []
        for row, (line, cells) in enumerate(block, start=found.rows + 1):
            if len(cells) != width:
                found.ragged.add(row, line, str(len(cells)))
            elif settings.missing != "drop_rows" or not any(is_missing(cells[place]) for place in layout.used):
                rows.append(row)
                lines.append(line)
                usable.append(cells)
        found.rows += len(block)
        found.samples += len(usable)
        if usable:
            yield Block(rows, lines, dict(enumerate(zip(*usable, strict=True))))


def _look_at_feature(block: Block, place: int, settings: Settings, found: Survey) -> None:
    column = found.columns[place]
    for row, line, cell in zip(block.rows, block.lines, block.columns[place], strict=True):
        if is_missing(cell):
            column.missing.add(row, line, cell)
        else:
            _judge(flag_or_number(cell, settings.decimal), (row, line, cell), column, settings, found)


def _look_at_target(block: Block, place: int, settings: Settings, found: Survey) -> None:
    cells = block.columns[place]
    column = found.columns[place]
    if not _holds_numbers_only(cells, settings, found):
        for row, line, cell in zip(block.rows, block.lines, cells, strict=True):
            if is_missing(cell):
                column.missing.add(row, line, cell)
            else:
                _judge(number(cell, settings.decimal), (row, line, cell), column, settings, found)
    if len(found.labels) <= MOST_CLASSES:
        distinct = {cell.strip() for cell in set(cells) if not is_missing(cell)} - found.labels
        found.labels.update(islice(distinct, MOST_CLASSES + 1 - len(found.labels)))


def _holds_numbers_only(cells: Sequence[str], settings: Settings, found: Survey) -> bool:
    if not isinstance(cells, list | tuple):  # an array of a plain stretch
        return True
    if numbers(cells, settings.decimal) is None:
        return False
    if not found.has_fractions:
        found.has_fractions = SIGNS[settings.decimal] in "".join(cells)
    return True


def _judge(
    value: float | None, place: tuple[int, int, str], column: ColumnSurvey, settings: Settings, found: Survey
) -> None:
    if value is None:
        column.text.add(*place)
        count_looks(place[2], column.looks)
        return
    found.has_fractions = found.has_fractions or SIGNS[settings.decimal] in place[2]
    if abs(value) > LARGEST:
        column.infinite.add(*place)
