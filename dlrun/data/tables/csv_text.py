"""The records of a CSV file, whatever its separator, byte order mark and line ends, with the line each starts on."""

from __future__ import annotations

import csv
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from dlrun.errors import Problem

__all__ = [
    "MAX_LINE",
    "SEPARATORS",
    "SPACE",
    "Malformed",
    "Record",
    "find_separator",
    "in_utf8",
    "records",
    "records_in",
    "undecodable",
]

SPACE = " "
"""Between cells: as many of them as there are side by side."""

SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|", "space": SPACE}

MAX_LINE = 16_000_000
"""Characters: a hundred thousand columns and more."""

# not in its place: of a file that is no UTF-16 nothing would be left
_NO_NUL = "If it is UTF-16: iconv -f UTF-16LE -t UTF-8 FILE > utf8.csv. Else write it again as text."

Record = tuple[int, list[str]]
"""The line that a record starts on, from 1, and its cells."""


class Malformed(ValueError):
    """A record breaks the rules of its format.

    Attributes:
        line: the line that the record starts on; 0 where the format has none.
        rule: what it breaks.
        mend: what to do about it; FILE stands for the file.
    """

    def __init__(
        self,
        reason: str,
        line: int,
        rule: str = "must follow the quoting of CSV",
        mend: str = "Close every quote, and double the quotes inside a quoted cell.",
    ) -> None:
        super().__init__(reason)
        self.line, self.rule, self.mend = line, rule, mend

    def problem(self, key: str, file: str) -> Problem:
        """It, as it is told.

        Args:
            key: what names the file: a parameter, or FILE.
            file: the file, as messages show it.
        """
        place = f"{file}:{self.line}" if self.line else file
        return Problem(key, self.rule, str(self), self.mend.replace("FILE", shlex.quote(file)), place)


def records(path: Path, separator: str) -> Iterator[Record]:
    """The records of the file, header included, blank lines left out.

    Args:
        path: a file in UTF-8, with or without a byte order mark; quoted cells may hold line breaks.
        separator: the character between cells.

    Raises:
        Malformed: a quote is never closed, text follows a closing quote, a line or a cell is too long, or no text.
        UnicodeDecodeError: the file is not UTF-8.
        OSError: the file cannot be read.
    """
    with path.open(encoding="utf-8-sig", newline="") as stream:
        yield from records_in(stream, separator, 1)


def records_in(stream: TextIO, separator: str, first: int) -> Iterator[Record]:
    """As `records`, of text that begins with line number `first` of a file."""
    lines = _lines(stream, first - 1)
    if separator == SPACE:  # at the end of a line they separate nothing
        lines = (f"{line.rstrip()}\n" for line in lines)
    reader = csv.reader(lines, delimiter=separator, skipinitialspace=True, strict=True)
    line = first
    try:
        for cells in reader:
            if len(cells) > 1 or (cells and cells[0].strip()):
                yield line, cells
            line = reader.line_num + first
    except csv.Error as error:
        if "field limit" in str(error):
            rule = f"must hold {csv.field_size_limit():,} characters or fewer in a cell"
            raise Malformed("more", line, rule, "Shorten the cell; or a quote above it was never closed.") from error
        raise Malformed(str(error), line) from error


def _lines(stream: TextIO, number: int) -> Iterator[str]:
    """The lines of a file. One without line ends would be read into memory whole, however large it is."""
    while line := stream.readline(MAX_LINE):
        number += 1
        if len(line) == MAX_LINE:
            raise Malformed(f"a line of more than {MAX_LINE:,} characters", number)
        if "\0" in line:
            raise Malformed("a NUL character", number, "must be UTF-8 text", _NO_NUL)
        yield line


def find_separator(path: Path) -> str:
    """The separator that cuts the header into most cells; a space where no other cuts it, and it cuts all lines alike.

    A comma where none does.

    Raises:
        UnicodeDecodeError: the file is not UTF-8.
        OSError: the file cannot be read.
    """
    signs = [sign for sign in SEPARATORS.values() if sign != SPACE]
    widths = {sign: _header_width(path, sign) for sign in signs}
    if max(widths.values()) == 1 and _agree(path):
        return SPACE
    return max(signs, key=lambda sign: widths[sign])


def _agree(path: Path) -> bool:
    """Whether spaces cut all lines into as many cells as the header, two or more."""
    try:
        lines = records(path, SPACE)
        width = len(next(lines, (1, []))[1])
        return width > 1 and all(len(cells) == width for _, cells in lines)
    except Malformed:
        return False


def _header_width(path: Path, separator: str) -> int:
    try:
        return len(next(records(path, separator), (1, []))[1])
    except Malformed:  # cut at the wrong character, quotes land in the middle of cells
        return 0


def in_utf8(file: str, encoding: str) -> str:
    """The command that converts a file in its place and keeps it beside: the encoding is a guess."""
    name, kept = shlex.quote(file), shlex.quote(f"{file}.bak")
    return f"cp {name} {kept} && iconv -f {encoding} -t UTF-8 {kept} > {name}"


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
