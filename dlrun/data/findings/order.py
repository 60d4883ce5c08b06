"""Time and groups: what is torn apart by a split that does not know of them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dlrun.data.findings.finding import Finding, of_columns
from dlrun.data.findings.mends import PEOPLE, grouping, timing
from dlrun.data.findings.view import Cells, View

__all__ = ["order_findings"]

_FEWEST = 20
_IN_ORDER = 0.99
_ONE_EACH = 0.9
_REGULAR = 0.8


def order_findings(view: View) -> Iterator[Finding]:
    """Of data that knows when its samples are from, or which belong together; and of columns that would tell."""
    yield from _windows(view)
    yield from _times(view)
    if view.dataset.times is None:
        yield from _dated(view)
    if view.dataset.groups is None:
        yield from _grouped(view)


def _windows(view: View) -> Iterator[Finding]:
    """Windows of a series that are trained on and reach over what is judged on."""
    spans = view.dataset.spans
    if spans is None or not view.separate:
        return
    for part in ("validation", "test"):
        rows = getattr(view.split, part)
        if not len(rows):
            continue
        touched = _steps(spans[view.split.train], view.dataset.groups, view.split.train)
        wanted = _steps(spans[rows], view.dataset.groups, rows)
        count = sum(_overlaps(touched[group], wanted[group]) for group in wanted.keys() & touched.keys())
        if count:
            rule = "must hold windows that no window of the training part reaches over: their answer is trained on"
            got = f"{count} of {len(rows)} windows overlap one"
            yield Finding("error", "overlapping_windows", f"the {part} part", rule, got, timing(view.spec))


def _steps(spans: np.ndarray, groups: np.ndarray | None, rows: np.ndarray) -> dict[int, np.ndarray]:
    """The spans by group."""
    if groups is None:
        return {0: spans}
    return {int(group): spans[groups[rows] == group] for group in np.unique(groups[rows])}


def _overlaps(trained: np.ndarray, judged: np.ndarray) -> int:
    """How many of the judged spans have a step in common with a trained one.

    A trained span that begins before the judged one ends, and does not end before that begins.
    """
    begins, ends = np.sort(trained[:, 0]), np.sort(trained[:, 1])
    begun = np.searchsorted(begins, judged[:, 1], side="right")
    ended = np.searchsorted(ends, judged[:, 0], side="left")
    return int((begun > ended).sum())


def _times(view: View) -> Iterator[Finding]:
    times = view.dataset.times
    if times is None:
        return
    if view.separate and view.dataset.spans is None:
        yield from _future(view, times)
    groups = view.dataset.groups
    back = np.diff(times) < 0
    if groups is not None:
        back &= np.diff(groups) == 0
    if back.any():
        row = int(back.argmax()) + 2
        got = f"{int(back.sum())} that are earlier than the row before, the first is row {row}"
        mend = "Sort the file by time if its order means something; split=time goes by the times."
        yield Finding("warning", "times_out_of_order", "the rows", "should be in order of time", got, mend)
    known = np.unique(times if groups is None else np.stack([groups.astype(np.float64), times]), axis=-1).shape[-1]
    repeated = len(times) - known
    if repeated and known >= _ONE_EACH * len(times) and _is_regular(times):
        got = f"{repeated} times that another row has too, among {len(times)}"
        rule, mend = "should have a time of their own, as nearly all have", "Leave the repetitions out of the data."
        yield Finding("warning", "duplicate_times", "the rows", rule, got, mend)


def _is_regular(times: np.ndarray) -> bool:
    """Whether times mostly follow one another in equal steps: of others some coincide by chance."""
    steps = np.diff(np.unique(times))
    return len(steps) >= _FEWEST and bool(np.isclose(steps, np.median(steps)).mean() >= _REGULAR)


def _future(view: View, times: np.ndarray) -> Iterator[Finding]:
    """Rows to be judged on that lie before some that are trained on."""
    last = times[view.split.train].max()
    for part in ("test", "validation"):
        rows = getattr(view.split, part)
        if len(rows) and (early := int((times[rows] < last).sum())):
            rule = "should be later than all that is trained on: a model must not know the future"
            got = f"{early} of {len(rows)} rows are earlier than the last training row"
            yield Finding("warning", "future_in_training", f"the {part} part", rule, got, timing(view.spec))
            return  # of the other part it is the same


def _dated(view: View) -> Iterator[Finding]:
    """A file in order of a date, split at random."""
    if not view.separate or view.spec["split"]["option"] in ("time", "files") or view.is_sampled:
        return
    for cells in view.cells:
        if cells.column.kind == "date" and _is_in_order(cells):
            rule = "should decide the split: the rows are in its order, and what comes later is what will be predicted"
            got = f"a split at random over {cells.known.max() - cells.known.min():.0f} days"
            mend = timing(view.spec, cells.name)
            yield of_columns("warning", "random_split_of_time", [cells.name], rule, got, mend)
            return


def _is_in_order(cells: Cells) -> bool:
    steps = np.diff(cells.known)
    if len(steps) < _FEWEST or len(cells.counts[0]) < len(cells.known) / 10:
        return False
    return bool((steps >= 0).mean() >= _IN_ORDER or (steps <= 0).mean() >= _IN_ORDER)


def _grouped(view: View) -> Iterator[Finding]:
    """A column that says whose the row is, with several rows for most, split at random."""
    if not view.separate or view.spec["split"]["option"] in ("grouped", "time", "files"):
        return
    for cells in view.cells:
        counts = cells.counts[1]
        is_name = cells.column.kind in ("category", "number") and PEOPLE.search(cells.name) is not None
        if (
            is_name
            and len(counts) >= 5
            and len(cells.known) / len(counts) >= 2
            and len(counts) >= 0.01 * len(cells.known)
        ):
            name = cells.name
            rule = "should keep its rows in one part: with rows of each in training, the test says nothing of new ones"
            got = f"{len(counts)} values, {len(cells.known) / len(counts):.1f} rows each, split at random"
            yield of_columns("warning", "group_column", [name], rule, got, grouping(view.spec, name))
            return
