"""The formats that a table may be kept in, each read in the same way: a header, then rows in batches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from dlrun.data.tables import csv_plain, no_csv
from dlrun.data.tables.csv_text import SEPARATORS, find_separator, records
from dlrun.data.tables.layout import Layout, Settings
from dlrun.errors import Problem
from dlrun.serving.served_cells import flag_or_number, is_missing

if TYPE_CHECKING:
    from dlrun.data.tables.survey import Batch

__all__ = ["TableFile", "fault_of", "open_table"]

_LOOKED_AT = 1000  # records: what a column holds shows in them most often


@dataclass(frozen=True)
class TableFile:
    """A file that can be read.

    Attributes:
        separator: the character between cells of a CSV file; empty for the formats that have none.
    """

    path: Path
    settings: Settings
    separator: str

    def header(self) -> tuple[int, list[str]]:
        """The line that names the columns, counted from 1, and the names; none of a file without content.

        Raises:
            Malformed, UnicodeDecodeError, OSError: the file cannot be read.
        """
        if self.separator:
            return next(records(self.path, self.separator), (1, []))
        return 1, _typed(self.settings).header(self.path)

    def batches(self, layout: Layout, settings: Settings) -> Iterator[Batch]:
        """All rows, in order; of columns in `layout.words` as text.

        Raises:
            Malformed, UnicodeDecodeError, OSError: the file cannot be read.
        """
        if self.separator:
            return csv_plain.batches(self.path, self.separator, layout, settings)
        blocks: Iterator[Batch] = _typed(self.settings).blocks(self.path, layout.used)
        return blocks

    def words_at_first(self, layout: Layout) -> set[int]:
        """Columns that hold text in the first rows of a CSV file: they need not be tried as numbers."""
        if not self.separator:
            return set()
        head = islice(records(self.path, self.separator), 1, _LOOKED_AT)
        rows = [cells for _, cells in head if len(cells) == len(layout.names)]
        return {place for place in layout.used if any(self._is_word(cells[place]) for cells in rows)}

    def _is_word(self, cell: str) -> bool:
        settings = self.settings
        return not is_missing(cell, settings.missing_words) and flag_or_number(cell, settings.decimal) is None


def open_table(path: Path, settings: Settings) -> TableFile:
    """The file, to be read as the config wants it.

    Raises:
        UnicodeDecodeError: it is not UTF-8.
        OSError: it cannot be read.
    """
    if settings.format != "csv":
        return TableFile(path, settings, "")
    return TableFile(path, settings, SEPARATORS.get(settings.separator) or find_separator(path))


def fault_of(path: Path, settings: Settings, file: str) -> Problem | None:
    """The problem of a file that is of another format, or broken as a whole.

    Args:
        file: the file, as messages show it.

    Raises:
        OSError: the file cannot be read.
    """
    if settings.format == "csv":
        return no_csv.no_csv(path, file)
    fault: Problem | None = _typed(settings).fault(path, file)
    return fault


def _typed(settings: Settings) -> ModuleType:
    """The module that reads a format whose cells have types."""
    from dlrun.data.tables import jsonl, parquet

    return {"jsonl": jsonl, "parquet": parquet}[settings.format]
