"""What is named for a CSV file and is none: a URL, a spreadsheet, a compressed file, a web page."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from dlrun.errors import Problem

__all__ = ["no_csv", "url"]

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/+.*")
_AS_CSV = "Save it as CSV."
_FIRST_BYTES = (  # what such files begin with, what they are, and the way out
    (b"\x1f\x8b", "a gzip file", "Unpack it: gunzip -k {file}"),
    (b"BZh", "a bzip2 file", "Unpack it: bunzip2 -k {file}"),
    (b"\xfd7zXZ\x00", "an xz file", "Unpack it: unxz -k {file}"),
    (b"\x28\xb5\x2f\xfd", "a zstd file", "Unpack it: unzstd {file}"),
    (b"\xd0\xcf\x11\xe0", "an Excel file", _AS_CSV),
    (b"PAR1", "a Parquet file", _AS_CSV),
    (b"%PDF-", "a PDF file", _AS_CSV),
    (b"SQLite format 3\x00", "a SQLite database", "Export the table as CSV."),
)
_ZIP = b"PK\x03\x04"
_SHEETS = {b"xl/": "an Excel file", b"opendocument.spreadsheet": "an OpenDocument sheet"}
_PAGE = re.compile(rb"(\xef\xbb\xbf)?\s*<(!doctype|html)", re.IGNORECASE)
_HEAD = 4096  # bytes: an archive names its first files there


def url(given: str) -> Problem | None:
    """The problem of a path that is an address."""
    if not _URL.fullmatch(given):
        return None
    mend = "Download it first, and give the path of the file."
    return Problem("data.path", "must be a file on this machine", got=f"the address '{given}'", mend=mend)


def no_csv(path: Path, file: str) -> Problem | None:
    """The problem of a file that is of another kind by its first bytes.

    Args:
        file: the file, as messages show it.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as stream:
        head = stream.read(_HEAD)
    what, mend = _kind(path, head)
    if not what:
        return None
    return Problem("data.path", "must be a CSV file", got=what, mend=mend.format(file=shlex.quote(file)), place=file)


def _kind(path: Path, head: bytes) -> tuple[str, str]:
    if head.startswith(_ZIP):
        sheet = next((what for sign, what in _SHEETS.items() if sign in head), "")
        if not sheet and path.suffix.lower() in (".xlsx", ".xlsm", ".ods"):
            sheet = "a spreadsheet"
        return (sheet, _AS_CSV) if sheet else ("a zip archive", "Unpack it: unzip {file}")
    if _PAGE.match(head):
        return "a web page", "Download the file itself, such as the raw one."
    return next(((what, mend) for sign, what, mend in _FIRST_BYTES if head.startswith(sign)), ("", ""))
