"""The times of a series: read from their cells, in order, each once, and in even steps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from dlrun.data.series.settings import Settings
from dlrun.data.series.table import Table
from dlrun.data.tables.problems import shown
from dlrun.errors import Problem
from dlrun.serving.served_cells import FORMATS, is_missing, number, numbers, parsed_date

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Clock", "clock_problems", "read_clock", "uneven"]

_TOLERANCE = 1e-3  # of a step: what rounding leaves of tenths of a second
_EXAMPLES = "2024-05-31, 2024-05-31T13:00:00 or 31.05.2024 13:00"


@dataclass(frozen=True, eq=False)
class Clock:
    """When each row is.

    Attributes:
        times: float64 of shape (rows,): seconds since 1970, as if all clocks were UTC, or the numbers
            of the file.
        dates: of rows that are dates, each as it is written; () of numbers.
    """

    times: np.ndarray
    dates: Sequence[datetime] = ()


def read_clock(table: Table, settings: Settings, file: str) -> Clock | Problem:
    """Read the column of times, or what keeps it from being read: the first such cell."""
    import numpy as np

    place = table.roles.time
    if place is None:
        return Clock(np.arange(table.rows, dtype=np.float64))
    cells = table.cells[place]
    if settings.time_format == "auto" and (found := numbers(cells, settings.decimal)) is not None:
        return Clock(np.array(found))
    if settings.time_format == "auto" and cells and number(cells[0], settings.decimal) is not None:
        row = next(i for i, cell in enumerate(cells) if number(cell, settings.decimal) is None)
        return _unreadable(row, "numbers", table, file)
    forms: Sequence[str] = FORMATS if settings.time_format == "auto" else (settings.time_format,)
    for row, cell in enumerate(cells):
        fitting = [form for form in forms if parsed_date(cell, form) is not None]
        if not fitting:
            return _unreadable(row, forms[0] if len(forms) == 1 else "auto", table, file)
        forms = fitting
    if len(forms) > 1:
        rule = "must be written in a way that can be read in one way only"
        mend = f"Say which: data.time_format='{forms[0]}', or '{forms[1]}'."
        return Problem(
            "data.time", rule, got=f"{shown(cells[0])} in row 1", mend=mend, place=f"{file}:{table.lines[0]}"
        )
    dates = [date for cell in cells if (date := parsed_date(cell, forms[0])) is not None]
    return Clock(np.array([date.replace(tzinfo=UTC).timestamp() for date in dates]), dates)


def _unreadable(row: int, form: str, table: Table, file: str) -> Problem:
    assert table.roles.time is not None
    cell = table.cells[table.roles.time][row]
    got, place = f"{shown(cell)} in row {row + 1}", f"{file}:{table.lines[row]}"
    if is_missing(cell):
        rule, mend = "must hold a time in every row", "Fill it in, or leave the row out of the file."
    elif form == "auto":
        rule = f"must hold numbers or dates, such as {_EXAMPLES}"
        mend = "Say how they are written, as strptime has it: data.time_format='%Y%m%d %H%M'"
    elif form == "numbers":
        rule, mend = "must hold numbers in every row, as in the first", "Correct the file."
    else:
        rule, mend = f"must hold times written as {form} in every row", "Correct the file, or data.time_format."
    return Problem("data.time", rule, got=got, mend=mend, place=place)


def clock_problems(
    clock: Clock, rows: Sequence[np.ndarray], settings: Settings, table: Table, file: str
) -> Iterator[Problem]:
    """Times that go back, that are there twice, that are not one step apart.

    Args:
        rows: of each series the rows, in the order in which they are read.
    """
    import numpy as np

    if table.roles.time is None:
        return
    none = np.empty(0, np.int64)
    several = "Where the table holds several series, name what tells them apart: data.group=COLUMN. "
    hint = several if settings.group is None else ""
    back = np.concatenate([none, *(series[1:][np.diff(clock.times[series]) < 0] for series in rows)])
    if len(back):
        mend = f"{hint}Type data.order=sort, which reads rows by their time."
        yield _at("must not go back from one row to the next", back, mend, table, file)
    in_order = [series[np.argsort(clock.times[series], kind="stable")] for series in rows]
    twice = np.concatenate([none, *(series[1:][np.diff(clock.times[series]) == 0] for series in in_order)])
    if len(twice):
        rule = f"must hold each time once in {'a table' if settings.group is None else f'each {settings.group}'}"
        yield _at(rule, twice, f"{hint}Leave one of them out of the file.", table, file)
    elif not len(back) and settings.gaps == "refuse":
        yield from _gap_problem(clock, rows, table, file)


def _at(rule: str, rows: np.ndarray, mend: str, table: Table, file: str) -> Problem:
    """A problem of the times in some rows, told by the first of them."""
    place, row = table.roles.time, int(rows.min())
    assert place is not None  # without times there is nothing to find
    got = f"{shown(table.cells[place][row])} in row {row + 1}" + ("" if len(rows) == 1 else f" ({len(rows)} such rows)")
    return Problem("data.time", rule, got=got, mend=mend, place=f"{file}:{table.lines[row]}")


def _gap_problem(clock: Clock, rows: Sequence[np.ndarray], table: Table, file: str) -> Iterator[Problem]:
    import numpy as np

    broken = [(series, uneven(clock, series)) for series in rows]
    late = [series[1:][odd] for series, odd in broken]
    count = sum(map(len, late))
    if not count:
        return
    series, odd = next((series, odd) for series, odd in broken if odd.any())
    steps = np.diff(clock.times[series])
    usual, first = _shown_step(float(np.median(steps)), clock), int(np.flatnonzero(odd)[0])
    got = f"{_shown_step(float(steps[first]), clock)} before row {int(series[first + 1]) + 1}"
    got += "" if count == 1 else f" ({count} such rows)"
    mend = "Type data.gaps=split: no window reaches over such a place. Or data.gaps=keep: rows count, and not times."
    place = f"{file}:{table.lines[int(series[first + 1])]}"
    yield Problem("data.time", f"must go on in even steps, of which most are {usual}", got, mend, place)


def uneven(clock: Clock, series: np.ndarray) -> np.ndarray:
    """Which steps of a series are not its usual one, the median: bool of shape (rows - 1,).

    Months are even as well, and years: the same day of each, or the last.
    """
    import numpy as np

    steps = np.diff(clock.times[series])
    if not len(steps):
        return np.zeros(0, bool)
    usual = float(np.median(steps))
    odd: np.ndarray = np.abs(steps - usual) > _TOLERANCE * abs(usual)
    if odd.any() and len(clock.dates) and usual > timedelta(days=27).total_seconds():
        dates = [clock.dates[row] for row in series.tolist()]
        days = {date.day for date in dates}
        if len(days) == 1 or all((date + timedelta(days=1)).day == 1 for date in dates):
            months = np.diff([12 * date.year + date.month for date in dates])
            odd = months != np.median(months)
    return odd


def _shown_step(step: float, clock: Clock) -> str:
    if not len(clock.dates):
        return f"{step:g}"
    return str(timedelta(seconds=step)).removesuffix(", 0:00:00")
