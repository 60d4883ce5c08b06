"""Columns that tell nothing, tell the same, or only number the rows."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from dlrun.data.findings.finding import Finding, listed, of_columns
from dlrun.data.findings.mends import dropping
from dlrun.data.findings.rowkeys import mixed
from dlrun.data.findings.view import Cells, View

__all__ = ["column_findings", "is_identity"]

_FEWEST = 20  # rows from which on distinct values say something
_FEW = 0.005  # the share of rows up to which what is not the usual value is next to nothing
_COPY = 0.999999  # correlation from which on a column is another one in other units
_ID = re.compile(r"(^|[_\W])(id|uuid|guid|index|idx|row|key|nr|no|number|serial|unnamed)([_\W]?\d*)$", re.IGNORECASE)


def column_findings(view: View) -> Iterator[Finding]:
    """Of a table: constant and nearly constant columns, copies of others, identities, and what float32 cuts off."""
    if not view.cells:
        yield from _all_alike(view)
        return
    constant = [cells for cells in view.cells if len(cells.counts[0]) < 2 and len(view.rows) > 1]
    if len(constant) == len(view.cells):
        rule, mend = "must vary in one column or more", "Choose columns that tell something: data.features=[...]"
        yield Finding("error", "all_constant", "the data", rule, "the same values in every row", mend)
        return
    rest = [cells for cells in view.cells if cells not in constant]
    identities = [cells for cells in rest if is_identity(cells)]
    yield from _constant(constant, view)
    yield from _constant_in_training(rest, view)
    yield from _nearly_constant(rest, view)
    yield from _copies([cells for cells in rest if cells not in identities], view)
    yield from _identities(identities, view)
    yield from _cut_off([cells for cells in rest if cells not in identities], view)


def is_identity(cells: Cells) -> bool:
    """Whether a column names or counts the rows: as many values as rows, and nothing that could be measured."""
    values, _ = cells.counts
    if cells.column.kind not in ("number", "category") or len(cells.known) < _FEWEST:
        return False
    if len(values) < 0.99 * len(cells.known):
        return False
    if cells.column.kind == "category":
        return True
    is_whole = bool((values == np.floor(values)).all())
    if not is_whole:
        return False
    steps = np.diff(cells.known)
    is_counter = bool((steps == steps[0]).all()) or float(np.ptp(values)) <= 1.05 * len(values)
    return is_counter or _ID.search(cells.name) is not None


def _all_alike(view: View) -> Iterator[Finding]:
    """Of samples that are no table: whether all are the same."""
    if len(view.rows) > 1 and bool((view.x == view.x[:1]).all()):
        mend = "Look at the files: every sample is the same"
        yield Finding("error", "all_constant", "the data", "must vary", "the same values in every sample", mend)


def _constant(found: list[Cells], view: View) -> Iterator[Finding]:
    if not found:
        return
    names = [cells.name for cells in found]
    told = [f"'{cells.name}' is {_said(cells)}" for cells in found]
    yield of_columns(
        "warning",
        "constant_column",
        names,
        "should vary: nothing can be learned from one value",
        listed(told),
        dropping(view.spec, names),
    )


def _said(cells: Cells) -> str:
    values, _ = cells.counts
    if not len(values):
        return "empty"
    return f"'{cells.words(values)[0]}'" if cells.column.kind == "category" else f"{values[0]:g}"


def _constant_in_training(rest: list[Cells], view: View) -> Iterator[Finding]:
    """Columns that vary elsewhere only: what the training part does not show cannot be learned."""
    train = view.of(0)
    if train.sum() < _FEWEST:
        return
    found = [cells for cells in rest if len(np.unique(_known(cells.values[train]))) < 2]
    if names := [cells.name for cells in found]:
        yield of_columns(
            "warning",
            "constant_in_training",
            names,
            "should vary in the training part, as elsewhere",
            f"one value in all {int(train.sum())} rows of it: {listed(names)}",
            f"Another split.seed, or leave it out: {dropping(view.spec, names)}",
        )


def _known(values: np.ndarray) -> np.ndarray:
    known: np.ndarray = values[~np.isnan(values)]
    return known


def _nearly_constant(rest: list[Cells], view: View) -> Iterator[Finding]:
    found = []
    for cells in rest:
        _, counts = cells.counts
        others = len(cells.known) - int(counts.max())
        if cells.column.kind != "text" and len(cells.known) >= 10 / _FEW and others <= _FEW * len(cells.known):
            found.append((cells.name, others))
    if found:
        told = [f"'{name}' is another in {others} rows" for name, others in found]
        names = [name for name, _ in found]
        rule = f"should vary: one value stands in {1 - _FEW:.1%} of the rows or more"
        yield of_columns("warning", "nearly_constant", names, rule, listed(told), dropping(view.spec, names))


def _copies(rest: list[Cells], view: View) -> Iterator[Finding]:
    """Columns that hold what an earlier one holds, in the same or in other units."""
    told, names = [], []
    first_with: dict[int, str] = {}
    for cells in rest:
        # a category's numbers stand for its words in order: a renamed copy has the same numbers
        key = mixed(np.nan_to_num(cells.values, nan=-1.5)[np.newaxis])[0]
        if (earlier := first_with.setdefault(int(key), cells.name)) != cells.name:
            told.append(f"'{cells.name}' equals '{earlier}'")
            names.append(cells.name)
    for earlier, name in _scaled(rest):
        if name not in names:
            told.append(f"'{name}' is '{earlier}' in other units")
            names.append(name)
    if names:
        rule = "should hold what no other column holds"
        yield of_columns("warning", "duplicate_columns", names, rule, listed(told), dropping(view.spec, names))


def _scaled(rest: list[Cells]) -> Iterator[tuple[str, str]]:
    """Pairs of columns of numbers without gaps, of which one is a straight line of the other."""
    chosen = [
        cells
        for cells in rest
        if cells.column.kind == "number" and len(cells.known) == len(cells.values) and len(cells.counts[0]) > 2
    ][:500]  # the square of it is looked at
    if len(chosen) < 2 or len(chosen[0].values) < _FEWEST:
        return
    values = np.stack([cells.values for cells in chosen])
    values = values - values.mean(axis=1, keepdims=True)
    values /= np.linalg.norm(values, axis=1, keepdims=True)
    later, earlier = np.nonzero(np.tril(np.abs(values @ values.T) > _COPY, -1))
    for i, j in zip(later.tolist(), earlier.tolist(), strict=True):
        yield chosen[j].name, chosen[i].name


def _identities(found: list[Cells], view: View) -> Iterator[Finding]:
    if names := [cells.name for cells in found]:
        told = [f"{len(cells.counts[0])} values of '{cells.name}' in {len(cells.known)} rows" for cells in found]
        yield of_columns(
            "warning",
            "id_column",
            names,
            "should tell of the sample, not name or number it: it would be learned by heart",
            listed(told),
            dropping(view.spec, names),
        )


def _cut_off(rest: list[Cells], view: View) -> Iterator[Finding]:
    """Numbers so far from zero, for how little they differ, that float32 tells few of them apart."""
    found = []
    for cells in rest:
        if cells.column.kind == "number" and len(cells.known) >= _FEWEST:
            spread = float(np.subtract(*np.quantile(cells.known, (0.9, 0.1))))
            step = float(np.spacing(np.float32(np.abs(cells.known).max())))
            if 0 < spread < 100 * step:
                found.append((cells.name, step))
    if found:
        told = [f"'{name}' is known to {step:g} only" for name, step in found]
        mend = "Subtract its least value in the file, or give a date as a date."
        rule = "should differ by more than float32 cuts off"
        yield of_columns("warning", "cut_off", [name for name, _ in found], rule, listed(told), mend)
