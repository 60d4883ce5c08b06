"""Columns that give the answer away: what equals the target, or almost determines it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dlrun.data.findings.finding import Finding, listed, of_columns
from dlrun.data.findings.mends import dropping
from dlrun.data.findings.tablecolumns import is_identity
from dlrun.data.findings.view import Cells, View

__all__ = ["leak_findings"]

_FEWEST = 30  # rows: fewer can be told apart by chance
_FEWEST_OF_A_CLASS = 5
_MOST_CELLS = 500_000
_NEARLY = 0.99  # the share of each class that one column tells
_BY_GAPS = 0.95  # the share of each class that the empty cells of one column tell
_ORDER = 0.999  # rank correlation with a target of numbers
_LINE = 0.9999999
_WITHIN = 1e-4  # the share of a target's variance that lies within the words of a column


def leak_findings(view: View) -> Iterator[Finding]:
    """Of a table with one target; identities are told elsewhere."""
    if view.x.ndim != 2 or len(view.rows) < _FEWEST or (view.dataset.task != "regression" and not view.has_classes):
        return
    every = max(1, len(view.rows) * len(view.cells) // _MOST_CELLS)
    cells = [Cells(each.column, each.values[::every]) for each in view.cells if not is_identity(each)]
    y = view.y[::every]
    cells = [each for each in cells if each.column.kind != "text" and len(each.known) >= _FEWEST]
    found = dict(_of_classes(cells, y) if view.has_classes else _of_numbers(cells, y))
    equal = [name for name, score in found.items() if score == 1]
    # one column that tells all is a function to be learned; beside others it is what they were to tell
    if equal and len(view.cells) > 1:
        rule = "must not equal the target: at prediction it is not known yet"
        got = f"the same as the target in every row: {listed([repr(name) for name in equal])}"
        mend = dropping(view.spec, equal)
        yield of_columns("error", "target_equals_column", equal, rule, got, mend)
    nearly = {name: score for name, score in found.items() if score < 1}
    if nearly and len(view.cells) > 1:
        told = [f"'{name}' alone {_told(score, view)}" for name, score in nearly.items()]
        names = list(nearly)
        rule = "should not almost determine the target: was it known before the target was?"
        yield of_columns("warning", "target_leak", names, rule, listed(told), f"If not: {dropping(view.spec, names)}")
    if view.has_classes:
        yield from _by_gaps(cells, y, view)


def _told(score: float, view: View) -> str:
    what = "of each class is told right" if view.has_classes else "is its rank correlation with the target"
    return f"{score:.1%} {what}" if view.has_classes else f"{score:.4f} {what}"


def _of_classes(cells: list[Cells], y: np.ndarray) -> Iterator[tuple[str, float]]:
    """Columns that tell the class, and how much of each class they tell on average: 1 where they equal it."""
    counts = np.bincount(y)
    present = int((counts > 0).sum())
    if present < 2 or counts[counts > 0].min() < _FEWEST_OF_A_CLASS:
        return
    for each in cells:
        known = ~np.isnan(each.values)
        values, labels = each.values[known], y[known]
        if len(each.counts[0]) == present and known.all() and _is_renamed(values, labels):
            yield each.name, 1.0
        elif each.column.kind in ("category", "flag"):
            if len(each.counts[0]) * 3 <= len(values) and (score := _purity(values, labels)) >= _NEARLY:
                yield each.name, min(score, 0.9999)
        elif _has_few_borders(values, labels) and (score := _by_tree(values, labels)) >= _NEARLY:
            yield each.name, min(score, 0.9999)


def _is_renamed(values: np.ndarray, labels: np.ndarray) -> bool:
    """Whether each value has one class and each class one value."""
    pairs = np.unique(np.stack([values, labels]), axis=1).shape[1]
    return bool(pairs == len(np.unique(values)) == len(np.unique(labels)))


def _purity(values: np.ndarray, labels: np.ndarray) -> float:
    """The share of each class, on average, that is its value's commonest class among the other rows of that value."""
    _, codes = np.unique(values, return_inverse=True)
    table = np.zeros((codes.max() + 1, int(labels.max()) + 1))
    np.add.at(table, (codes, labels), 1)
    best = table.max(axis=1, keepdims=True)
    right = np.where((table == best) & (table > 1), table, 0.0)  # a single row would tell itself
    right[(table == best).sum(axis=1) > 1] = 0.0
    totals = table.sum(axis=0)
    return float((right.sum(axis=0)[totals > 0] / totals[totals > 0]).mean())


def _has_few_borders(values: np.ndarray, labels: np.ndarray) -> bool:
    """Whether classes follow one another along the column, nearly: what a tree need be asked about."""
    ordered = labels[np.lexsort((labels, values))]
    classes = len(np.unique(labels))
    return int((np.diff(ordered) != 0).sum()) <= 2 * classes + 0.03 * len(labels)


def _by_tree(values: np.ndarray, labels: np.ndarray) -> float:
    """The share of each class, on average, that a small tree over the column tells of rows that it has not seen."""
    from sklearn.metrics import recall_score
    from sklearn.tree import DecisionTreeClassifier

    order = np.random.default_rng(0).permutation(len(values))
    half = len(order) // 2
    leaves = 2 * len(np.unique(labels))
    scores = []
    for seen, unseen in ((order[:half], order[half:]), (order[half:], order[:half])):
        tree = DecisionTreeClassifier(max_leaf_nodes=leaves, random_state=0)
        tree.fit(values[seen, np.newaxis], labels[seen])
        told = tree.predict(values[unseen, np.newaxis])
        scores.append(recall_score(labels[unseen], told, average="macro", zero_division=0.0))
    return float(np.mean(scores))


def _of_numbers(cells: list[Cells], y: np.ndarray) -> Iterator[tuple[str, float]]:
    """Columns that tell a target of numbers: 1 where they are a straight line of it, else the rank correlation."""
    for output in y.reshape(len(y), -1).T.astype(np.float64):
        if len(np.unique(output)) < 3:
            continue
        for each in cells:
            known = ~np.isnan(each.values)
            values, targets = each.values[known], output[known]
            if len(each.counts[0]) < 3 or np.ptp(targets) == 0:
                continue
            if each.column.kind in ("category", "flag"):
                if len(each.counts[0]) * 3 <= len(values) and _variance_within(values, targets) < _WITHIN:
                    yield each.name, 0.9999
            elif known.all() and abs(np.corrcoef(values, targets)[0, 1]) >= _LINE:
                yield each.name, 1.0
            elif (score := abs(np.corrcoef(_ranks(values), _ranks(targets))[0, 1])) >= _ORDER:
                yield each.name, min(float(score), 0.9999)


def _ranks(values: np.ndarray) -> np.ndarray:
    """Places in order, equal values sharing the middle one."""
    _, codes, counts = np.unique(values, return_inverse=True, return_counts=True)
    middle: np.ndarray = np.cumsum(counts) - counts / 2
    return middle[codes]


def _variance_within(values: np.ndarray, targets: np.ndarray) -> float:
    _, codes, counts = np.unique(values, return_inverse=True, return_counts=True)
    means = np.bincount(codes, targets) / counts
    return float(((targets - means[codes]) ** 2).sum() / ((targets - targets.mean()) ** 2).sum())


def _by_gaps(cells: list[Cells], y: np.ndarray, view: View) -> Iterator[Finding]:
    """Columns whose empty cells tell the class: they were filled once it was known."""
    counts = np.bincount(y)
    if (counts > 0).sum() != 2 or counts[counts > 0].min() < _FEWEST_OF_A_CLASS:
        return
    told, names = [], []
    for each in cells:
        gaps = np.isnan(each.values)
        if 0.02 < gaps.mean() < 0.98 and (score := _purity(gaps.astype(np.float64), y)) >= _BY_GAPS:
            told.append(f"whether '{each.name}' is empty tells {score:.0%} of each class")
            names.append(each.name)
    if names:
        rule = "should be empty by chance: a cell that is filled once the target is known gives it away"
        mend = dropping(view.spec, names)
        yield of_columns("warning", "missing_tells_target", names, rule, listed(told), mend)
