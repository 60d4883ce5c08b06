"""What is wrong with the cells of a CSV file, in words, each with a way out."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator, Sequence

from dlrun.data.tables.layout import Layout, Settings, as_override, dropping, listed
from dlrun.data.tables.numerals import of_file, way_out
from dlrun.data.tables.survey import ColumnSurvey, Finding, Survey
from dlrun.errors import Problem, TrainingProblem

__all__ = ["cell_problems", "kind_of", "numeral", "row_problems", "shown", "text_in_target", "text_problem"]

_FEWEST_ROWS = 3  # one each to train, validate and test on
_COLUMNS_SHOWN = 8  # columns with the same fault that get a line of their own
_LONGEST = 40
_NEARLY_ALL = 0.9  # of the text of a column: the rest most often says that there is nothing
_KEY = re.compile(r"[\w /\-+.$%*@?|()\[\]{}:=,]+", re.ASCII)  # what a key may be made of in Hydra's grammar
_SIGNS = re.compile(r"[()\[\]{}:=,]")  # of these what stands behind a backslash there


def row_problems(found: Survey, layout: Layout, file: str) -> Iterator[Problem]:
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
        yield TrainingProblem("data.path", rule, got=got, mend=mend, place=file)


def text_problem(
    text: Sequence[tuple[str, ColumnSurvey]], found: Survey, layout: Layout, settings: Settings, file: str
) -> Iterator[Problem]:
    """Text in columns of numbers.

    Args:
        text: the names of such columns, and what is in them.
    """
    words = [name for name, column in text if numeral(column, found, settings) is None]
    drop = dropping(layout.names, settings, words)

    def problem(name: str, column: ColumnSurvey) -> Problem:
        return Problem(
            "data.path",
            f"must hold numbers in column '{name}'",
            got=f"{shown(column.text.value)} in row {column.text.row}{_others(column.text, 'such cells')}",
            mend=of_file(numeral(column, found, settings) or _of_words(name, column, drop), file),
            place=f"{file}:{column.text.line}",
        )

    all_at_once = drop if words else "as above"
    yield from _shortened(text, problem, "must hold numbers in more columns", all_at_once, file)


def _of_words(name: str, column: ColumnSurvey, drop: str) -> str:
    """What to do about text among numbers: one and the same word most often says that there is none."""
    word = column.text.value.strip()
    others = f"or leave out what holds text: {drop}, or take numbers for words too: {kind_of(name, 'category')}"
    if column.words[word] == column.text.count:
        said = as_override("data.missing_words", [word])
        return f"If {shown(word)} says that there is none: {said}. Else correct the file, {others}"
    return f"Correct the file, {others}"


def kind_of(name: str, kind: str) -> str:
    """The override that says what a column holds; the line of a file for a name that Hydra takes as no key."""
    if not _KEY.fullmatch(name):
        quoted = json.dumps(name, ensure_ascii=False)
        return f"in a file in conf/data/, which dlrun init writes: kinds: {{{quoted}: {kind}}}"
    key = _SIGNS.sub(r"\\\g<0>", name)
    return shlex.quote(f"data.kinds={{{key}: {kind}}}")


def cell_problems(found: Survey, layout: Layout, settings: Settings, file: str) -> Iterator[Problem]:
    """Infinite numbers, and missing cells where none is allowed."""
    used = [(layout.names[i], found.columns[i]) for i in layout.used]
    refused = used if settings.missing == "refuse" else [(layout.names[i], found.columns[i]) for i in _required(layout)]
    yield from _missing(refused, layout, settings, file)
    for name, column in used:
        if column.infinite.count:
            got = (
                f"{column.infinite.value.strip()} in row {column.infinite.row}{_others(column.infinite, 'such cells')}"
            )
            rule = f"must hold finite numbers, below 3.4e38 in size, in column '{name}'"
            mend = f"Correct the file, or leave the column out: {dropping(layout.names, settings, [name])}"
            if layout.target is not None and name == layout.names[layout.target]:
                mend = "Correct the file, or choose another column with data.target."
            yield Problem("data.path", rule, got=got, mend=mend, place=f"{file}:{column.infinite.line}")


def _required(layout: Layout) -> Sequence[int]:
    """The columns whose cells cannot be missing: what is predicted, and what the split goes by."""
    return [place for place in (layout.target, layout.group, layout.time) if place is not None]


def _missing(
    used: Sequence[tuple[str, ColumnSurvey]], layout: Layout, settings: Settings, file: str
) -> Iterator[Problem]:
    missing = [(name, column) for name, column in used if column.missing.count]
    target = None if layout.target is None else layout.names[layout.target]
    needed = {layout.names[place] for place in _required(layout)}
    drop = dropping(layout.names, settings, (name for name, _ in missing if name not in needed))

    def problem(name: str, column: ColumnSurvey) -> Problem:
        cells = "1 empty cell" if column.missing.count == 1 else f"{column.missing.count} empty cells"
        first = f", the first ({shown(column.missing.value)}) in row {column.missing.row}"
        rows = "drop_unlabelled" if name == target and settings.missing != "refuse" else "drop_rows"
        mend = f"Leave out the rows with data.missing={rows}"
        mend += "." if name in needed else f", or the columns with {drop}"
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
    return Problem("data.path", rule, got=got, mend=of_file(mend, file), place=f"{file}:{column.text.line}")


def numeral(column: ColumnSurvey, found: Survey, settings: Settings) -> str | None:
    """The way out where the text of a column, or nearly all of it, reads as numbers that are written in another way."""
    text = column.text
    alike = max(column.looks.values(), default=0)
    cells = alike if alike >= _NEARLY_ALL * text.count else text.count
    return way_out(column.looks, cells, text.value, settings.decimal, found.has_fractions)


def _others(finding: Finding, what: str) -> str:
    return "" if finding.count == 1 else f" ({finding.count} {what})"


def shown(cell: str) -> str:
    """A cell as messages show it: quoted, on one line, cut where it is long."""
    text = " ".join(cell.split())
    return f"'{text}'" if len(text) <= _LONGEST else f"'{text[:_LONGEST]}...'"
