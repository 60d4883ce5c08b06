"""What a cell of a table is: one rule for looking at a file, for learning from it and for predicting from new rows.

Stands alone, because a served model carries it along: `served_model.py` reads raw tables with it where dlrun need not
be installed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, date, datetime
from typing import Any

__all__ = [
    "FORMATS",
    "ISO",
    "LARGEST",
    "MISSING",
    "SIGNS",
    "as_flag",
    "as_number",
    "as_numbers",
    "as_text",
    "date_parts",
    "flag_or_number",
    "in_utc",
    "is_missing",
    "is_nothing",
    "number",
    "numbers",
    "parsed_date",
]

SIGNS = {"point": ".", "comma": ","}
"""Decimal signs by the names that the config has for them."""

LARGEST = 3.4028234663852886e38
"""The largest number that float32 holds."""

ISO = "iso"
"""How a date is written that ISO 8601 allows, with or without a time."""

_DAYS = ("%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%Y/%m/%d", "%Y.%m.%d", "%d-%m-%Y", "%m-%d-%Y")
_NAMED_DAYS = ("%d %b %Y", "%d %B %Y", "%d-%b-%Y", "%b %d, %Y", "%B %d, %Y")
_TIMES = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
FORMATS = (ISO, *(f"{day}{time}" for time in _TIMES for day in (*_DAYS, *_NAMED_DAYS)))
"""The ways of writing a date that are known, as `strptime` has them."""

MISSING = frozenset({"", "na", "n/a", "#n/a", "nan", "null"})
"""Words that say that a cell is empty, in any case."""

_TRUTHS = {"false": 0.0, "true": 1.0}
_FLAGS = {**_TRUTHS, "no": 0.0, "yes": 1.0, "n": 0.0, "y": 1.0, "f": 0.0, "t": 1.0, "off": 0.0, "on": 1.0}
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_INFINITE = re.compile(r"[+-]?inf(inity)?", re.IGNORECASE)
_LONGEST_WHOLE = 1e15  # whole numbers beyond it are not exact any more
_DATE = re.compile(r"(?=.*\d)[\w ,./:+-]{6,40}", re.ASCII)
_FIRST_DAY = datetime(1970, 1, 1, tzinfo=UTC).toordinal()


def is_missing(cell: str, words: Collection[str] = ()) -> bool:
    """Whether the cell holds nothing: it is empty, says NA, N/A, NaN or null in any case, or is one of `words`."""
    text = cell.strip()
    return text.lower() in MISSING or text in words


def number(cell: str, decimal: str) -> float | None:
    """The number in the cell, which may be infinite, or None where it holds none."""
    text = cell.strip()
    if decimal == "comma":
        if "." in text:  # a thousands point would change the number a thousandfold in silence
            return None
        text = text.replace(",", ".")
    return float(text) if _NUMBER.fullmatch(text) or _INFINITE.fullmatch(text) else None


def flag_or_number(cell: str, decimal: str) -> float | None:
    """As `number`, with true as 1 and false as 0."""
    truth = _TRUTHS.get(cell.strip().lower())
    return number(cell, decimal) if truth is None else truth


def as_flag(cell: str, decimal: str = "point") -> float | None:
    """1 for yes, y, true, t and on, 0 for their opposites, and for 1 and 0 themselves; None for all else."""
    flag = _FLAGS.get(cell.strip().lower())
    if flag is not None:
        return flag
    value = number(cell, decimal)
    return value if value in (0.0, 1.0) else None


def numbers(cells: Sequence[str], decimal: str) -> list[float] | None:
    """The numbers in the cells where every one holds a finite one, else None; as `number`, ten times faster."""
    text = "".join(cells)
    if not text.isascii() or "_" in text:  # float() reads 1_000 and other scripts' digits
        return None
    if decimal == "comma":
        if "." in text:
            return None
        cells = [cell.replace(",", ".") for cell in cells]
    try:
        values = list(map(float, cells))
    except ValueError:
        return None
    # float() reads nan and inf as well: either makes the sum one of the two
    finite = math.isfinite(sum(values)) and max(map(abs, values), default=0.0) <= LARGEST
    return values if finite else None


def parsed_date(cell: str, written: str) -> datetime | None:
    """The date in the cell, in UTC where it names a zone; None where it is not written so.

    Args:
        written: one of `FORMATS`, or another format of `strptime`.
    """
    text = cell.strip()
    try:
        if written != ISO:
            found = datetime.strptime(text, written)
        elif _DATE.fullmatch(text) and not text.isdigit():  # 202401 is a number
            found = datetime.fromisoformat(text)
        else:
            return None
        return in_utc(found)
    except (ValueError, OverflowError, re.error):  # no such day, none in UTC, a part twice in `written`
        return None


def in_utc(moment: date) -> datetime:
    """The moment without a zone: as a clock in UTC tells it, where it names one; of a day without a time midnight."""
    if not isinstance(moment, datetime):
        return datetime(moment.year, moment.month, moment.day)
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def date_parts(date: datetime) -> tuple[float, ...]:
    """Days since 1970-01-01, year, month, day, weekday (Monday is 0), day of the year, hour, minute, second."""
    day = date.toordinal() - _FIRST_DAY
    of_year = date.timetuple().tm_yday
    second = date.second + date.microsecond / 1e6
    parts = (day, date.year, date.month, date.day, date.weekday(), of_year, date.hour, date.minute, second)
    return tuple(map(float, parts))


def is_nothing(cell: Any) -> bool:
    """Whether the cell is what stands for none in pandas or Python: None, NaN, NaT or NA."""
    # NaN and NaT are not themselves; NA says nothing of itself, not even that
    return cell is None or type(cell).__name__ == "NAType" or bool(cell != cell)


def as_text(cell: Any, words: Collection[str] = ()) -> str:
    """A cell of whatever type as the text that it would be in a CSV file, trimmed: 3.0 is 3; empty where missing."""
    if is_nothing(cell):
        return ""
    if isinstance(cell, bool) or type(cell).__name__ == "bool":
        return str(bool(cell)).lower()
    if isinstance(cell, str):
        text = cell.strip()
        return "" if is_missing(text, words) else text
    if hasattr(cell, "__index__"):  # whole numbers keep every digit
        return str(int(cell))
    if hasattr(cell, "__float__"):
        value = float(cell)
        return str(int(value)) if value.is_integer() and abs(value) < _LONGEST_WHOLE else repr(value)
    return str(cell)


def as_number(cell: Any, read: Callable[[str], float | None], words: Collection[str] = ()) -> float:
    """The number of one cell of whatever type; NaN where it is missing.

    Args:
        read: `number`, `flag_or_number` or `as_flag` of a text.

    Raises:
        ValueError: it holds something else.
    """
    if is_nothing(cell):
        return math.nan
    if isinstance(cell, bool | int | float) or (not isinstance(cell, str) and hasattr(cell, "__float__")):
        return float(cell)
    text = str(cell)
    if is_missing(text, words):
        return math.nan
    if (value := read(text)) is None:
        raise ValueError(f"'{text}' is no number")
    return value


def as_numbers(cells: Sequence[Any], read: Callable[[str], float | None], words: Collection[str] = ()) -> list[float]:
    """As `as_number`, of many."""
    return [as_number(cell, read, words) for cell in cells]
