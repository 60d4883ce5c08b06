"""Tables of new rows: CSV, Parquet and JSON lines, read by what reads them for training."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

from dlrun.data.tables import jsonl, parquet
from dlrun.data.tables.csv_plain import Plain
from dlrun.data.tables.csv_text import SEPARATORS, Malformed, find_separator, in_utf8, records, undecodable
from dlrun.data.tables.layout import listed
from dlrun.data.tables.no_csv import no_csv
from dlrun.errors import DataError, Problem
from dlrun.workflows.new_data.finding import Tally
from dlrun.workflows.new_data.rows import Rows

__all__ = ["CsvTable", "TypedTable", "about_file", "table_of"]

_PARQUET = (".parquet", ".pq")
_JSON_LINES = (".jsonl", ".ndjson", ".json")
_READERS = {"parquet": parquet, "jsonl": jsonl}


def table_of(path: Path, file: str, separator: str = "auto") -> CsvTable | TypedTable:
    """The table in a file, by its suffix, else by its first byte.

    Args:
        file: the file, as messages show it.
        separator: of CSV: a name in `SEPARATORS`, or `auto`.

    Raises:
        DataError: the file is no table that can be read.
        OSError: it cannot be read at all.
    """
    with path.open("rb") as stream:
        head = stream.read(64)
    suffix = path.suffix.lower()
    if suffix in _PARQUET or head.startswith(b"PAR1"):
        return _typed("parquet", path, file)
    if suffix in _JSON_LINES or head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"["):
        return _typed("jsonl", path, file)
    return _csv(path, file, separator)


def about_file(problem: Problem) -> Problem:
    """The problem of a source, where the file was given by itself and not as `data.path`."""
    mend = problem.mend
    if mend is not None and "data." in mend:
        mend = mend.replace("data.separator=", "--separator ") if "data.separator" in mend else None
    return replace(problem, key="FILE" if problem.key == "data.path" else problem.key, mend=mend)


@dataclass
class TypedTable:
    """A file whose format says what is a number: Parquet or JSON lines."""

    path: Path
    file: str
    format: str
    names: tuple[str, ...]

    def batches(self, columns: Sequence[str], most: int) -> Iterator[Rows]:
        """See `Source`."""
        places = {name: self.names.index(name) for name in columns}
        first = 1
        try:
            for block in _READERS[self.format].blocks(self.path, tuple(places.values())):
                for begin in range(0, block.rows, most):
                    rows = _part(block, begin, min(begin + most, block.rows), places, first)
                    yield rows
                    first += len(rows)
        except DataError as error:
            raise DataError([about_file(problem) for problem in error.problems]) from error


def _part(block: Plain, begin: int, end: int, places: dict[str, int], first: int) -> Rows:
    cells: dict[str, Any] = {name: block.columns[place][begin:end] for name, place in places.items()}
    return Rows(first, range(block.line + begin, block.line + end), cells)


def _typed(format: str, path: Path, file: str) -> TypedTable:
    reader = _READERS[format]
    if (fault := reader.fault(path, file)) is not None:
        raise DataError([about_file(fault)])
    names = tuple(reader.header(path))
    _require_each_once(names, file)
    return TypedTable(path, file, format, names)


@dataclass
class CsvTable:
    """A file of text.

    Attributes:
        ragged: rows of more or fewer cells than the header, met so far: they are left out.
    """

    path: Path
    file: str
    separator: str
    names: tuple[str, ...]
    ragged: Tally = field(default_factory=Tally)

    def batches(self, columns: Sequence[str], most: int) -> Iterator[Rows]:
        """See `Source`."""
        self.ragged = Tally()
        places, width, first = {name: self.names.index(name) for name in columns}, len(self.names), 1
        found = records(self.path, self.separator)
        try:
            next(found, None)
            while batch := list(islice(found, most)):
                if any(len(cells) != width for _, cells in batch):
                    self._count_ragged(batch, first)
                    batch = [(line, cells) for line, cells in batch if len(cells) == width]
                table = list(zip(*(cells for _, cells in batch), strict=True))
                cells = {name: table[place] if table else () for name, place in places.items()}
                yield Rows(first, [line for line, _ in batch], cells)
                first += len(batch)
        except UnicodeDecodeError as error:
            raise DataError([_not_utf8(self.path, self.file)]) from error
        except Malformed as error:
            raise DataError([error.problem("FILE", self.file)]) from error

    def _count_ragged(self, batch: Sequence[tuple[int, list[str]]], first: int) -> None:
        for row, (line, cells) in enumerate(batch, start=first):
            if len(cells) != len(self.names):
                self.ragged.add(row + self.ragged.count, line, str(len(cells)))

    def problem(self) -> Problem | None:
        """That of its ragged rows, once it has been gone through."""
        if not self.ragged.count:
            return None
        cells = "1 cell" if self.ragged.cell == "1" else f"{self.ragged.cell} cells"
        others = "" if self.ragged.count == 1 else f" ({self.ragged.count} such rows)"
        rule = f"must have {len(self.names)} cells in every row, as its header has"
        mend = "A cell that holds the separator must stand in double quotes."
        got = f"{cells} in row {self.ragged.row}{others}"
        return Problem("FILE", rule, got=got, mend=mend, place=f"{self.file}:{self.ragged.line}")


def _csv(path: Path, file: str, separator: str) -> CsvTable:
    if (fault := no_csv(path, file)) is not None:
        raise DataError([about_file(fault)])
    try:
        sign = SEPARATORS.get(separator) or find_separator(path)
        _, header = next(records(path, sign), (1, []))
    except UnicodeDecodeError as error:
        raise DataError([_not_utf8(path, file)]) from error
    except Malformed as error:
        raise DataError([error.problem("FILE", file)]) from error
    if not header:
        mend = "The first line names the columns, each line below is a row."
        got = f"{path.stat().st_size} bytes"
        raise DataError([Problem("FILE", "must hold a header and rows", got=got, mend=mend, place=file)])
    names = tuple(cell.strip() or f"column_{place}" for place, cell in enumerate(header, start=1))
    _require_each_once(names, file)
    return CsvTable(path, file, sign, names)


def _require_each_once(names: Sequence[str], file: str) -> None:
    seen: set[str] = set()
    twice = [name for name in names if name in seen or seen.add(name)]  # type: ignore[func-returns-value]
    if twice:
        got, mend = f"{listed(list(dict.fromkeys(twice)))} more than once", "Rename them."
        raise DataError([Problem("FILE", "must name each column once", got=got, mend=mend, place=file)])


def _not_utf8(path: Path, file: str) -> Problem:
    offset, line, value = undecodable(path) or (0, 1, 0)
    encoding = "UTF-16" if offset == 0 and value in (0xFF, 0xFE) else "WINDOWS-1252"
    mend = f"Save it as UTF-8, or convert it: {in_utf8(file, encoding)}"
    got = f"byte 0x{value:02x} at offset {offset}, in line {line}"
    return Problem("FILE", "must be UTF-8 text", got=got, mend=mend, place=f"{file}:{line}")
