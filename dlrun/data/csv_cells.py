"""What a cell of a CSV file is: one rule for looking at a file and for loading it, so that the two never disagree."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

__all__ = ["LARGEST", "SIGNS", "flag_or_number", "is_missing", "number", "numbers"]

SIGNS = {"point": ".", "comma": ","}
"""Decimal signs by the names that the config has for them."""

LARGEST = 3.4028234663852886e38
"""The largest number that float32 holds."""

_MISSING = frozenset({"", "na", "n/a", "#n/a", "nan", "null"})
_FLAGS = {"false": 0.0, "true": 1.0}
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_INFINITE = re.compile(r"[+-]?inf(inity)?", re.IGNORECASE)


def is_missing(cell: str) -> bool:
    """Whether the cell holds nothing: it is empty, or says NA, N/A, NaN or null in any case."""
    return cell.strip().lower() in _MISSING


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
    flag = _FLAGS.get(cell.strip().lower())
    return number(cell, decimal) if flag is None else flag


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
