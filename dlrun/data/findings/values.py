"""Values that are missing, far out, or mean something else than they look like."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from dlrun.data.findings.finding import Finding, listed, of_columns
from dlrun.data.findings.mends import dropping, emptying, filling, shortest, stands_in
from dlrun.data.findings.view import PARTS, Cells, View

__all__ = ["FAR", "MOSTLY_FILLED", "far_values", "has_long_tail", "value_findings"]

_FEWEST = 30  # rows from which on a distribution can be judged
MOSTLY_FILLED = 0.4
"""The share of filled cells up to which a column is mostly empty."""

FAR = 20.0
"""Robust standard deviations; of a normal column no value is farther than 6."""

_FAR_IN_LOG = 8.0  # what is this far out in its order of magnitude as well is no long tail
_SIGMA = 1.4826  # times the median distance to the median: the standard deviation of a normal column
_TAIL = 50.0  # times the median, beyond which the hundredth part of a column lies
_NINES = re.compile(r"9{2,}(\.9+)?")  # -999, 9999 and -99.9 are what instruments write where they know nothing
_FIRST_DATE, _LAST_DATE = -51_134, 47_482  # 1830 and 2100, in days


def value_findings(view: View) -> Iterator[Finding]:
    """Missing cells, outliers, long tails and dates that cannot be, of a table; missing values of sequences."""
    yield from _empty_rows(view)
    yield from _missing(view)
    yield from _numbers(view)
    yield from _dates(view)


def _empty_rows(view: View) -> Iterator[Finding]:
    if view.x.ndim > 3:
        return
    empty = np.isnan(view.x.reshape(len(view.x), -1)).all(axis=1)
    if count := int(empty.sum()):
        first = view.rows[int(empty.argmax())] + 1
        mend = "data.missing=drop_rows" if "missing" in view.spec["data"] else "Leave them out of the data."
        rule = "should have a value: nothing is known of these samples but their label"
        yield Finding("warning", "empty_rows", "the rows", rule, f"{count} empty ones, the first is row {first}", mend)


def _missing(view: View) -> Iterator[Finding]:
    shares = {cells.name: 1 - len(cells.known) / len(cells.values) for cells in view.cells}
    mostly = {name: share for name, share in shares.items() if 1 - MOSTLY_FILLED <= share < 1}
    some = {name: share for name, share in shares.items() if 0 < share < 1 - MOSTLY_FILLED}
    if mostly:
        told = [f"'{name}' {share:.0%} empty" for name, share in _greatest_first(mostly)]
        rule = "should mostly be filled: what stands in for a missing value would be most of it"
        names = list(mostly)
        yield of_columns("warning", "mostly_missing", names, rule, listed(told), dropping(view.spec, names))
    if some:
        told = [f"'{name}' {_percent(share)} empty" for name, share in _greatest_first(some)]
        rule = "should have a value in every row"
        kinds = {cells.column.kind for cells in view.cells if cells.name in some}
        got = _noted(listed(told), stands_in(view.spec, kinds))
        yield of_columns("warning", "missing_values", list(some), rule, got, filling(view.spec))
    if view.x.ndim == 3 and (share := float(np.isnan(view.x).mean())):
        got = _noted(f"{_percent(share)} of the values are missing", stands_in(view.spec))
        yield Finding("warning", "missing_values", "the sequences", "should have every value", got, filling(view.spec))
    yield from _missing_in_training(view)


def _noted(told: str, note: str) -> str:
    return f"{told}; {note}" if note else told


def _missing_in_training(view: View) -> Iterator[Finding]:
    train = view.of(0)
    found = [c.name for c in view.cells if len(c.known) and np.isnan(c.values[train]).all() and train.any()]
    if found:
        rule = f"must have a value in the {PARTS[0]} part, which is where what is missing is measured"
        got = f"only empty cells there: {listed(found)}"
        yield of_columns("error", "missing_in_training", found, rule, got, dropping(view.spec, found))


def _greatest_first(shares: dict[str, float]) -> list[tuple[str, float]]:
    return sorted(shares.items(), key=lambda each: -each[1])


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.005 else "under 0.5%"


def _numbers(view: View) -> Iterator[Finding]:
    names, ordered = view.numbers
    by_name = {cells.name: cells for cells in view.cells}
    counts = (~np.isnan(ordered)).sum(axis=0)
    enough = np.flatnonzero(counts >= _FEWEST)
    far, tails, sentinels = [], [], []
    for place in enough:
        column = ordered[: counts[place], place]
        cells = by_name[names[place]]
        if told := _far_out(column, cells, view):
            far.append((cells.name, told))
            sentinels += _sentinels(far_values(column))
        elif has_long_tail(column):
            tails.append(cells.name)
    if far:
        yield of_columns(
            "warning",
            "outliers",
            [name for name, _ in far],
            f"should have no value beyond {FAR:g} robust standard deviations of its median",
            listed([told for _, told in far]),
            _way_out(view, sentinels),
        )
    if tails:
        rule = "should not span orders of magnitude: most of it would be squeezed into one place"
        got = f"a hundredth lies beyond {_TAIL:g} times the median: {listed(tails)}"
        yield of_columns("warning", "long_tail", tails, rule, got, "preprocess=log, or preprocess=quantile")


def _sentinels(far: np.ndarray) -> list[float]:
    """Numbers that probably stand for missing ones: nines, or one value again and again."""
    values, counts = np.unique(far, return_counts=True)
    found = [value for value in values.tolist() if _NINES.fullmatch(shortest(abs(value)))]
    return found or (values.tolist() if len(values) == 1 and counts[0] > 1 else [])


def _way_out(view: View, sentinels: list[float]) -> str:
    word = emptying(view.spec, sentinels) if sentinels else ""
    if word:
        return f"{word} where the number stands for a missing one. Else correct them; preprocess=robust bears them."
    empty = "Correct them, or leave the cells empty where a number stands for a missing one;"
    return f"{empty} preprocess=robust bears them."


def _far_out(column: np.ndarray, cells: Cells, view: View) -> str:
    """What is said of the extreme values of a sorted column; empty where it has none."""
    found = far_values(column)
    if not len(found):
        return ""
    middle = column[len(column) // 2]
    worst = found[np.abs(found - middle).argmax()]
    row = int(view.rows[int((cells.values == worst).argmax())]) + 1
    many = f"{len(found)} times" if found[0] == found[-1] else f"{len(found)} such"
    more = "" if len(found) == 1 else f", {many}"
    return f"'{cells.name}' is {worst:g} in row {row}{more} (median {middle:g})"


def far_values(column: np.ndarray) -> np.ndarray:
    """The extreme values of a sorted column without gaps. They are a hundredth of the rows at most, or one value again
    and again: more are no outliers but a long tail."""
    middle = column[len(column) // 2]
    spread = _SIGMA * float(np.median(np.abs(column - middle)))
    if len(column) < _FEWEST or spread == 0 or max(column[-1] - middle, middle - column[0]) <= FAR * spread:
        return column[:0]
    is_far = np.abs(column - middle) > FAR * spread
    if column[0] >= 0:  # amounts: what is far out may be their long tail
        logs = np.log(column[column > 0])
        width = _SIGMA * float(np.median(np.abs(logs - logs[len(logs) // 2])))
        is_far[len(column) - len(logs) :] &= np.abs(logs - logs[len(logs) // 2]) > _FAR_IN_LOG * width
    found = column[is_far]
    is_one_value = len(found) > 1 and found[0] == found[-1]
    most = 0.4 * len(column) if is_one_value else max(1, 0.01 * len(column))
    return found if len(found) <= most else column[:0]


def has_long_tail(column: np.ndarray) -> bool:
    """Whether a sorted column of numbers from 0 spans orders of magnitude."""
    middle = column[len(column) // 2]
    return bool(column[0] >= 0 and middle > 0 and column[int(0.99 * len(column))] > _TAIL * middle)


def _dates(view: View) -> Iterator[Finding]:
    told, names = [], []
    for cells in view.cells:
        if cells.column.kind == "date" and len(cells.known):
            odd = int(((cells.known < _FIRST_DATE) | (cells.known > _LAST_DATE)).sum())
            zero = int((cells.known == 0).sum())
            usual = int((np.abs(cells.known) > 366).sum())
            if odd or (zero > 1 and usual > 0.5 * len(cells.known)):
                what = f"{odd} before 1830 or after 2100" if odd else f"1970-01-01 {zero} times"
                told.append(f"'{cells.name}': {what}")
                names.append(cells.name)
    if names:
        mend = "Leave the cells empty where the date is not known."
        yield of_columns("warning", "odd_dates", names, "should hold true dates", listed(told), mend)
