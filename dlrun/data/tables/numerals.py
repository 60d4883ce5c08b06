"""Cells that a reader takes for numbers and dlrun does not: how they are written, and the way out."""

from __future__ import annotations

import re
import shlex
from collections import Counter

from dlrun.serving.served_cells import SIGNS

__all__ = ["count_looks", "of_file", "way_out"]

_CURRENCY = "%$€£¥"
_FILE = "{FILE}"  # in a command; `of_file` puts the name in
# a point between digits is taken out where three digits and a comma follow: dates and versions stay
_UNGROUPED = rf"sed -E -i.bak ':a;s/([0-9])\.([0-9]{{3}}(\.[0-9]{{3}})*,[0-9])/\1\2/;ta' {_FILE}"


def _looks(sign: str) -> dict[str, re.Pattern[str]]:
    """How numbers are written with `sign`, as patterns.

    `decimal`: as the decimal sign; `groups`: between thousands; `both`: as the decimal sign, with or without the
    other sign between thousands.
    """
    mark, other = re.escape(sign), re.escape("," if sign == "." else ".")
    decimal = rf"\d*{mark}\d+([eE][+-]?\d+)?"
    patterns = {
        f"decimal{sign}": decimal,
        f"groups{sign}": rf"\d{{1,3}}({mark}\d{{3}})+({other}\d+)?",
        f"both{sign}": rf"\d{{1,3}}({other}\d{{3}})+({mark}\d+)?|{decimal}",
    }
    return {name: re.compile(f"[+-]?({pattern})", re.ASCII) for name, pattern in patterns.items()}


_LOOKS = {
    **_looks("."),
    **_looks(","),
    "underscores": re.compile(r"[+-]?\d{1,3}(_\d{3})+(\.\d+)?", re.ASCII),
    "currency": re.compile(rf"[+-]?([{_CURRENCY}]\s?[\d.,]+|[\d.,]+\s?[{_CURRENCY}])", re.ASCII),
}


def of_file(mend: str, file: str) -> str:
    """A way out with the file's name in its commands."""
    return mend.replace(_FILE, shlex.quote(file))


def count_looks(cell: str, looks: Counter[str], count: int = 1) -> None:
    """Count how a cell of text, which is there `count` times, reads as a number; not at all is no look."""
    text = cell.strip()
    for name, pattern in _LOOKS.items():
        if pattern.fullmatch(text):
            looks[name] += count


def way_out(looks: Counter[str], cells: int, first: str, decimal: str, is_seen: bool) -> str | None:
    """What to do about a column whose cells of text all read as numbers; None where they do not.

    Args:
        looks: how they read, counted.
        cells: how many there are.
        first: one of them.
        decimal: the decimal sign that the config says, by name.
        is_seen: whether numbers in the file have that sign: then another one is no way out.
    """
    other = "comma" if decimal == "point" else "point"
    sign, own = SIGNS[other], SIGNS[decimal]
    in_all = {name for name, count in looks.items() if count == cells}
    plain = first.strip().replace(sign, "")
    switch = f"data.decimal={other}"
    if "currency" in in_all:
        found = " and ".join(each for each in _CURRENCY if each in first)
        signs = "|".join(found.replace("$", "[$]").split(" and "))
        return f"Take {found} out of the cells: they must be plain numbers. sed -E -i.bak 's/ *({signs}) *//g' {_FILE}"
    if "underscores" in in_all:
        return f"Take the underscores out of the cells, as in {first.strip().replace('_', '')}."
    if f"decimal{sign}" in in_all and not is_seen:
        if f"groups{sign}" in in_all:
            return f"If the decimal sign is a {other}: {switch}. If it groups thousands, take it out: {plain}."
        return f"The decimal sign is a {other}: {switch}"
    if f"groups{sign}" in in_all:
        command = f". {_UNGROUPED}" if other == "point" and "," in first else "."
        return f"The {other} groups thousands: take it out of the cells, as in {plain}{command}"
    if f"decimal{sign}" in in_all:
        right = first.strip().replace(sign, own)
        return f"Other cells have a decimal {decimal}: write it here too, as in {right}."
    if f"both{sign}" in in_all:
        command = f" ({_UNGROUPED})" if decimal == "point" else ""
        return f"The {decimal} groups thousands: take it out of the cells{command}, then {switch}"
    return None
