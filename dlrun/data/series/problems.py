"""What is wrong with the rows and cells of a series, in words, each with a way out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dlrun.data.series.roles import dropping
from dlrun.data.series.settings import Settings
from dlrun.data.series.table import Table
from dlrun.data.tables.layout import as_override, listed
from dlrun.data.tables.problems import shown
from dlrun.data.tables.survey import Finding
from dlrun.errors import Problem
from dlrun.serving.served_cells import FORMATS, is_missing, parsed_date

__all__ = ["FEWEST", "cell_problems", "row_problems", "too_short"]

_COLUMNS_SHOWN = 8  # columns with the same fault that get a line of their own
FEWEST = 3
"""Samples: one each to train, validate and test on."""


def row_problems(table: Table, settings: Settings, file: str) -> Iterator[Problem]:
    """Ragged rows, none at all, and groups without a name."""
    if table.ragged.count:
        rule = f"must have {len(table.roles.names)} cells in every row, as its header has"
        got = f"{table.ragged.value} in row {table.ragged.row}{_others(table.ragged, 'such rows')}"
        mend = "A cell that holds the separator must stand in double quotes."
        yield Problem("data.path", rule, got=got, mend=mend, place=f"{file}:{table.ragged.line}")
    elif not table.rows:
        mend = "A header line is no sample: add the data below it."
        yield Problem("data.path", "must hold rows below its header", got="none", mend=mend, place=file)
    if (place := table.roles.group) is not None:
        empty = next((row for row, cell in enumerate(table.cells[place]) if is_missing(cell)), None)
        if empty is not None:
            rule = f"must say in every row which series it is of, in column '{settings.group}'"
            where = f"{file}:{table.lines[empty]}"
            yield Problem("data.group", rule, f"an empty cell in row {empty + 1}", "Fill it in.", where)


def cell_problems(table: Table, features: Sequence[int], settings: Settings, file: str) -> Iterator[Problem]:
    """Text, infinite and missing numbers in the columns to learn from; columns that hold nothing."""
    import numpy as np

    names = table.roles.names
    targets = set(table.roles.targets)
    text = [place for place in features if place in table.text and place not in targets]
    drop = dropping(settings, [names[place] for place in text])
    for place in text[:_COLUMNS_SHOWN]:
        found = table.text[place]
        rule = f"must hold numbers in column '{names[place]}'"
        got = f"{shown(found.value)} in row {found.row}{_others(found, 'such cells')}"
        mend = f"Correct the file, or leave out what holds text: {drop}"
        if found.count == table.rows:
            mend = _key_column(names[place], found, settings) + mend
        yield Problem("data.path", rule, got=got, mend=mend, place=f"{file}:{found.line}")
    if rest := [names[place] for place in text[_COLUMNS_SHOWN:]]:
        rule, got = "must hold numbers in more columns", f"{len(rest)}: {listed(rest)}"
        yield Problem("data.path", rule, got=got, mend=f"All at once: {drop}", place=file)
    for place in features:
        if (found := table.infinite.get(place, Finding())).count:
            rule = f"must hold finite numbers, below 3.4e38 in size, in column '{names[place]}'"
            got = f"{found.value.strip()} in row {found.row}{_others(found, 'such cells')}"
            mend = f"Correct the file, or leave the column out: {dropping(settings, [names[place]])}"
            yield Problem("data.path", rule, got=got, mend=mend, place=f"{file}:{found.line}")
    if settings.missing == "refuse":
        yield from _missing(table, features, settings, file)
    elif settings.missing != "keep" and table.rows:
        for place in [p for p in features if p not in text and np.isnan(table.values[p]).all()]:
            rule, mend = f"must hold a number in column '{names[place]}'", dropping(settings, [names[place]])
            yield Problem("data.path", rule, got="none", mend=f"Leave it out: {mend}", place=file)


def _key_column(name: str, found: Finding, settings: Settings) -> str:
    """What a column that holds nothing but text most often is."""
    if settings.time is None and any(parsed_date(found.value, form) is not None for form in FORMATS):
        return f"Is it the time? Type {as_override('data.time', name)}. "
    if settings.group is None:
        return f"Does it tell several series apart? Type {as_override('data.group', name)}. "
    return ""


def _missing(table: Table, features: Sequence[int], settings: Settings, file: str) -> Iterator[Problem]:
    """Empty cells where none may be. Text as numbers would be told already."""
    used = list(dict.fromkeys([*table.roles.targets, *features]))
    found = {place: finding for place in used if (finding := _empty_cells(table, place)).count}
    mend = "Type data.missing=forward, interpolate or keep: dlrun show data.missing says what each does."
    for place in list(found)[:_COLUMNS_SHOWN]:
        rule = f"must have a value in every row of column '{table.roles.names[place]}'"
        cells = "1 empty cell" if found[place].count == 1 else f"{found[place].count} empty cells"
        got = f"{cells}, the first in row {found[place].row}"
        yield Problem("data.path", rule, got=got, mend=mend, place=f"{file}:{found[place].line}")
    if rest := [table.roles.names[place] for place in list(found)[_COLUMNS_SHOWN:]]:
        rule, got = "must have a value in every row of more columns", f"{len(rest)}: {listed(rest)}"
        yield Problem("data.path", rule, got=got, mend=mend, place=file)


def _empty_cells(table: Table, place: int) -> Finding:
    if place not in table.cells:
        return table.missing.get(place, Finding())
    found = Finding()
    for row, cell in enumerate(table.cells[place]):
        if is_missing(cell):
            found.add(row + 1, table.lines[row], cell)
    return found


def too_short(
    samples: int, stretches: Sequence[tuple[int, int]], settings: Settings, table: Table, file: str
) -> Problem:
    """Fewer samples than there are parts to learn, validate and test on."""
    longest = max((behind - first for first, behind in stretches), default=0)
    whose = " in one go" if len(stretches) > 1 else ""
    rule = f"must leave {FEWEST} samples or more: each takes {settings.span} rows that follow one another"
    got = f"{samples} of {table.rows} rows, at most {longest}{whose}"
    shortest = longest - settings.ahead - (FEWEST - 1) * settings.stride
    mend = f"Type data.window={shortest}, or less." if 1 <= shortest < settings.window else "Use a longer series."
    if settings.missing != "keep" and longest >= settings.span + FEWEST - 1:
        mend = "Rows with empty cells leave no more: data.missing=keep."
    elif settings.gaps == "split" and len(stretches) > 1 and table.rows >= settings.span + FEWEST - 1:
        mend = "Steps that are not even leave no longer stretch: data.gaps=keep."
    return Problem("data.window", rule, got=got, mend=mend, place=file)


def _others(finding: Finding, what: str) -> str:
    return "" if finding.count == 1 else f" ({finding.count} {what})"
