"""Rows that follow one another in time: steps that are missing, and columns that stay where they should move."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dlrun.data.findings.finding import Finding, listed, of_columns
from dlrun.data.findings.view import Cells, View

__all__ = ["rhythm_findings"]

_FEWEST = 50  # steps: of fewer no rhythm can be told
_REGULAR = 0.9  # of the steps are of one length: working days are 0.8, and a weekend is no gap
_SAME = 0.1  # by which steps of one length may differ
_GAP = 2.5  # steps: two rows are missing, one may well be
_FEW_GAPS = 0.05  # of the steps: more are how the data is
_IN_ORDER = 0.99
_LONGEST = 20  # rows with one value: fewer are not told
_FAR_BEYOND = 8  # times what all but a hundredth of the column's other stretches last
_NEVER = 1e-9  # stretches so long that chance would make
_FEWEST_VALUES = 10
_MOST_DEVICES = 50


def rhythm_findings(view: View) -> Iterator[Finding]:
    """Of tables with a time; windows of a series are cut where steps are missing, and tell of it themselves."""
    if not view.cells or view.dataset.spans is not None or view.is_sampled:
        return
    times = _times(view)
    if times is None or len(times) < _FEWEST:
        return
    groups, names = _groups(view, times)
    yield from _gaps(times, groups)
    yield from _stuck(view, times, groups, names)


def _times(view: View) -> np.ndarray | None:
    """When each row is from, if the rows mean to be in order of time."""
    if view.dataset.times is not None:
        return view.dataset.times
    for cells in view.cells:
        if cells.column.kind == "date" and len(cells.known) == len(cells.values) and len(cells.counts[0]) > _FEWEST:
            times = cells.values
            if (np.diff(times) >= 0).mean() >= _IN_ORDER:
                return times
    return None


def _groups(view: View, times: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """Whose each row is: by the data's groups, else by a column of words that tells rows of one time apart."""
    if view.dataset.groups is not None:
        return view.dataset.groups.astype(np.int64), ()
    if len(np.unique(times)) < 0.75 * len(times):
        for cells in view.cells:
            if cells.column.kind == "category" and 1 < len(cells.counts[0]) <= _MOST_DEVICES:
                own = np.nan_to_num(cells.values, nan=-1).astype(np.int64)
                if len(np.unique(np.stack([own, times]), axis=1).T) >= _IN_ORDER * len(times):
                    return own, cells.column.values
    return np.zeros(len(times), np.int64), ()


def _gaps(times: np.ndarray, groups: np.ndarray) -> Iterator[Finding]:
    found, longest, row, steps_seen = 0, 0.0, 0, 0
    for group in np.unique(groups)[:1000]:
        rows = np.flatnonzero(groups == group)
        moments, first = np.unique(times[rows], return_index=True)
        steps = np.diff(moments)
        usual = float(np.median(steps)) if len(steps) >= _FEWEST else 0.0
        if not usual or (np.abs(steps - usual) <= _SAME * usual).mean() < _REGULAR:
            continue
        steps_seen += len(steps)
        gaps = np.flatnonzero(steps >= _GAP * usual)
        found += len(gaps)
        if len(gaps) and steps.max() / usual > longest:
            longest, row = float(steps.max() / usual), int(rows[first[steps.argmax()]]) + 1
    if found and found <= max(1, _FEW_GAPS * steps_seen):
        rule = "should follow one another in equal steps, as nearly all do"
        which = "one gap," if found == 1 else f"{found} gaps, the longest"
        mend = "Add the missing rows. Rows are learned one by one, but lags and windows would reach over the gap."
        yield Finding("warning", "time_gaps", "the rows", rule, f"{which} of {longest:.0f} steps after row {row}", mend)


def _stuck(view: View, times: np.ndarray, groups: np.ndarray, names: tuple[str, ...]) -> Iterator[Finding]:
    order = np.lexsort((times, groups))
    told, columns = [], []
    for cells in view.cells:
        if cells.column.kind != "number" or len(cells.counts[0]) < _FEWEST_VALUES:
            continue
        if (stretch := _stays(cells, order, groups)) is not None:
            place, length = stretch
            whose = f" of '{names[groups[order[place]]]}'" if names else ""
            value, row = cells.values[order[place]], int(view.rows[order[place]]) + 1
            told.append(f"'{cells.name}' is {value:g} {length} times in a row{whose}, from row {row} on")
            columns.append(cells.name)
    if columns:
        rule = "should move as elsewhere: a value that stays is often a sensor that hangs"
        mend = "Leave the cells empty where nothing was measured, or leave the rows out."
        yield of_columns("warning", "stuck_values", columns, rule, listed(told), mend)


def _stays(cells: Cells, order: np.ndarray, groups: np.ndarray) -> tuple[int, int] | None:
    """Where in the order the longest stretch of one value begins and how long it is, if it is far beyond the others."""
    values, whose = cells.values[order], groups[order]
    is_new = np.append(True, (values[1:] != values[:-1]) | (whose[1:] != whose[:-1]))  # NaN is not equal to itself
    begins = np.flatnonzero(is_new)
    lengths = np.diff(np.append(begins, len(values)))
    longest = int(lengths.argmax())
    length, others = int(lengths[longest]), np.delete(lengths, longest)
    if length < _LONGEST or len(others) < _FEWEST or length < _FAR_BEYOND * float(np.quantile(others, 0.99)):
        return None
    alike = (values[begins] == values[begins[longest]]) & (lengths >= length / 4)
    repeats = 1 - len(others) / float(others.sum())
    if alike.sum() > 2 or len(values) * repeats ** (length - 1) > _NEVER:  # nights without sun are no fault
        return None
    return int(begins[longest]), length
