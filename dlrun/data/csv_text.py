"""The records of a CSV file, whatever its separator, byte order mark and line ends, with the line each starts on."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

__all__ = ["MAX_LINE", "SEPARATORS", "Malformed", "Record", "find_separator", "records", "records_in", "undecodable"]

SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}

MAX_LINE = 16_000_000
"""Characters: a hundred thousand columns and more."""

Record = tuple[int, list[str]]
"""The line that a record starts on, from 1, and its cells."""


class Malformed(ValueError):
    """A record breaks the quoting rules of CSV.

    Attributes:
        line: the line that the record starts on.
    """

    def __init__(self, reason: str, line: int) -> None:
        super().__init__(reason)
        self.line = line


def records(path: Path, separator: str) -> Iterator[Record]:
    """The records of the file, header included, blank lines left out.

    Args:
        path: a file in UTF-8, with or without a byte order mark; quoted cells may hold line breaks.
        separator: the character between cells.

    Raises:
        Malformed: a quote is never closed, or text follows a closing quote.
        UnicodeDecodeError: the file is not UTF-8.
        OSError: the file cannot be read.
    """
    with path.open(encoding="utf-8-sig", newline="") as stream:
        yield from records_in(stream, separator, 1)


def records_in(stream: TextIO, separator: str, first: int) -> Iterator[Record]:
    """As `records`, of text that begins with line number `first` of a file."""
    reader = csv.reader(_lines(stream, first - 1), delimiter=separator, skipinitialspace=True, strict=True)
    line = first
    try:
        for cells in reader:
            if len(cells) > 1 or (cells and cells[0].strip()):
                yield line, cells
            line = reader.line_num + first
    except csv.Error as error:
        raise Malformed(str(error), line) from error


def _lines(stream: TextIO, number: int) -> Iterator[str]:
    """The lines of a file. One without line ends would be read into memory whole, however large it is."""
    while line := stream.readline(MAX_LINE):
        number += 1
        if len(line) == MAX_LINE:
            raise Malformed(f"a line of more than {MAX_LINE:,} characters", number)
        yield line


def find_separator(path: Path) -> str:
    """The separator that cuts the header into most cells; a comma where none cuts it.

    Raises:
        UnicodeDecodeError: the file is not UTF-8.
        OSError: the file cannot be read.
    """
    return max(SEPARATORS.values(), key=lambda separator: _header_width(path, separator))


def _header_width(path: Path, separator: str) -> int:
    try:
        return len(next(records(path, separator), (1, []))[1])
    except Malformed:  # cut at the wrong character, quotes land in the middle of cells
        return 0


def undecodable(path: Path) -> tuple[int, int, int] | None:
    """The first byte that is not UTF-8: its offset from 0, its line from 1, its value; None where all are."""
    offset = 0
    with path.open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                return offset + error.start, number, line[error.start]
            offset += len(line)
    return None
