"""A first line that names no columns: the rows below have other cells than it says."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

from dlrun.data.tables.layout import NO_NAMES, Layout, listed
from dlrun.data.tables.survey import Survey
from dlrun.errors import Problem
from dlrun.serving.served_cells import number

__all__ = ["first_line", "with_command"]


def first_line(found: Survey, layout: Layout, separator: str, file: str) -> Iterator[Problem]:
    """The problem of a CSV file whose first line is no header; none where it may be one.

    Args:
        separator: the character between its cells; empty of a file whose columns have names.
    """
    if not separator or not found.rows:
        return
    place, got = f"{file}:1", listed(layout.names)
    if found.ragged.count == found.rows > 1 and len(found.widths) == 1:
        (width,) = found.widths
        mend = _naming(width, separator, file)
        rule = f"must have a first line that names its {width} columns: all {found.rows} rows have {width} cells"
        yield Problem("data.path", rule, got=got, mend=mend[0].upper() + mend[1:], place=place)
    elif _are_cells(found, layout):
        command = _naming(len(layout.names), separator, file)
        rule = "must have a first line that names its columns"
        mend = f"Numbers are no names. If it is a row, write a line of names above it; if it is none: {command}"
        yield Problem("data.path", rule, got=got, mend=mend, place=place)


def with_command(layout: Layout, separator: str, file: str) -> Iterator[Problem]:
    """The problems of a layout; that of a file without a header with what to type."""
    for problem in layout.problems:
        if problem.rule != NO_NAMES or not separator:
            yield problem
            continue
        name, kept = shlex.quote(file), shlex.quote(f"{file}.bak")
        command = f"cp {name} {kept} && ({_names(len(layout.names), separator)}; cat {kept}) > {name}"
        yield replace(problem, mend=f"{problem.mend} Such as column_1 and on: {command}")


def _are_cells(found: Survey, layout: Layout) -> bool:
    """Whether some names are numbers as the cells below them are, and neither in order nor years."""
    values = [(place, number(name, "point")) for place, name in enumerate(layout.names)]
    named = [(place, value) for place, value in values if value is not None]
    if not 2 <= len(named) < len(values) - 1:  # of numbers alone the layout tells
        return False
    if all(earlier < later for (_, earlier), (_, later) in pairwise(named)):
        return False
    if all(1000 <= value < 3000 and value.is_integer() for _, value in named):
        return False
    columns = [found.columns.get(place) for place, _ in named]
    return all(column is not None and not column.text.count for column in columns)


def _naming(width: int, separator: str, file: str) -> str:
    """How the first line is replaced by names to change."""
    names = _names(width, separator)
    return f'put names in its place, such as column_1 and on: sed -i.bak "1s/.*/$({names})/" {shlex.quote(file)}'


def _names(width: int, separator: str) -> str:
    """The command that prints a line of names."""
    sign = "\"$(printf '\\t')\"" if separator == "\t" else shlex.quote(separator)
    return f"seq -s {sign} -f column_%g {width}"
