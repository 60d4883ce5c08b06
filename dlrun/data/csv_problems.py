"""What is wrong with the cells of a CSV file, in words, each with a way out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from dlrun.data.csv_layout import Layout, Settings, dropping, listed
from dlrun.data.csv_numerals import way_out
from dlrun.data.csv_survey import ColumnSurvey, Finding, Survey
from dlrun.errors import Problem

__all__ = ["cell_problems", "numeral", "row_problems", "shown", "text_in_target"]

_FEWEST_ROWS = 3  # one each to train, validate and test on
_COLUMNS_SHOWN = 8  # columns with the same fault that get a line of their own
_LONGEST = 40


def row_problems(found: Survey, layout: Layout, settings: Settings, file: str) -> Iterator[Problem]:
    """Ragged rows, and too few rows."""
    width = len(layout.names)
    if found.ragged.count:
        cells = "1 cell" if found.ragged.value == "1" else f"{found.ragged.value} cells"
        rule = f"must have {width} cells in every row, as its header has"
        mend = "A cell that holds the separator must stand in double quotes."
        got = f"{cells} in row {found.ragged.row}{_others(found.ragged, 'such rows')}"
        yield Problem("data.path", rule, got=got, mend=mend, place=f"{file}:{found.ragged.line}")
    if found.rows == 0:
        mend = "A header line is no sample: add the data below it."
        yield Problem("data.path", "must hold rows below its header", got="none", mend=mend, place=file)
    elif found.samples < _FEWEST_ROWS and not found.ragged.count:
        dropped = found.rows - found.samples
        got = f"{found.samples} usable of {found.rows}" if dropped else str(found.rows)
        rule = f"must hold {_FEWEST_ROWS} rows or more: to train, to validate and to test on"
        mend = f"{dropped} rows have an empty cell: leave out columns instead (data.drop)." if dropped else "Add rows."
        yield Problem("data.path", rule, got=got, mend=mend, place=file)


def cell_problems(found: Survey, layout: Layout, settings: Settings, file: str) -> Iterator[Problem]:
    """Text and infinite numbers in columns to learn from, missing cells there and in the target."""
    features = [(layout.names[i], found.columns[i]) for i in layout.features]
    text = [(name, column) for name, column in features if column.text.count]
    words = [name for name, column in text if numeral(column, found, settings) is None]
    drop = dropping(layout.names, settings, words)

    def text_problem(name: str, column: ColumnSurvey) -> Problem:
        return Problem(
            "data.path",
            f"must hold numbers in column '{name}'",
            got=f"{shown(column.text.value)} in row {column.text.row}{_others(column.text, 'such cells')}",
            mend=numeral(column, found, settings) or f"Correct the file, or leave out what holds text: {drop}",
            place=f"{file}:{column.text.line}",
        )

    all_at_once = drop if words else "as above"
    yield from _shortened(text, text_problem, "must hold numbers in more columns", all_at_once, file)
    used = [(layout.names[i], found.columns[i]) for i in layout.used]
    yield from _missing(used, layout, settings, file)
    for name, column in used:
        if column.infinite.count:
            got = (
                f"{column.infinite.value.strip()} in row {column.infinite.row}{_others(column.infinite, 'such cells')}"
            )
            rule = f"must hold finite numbers, below 3.4e38 in size, in column '{name}'"
            mend = f"Correct the file, or leave the column out: {dropping(layout.names, settings, [name])}"
            yield Problem("data.path", rule, got=got, mend=mend, place=f"{file}:{column.infinite.line}")


def _missing(
    used: Sequence[tuple[str, ColumnSurvey]], layout: Layout, settings: Settings, file: str
) -> Iterator[Problem]:
    missing = [(name, column) for name, column in used if column.missing.count]
    target = None if layout.target is None else layout.names[layout.target]
    drop = dropping(layout.names, settings, (name for name, _ in missing if name != target))
    way_out = "Leave out the rows with data.missing=drop_rows"

    def problem(name: str, column: ColumnSurvey) -> Problem:
        cells = "1 empty cell" if column.missing.count == 1 else f"{column.missing.count} empty cells"
        first = f", the first ({shown(column.missing.value)}) in row {column.missing.row}"
        mend = f"{way_out}." if name == target else f"{way_out}, or the columns with {drop}"
        rule = f"must have a value in every row of column '{name}'"
        return Problem("data.path", rule, got=cells + first, mend=mend, place=f"{file}:{column.missing.line}")

    yield from _shortened(missing, problem, "must have a value in every row of more columns", drop, file)


def _shortened(
    faulty: Sequence[tuple[str, ColumnSurvey]],
    problem: Callable[[str, ColumnSurvey], Problem],
    rule_of_rest: str,
    drop: str,
    file: str,
) -> Iterator[Problem]:
    """A problem a column, as long as they can be read; one for all columns beyond."""
    for name, column in faulty[:_COLUMNS_SHOWN]:
        yield problem(name, column)
    if rest := [name for name, _ in faulty[_COLUMNS_SHOWN:]]:
        got = f"{len(rest)}: {listed(rest)}"
        yield Problem("data.path", rule_of_rest, got=got, mend=f"All at once: {drop}", place=file)


def text_in_target(name: str, column: ColumnSurvey, mend: str, file: str) -> Problem:
    """Text where numbers are to be predicted."""
    rule = f"must hold numbers in column '{name}', which is to be predicted"
    got = f"{shown(column.text.value)} in row {column.text.row}{_others(column.text, 'such cells')}"
    return Problem("data.path", rule, got=got, mend=mend, place=f"{file}:{column.text.line}")


def numeral(column: ColumnSurvey, found: Survey, settings: Settings) -> str | None:
    """The way out where all the text of a column reads as numbers that are written in another way."""
    text = column.text
    return way_out(column.looks, text.count, text.value, settings.decimal, found.has_fractions)


def _others(finding: Finding, what: str) -> str:
    return "" if finding.count == 1 else f" ({finding.count} {what})"


def shown(cell: str) -> str:
    """A cell as messages show it: quoted, on one line, cut where it is long."""
    text = " ".join(cell.split())
    return f"'{text}'" if len(text) <= _LONGEST else f"'{text[:_LONGEST]}...'"
