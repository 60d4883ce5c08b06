"""Files of JSON lines: an object a line, its keys the columns; a key that a line lacks is an empty cell."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

from dlrun.data.tables.csv_plain import Plain
from dlrun.data.tables.csv_text import MAX_LINE
from dlrun.errors import Problem

__all__ = ["blocks", "fault", "header"]

_BATCH = 4096  # rows
_MOST_COLUMNS = 100_000
_LONGEST = 40  # characters of a line that a message shows
_A_LINE_EACH = "Write an object a line. Of one JSON array jq makes them: jq -c '.[]' {file} > rows.jsonl"


@dataclass
class _Scan:
    """What a pass over a file has found: its keys in the order of their first appearance, those with words in them."""

    names: list[str] = field(default_factory=list)
    words: set[str] = field(default_factory=set)
    fault: tuple[str, str, str, int] | None = None  # rule, what was got, mend, line


class _Wrong(Exception):
    """A line that cannot be read.

    Attributes:
        line: its number, where it is not the one that was read last.
    """

    def __init__(self, rule: str, got: str, mend: str, line: int | None = None) -> None:
        super().__init__(rule)
        self.rule, self.got, self.mend, self.line = rule, got, mend, line


def header(path: Path) -> list[str]:
    """The names of the columns, of a file without a fault."""
    return list(_scanned(path).names)


def fault(path: Path, file: str) -> Problem | None:
    """The first line that cannot be read; None where all can. Reads all of the file, once as long as it is the same.

    Args:
        file: the file, as messages show it.

    Raises:
        OSError: the file cannot be read.
    """
    if (found := _scanned(path).fault) is None:
        return None
    rule, got, mend, line = found
    return Problem("data.path", rule, got, mend.format(file=file), place=f"{file}:{line}" if line else file)


def blocks(path: Path, places: Collection[int]) -> Iterator[Plain]:
    """The rows of a file without a fault, in order, some thousand at a time.

    A column that holds numbers alone is a float64 array with NaN for null; any other is text: booleans `true` and
    `false`, numbers among words as they are written, null empty. A row's line is that of the file.

    Args:
        places: of the columns that are handed on.
    """
    import numpy as np

    scan = _scanned(path)
    objects = ((line, _object(text)) for line, text in _lines(path))
    while batch := list(islice(objects, _BATCH)):
        columns: dict[int, Any] = {}
        for place in sorted(places):
            name = scan.names[place]
            cells = [found.get(name) for _, found in batch]
            columns[place] = list(map(_word, cells)) if name in scan.words else np.array([*map(_number, cells)], float)
        yield Plain(len(batch), batch[0][0], columns, has_fractions=False)


def _scanned(path: Path) -> _Scan:
    status = path.stat()
    return _scan(path, (status.st_size, status.st_mtime_ns, status.st_ino))


@lru_cache(maxsize=8)
def _scan(path: Path, _state: tuple[int, int, int]) -> _Scan:
    found, known, line = _Scan(), set[str](), 0
    try:
        for line, text in _lines(path):  # noqa: B007 - the line of what is raised
            for name, value in _object(text).items():
                if name not in known:
                    known.add(name)
                    found.names.append(name)
                if isinstance(value, str | bool):
                    found.words.add(name)
                elif isinstance(value, list | dict):
                    raise _nested(name, value)
            if len(known) > _MOST_COLUMNS:
                raise _Wrong(
                    f"must have {_MOST_COLUMNS:,} different keys or fewer", "more", "Use the same keys in all."
                )
    except _Wrong as wrong:
        found.fault = (wrong.rule, wrong.got, wrong.mend, wrong.line or line)
    if found.fault is None and not known:
        got = "0 bytes" if not path.stat().st_size else "no line with a key"
        found.fault = ("must hold rows", got, "Each line is a sample: an object with a value for each column.", 0)
    return found


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines that are not blank, each with its number from 1."""
    with path.open("rb") as stream:
        number = 0
        while line := stream.readline(MAX_LINE):
            number += 1
            if len(line) == MAX_LINE:
                got = f"a line of more than {MAX_LINE:,} bytes"
                raise _Wrong("must hold a JSON object in each line", got, _A_LINE_EACH, number)
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                encoding = "UTF-16" if number == 1 and line[:2] in (b"\xff\xfe", b"\xfe\xff") else "WINDOWS-1252"
                got = f"byte 0x{line[error.start]:02x} in line {number}"
                mend = f"Convert it: cp {{file}} {{file}}.bak && iconv -f {encoding} -t UTF-8 {{file}}.bak > {{file}}"
                raise _Wrong("must be UTF-8 text", got, mend, number) from error
            if text.strip():
                yield number, text


def _object(text: str) -> dict[str, Any]:
    """The object in a line.

    Raises:
        _Wrong: there is none, or it has a key twice.
    """
    try:
        found = json.loads(text, object_pairs_hook=_once)
        if "\\ud" in text.lower():  # half of a surrogate pair, which no file can be written with
            json.dumps(found, ensure_ascii=False).encode()
    except RecursionError as error:
        raise _Wrong("must hold plain values", "a value that is nested too deep", "Flatten the objects.") from error
    except UnicodeEncodeError as error:
        raise _Wrong(
            "must hold whole characters", "half of a surrogate pair", "Write the text anew as UTF-8."
        ) from error
    except ValueError as error:
        got = f"'{_shown(text)}' ({str(error).partition(':')[0].lower()})"
        raise _Wrong("must hold a JSON object in each line", got, _A_LINE_EACH) from error
    if not isinstance(found, dict):
        got = f"{_kind(found)} '{_shown(text)}'"
        raise _Wrong("must hold a JSON object in each line", got, _A_LINE_EACH)
    return found


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _Wrong("must name each key once in a line", f"'{twice}' more than once", "Rename one of them.")
    return found


def _nested(name: str, value: Any) -> _Wrong:
    mend = "Write a key for each of its parts, or leave the key out."
    return _Wrong(
        f"must hold a number, a word or null in '{name}'", f"{_kind(value)} {_shown(json.dumps(value))}", mend
    )


def _kind(value: Any) -> str:
    kinds = {list: "a list", dict: "an object", str: "a text", bool: "a boolean", type(None): "null"}
    return kinds.get(type(value), "a number")


def _shown(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _number(value: Any) -> float:
    try:
        return math.nan if value is None else float(value)
    except OverflowError:  # a whole number of hundreds of digits
        return math.inf if value > 0 else -math.inf


def _word(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return value if isinstance(value, str) else json.dumps(value)
