"""The target: classes with too few rows, classes that a part has not, and numbers that are classes in truth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from dlrun.data.findings.finding import Finding, listed
from dlrun.data.findings.values import FAR, far_values, has_long_tail
from dlrun.data.findings.view import PARTS, View
from dlrun.data.findings.words import spellings

__all__ = ["target_findings"]

_FEWEST = 5  # training rows that a class needs to be learned at all
_ROWS_A_CLASS = 5
_MANY = 20
_LEAST = 0.2  # of an even share: below, accuracy says little of the class
_MOST_NUMBERS = 12  # classes called by numbers, from which on they are rather amounts
_FEW_VALUES = 5


def target_findings(view: View) -> Iterator[Finding]:
    """Of classes, or of numbers to predict."""
    if view.has_classes:
        counts = {part: _counts(view, part) for part in PARTS}
        yield from _too_many(view)
        yield from _too_few(view, counts)
        yield from _absent(view, counts)
        yield from _uneven(view, counts["train"])
        yield from _names(view)
    elif view.dataset.task == "regression":
        yield from _amounts(view)


def _counts(view: View, part: str) -> np.ndarray:
    return np.bincount(view.dataset.y[getattr(view.split, part)], minlength=len(view.dataset.classes))


def _too_many(view: View) -> Iterator[Finding]:
    classes, rows = len(view.dataset.classes), view.dataset.samples
    if classes >= _MANY and rows < _ROWS_A_CLASS * classes:
        rule = f"should have {_ROWS_A_CLASS} rows a class or more"
        mend = (
            "data.task=regression if they are amounts" if _are_numbers(view) else "Choose another target, or more rows."
        )
        got = f"{classes} classes in {rows} rows, {rows / classes:.1f} each"
        yield Finding("warning", "many_classes", "the target", rule, got, mend)


def _too_few(view: View, counts: Mapping[str, np.ndarray]) -> Iterator[Finding]:
    rare = [
        f"'{name}' {count}"
        for name, count in zip(view.dataset.classes, counts["train"], strict=True)
        if 0 < count < _FEWEST
    ]
    if rare and len(counts["train"]) < _MANY * _MANY and view.separate:
        rule, mend = f"should have {_FEWEST} rows or more to learn from", "Add rows, or join it with another class."
        about = f"class {rare[0].rpartition(' ')[0]}" if len(rare) == 1 else f"{len(rare)} classes"
        yield Finding("warning", "rare_class", about, rule, f"rows in the training part: {listed(rare)}", mend)


def _absent(view: View, counts: Mapping[str, np.ndarray]) -> Iterator[Finding]:
    for part, count in counts.items():
        names = [f"'{name}'" for name, number in zip(view.dataset.classes, count, strict=True) if number == 0]
        if names and count.sum():
            mend = "split.stratify=true" if "stratify" in view.spec["split"] else "Another split."
            mend = mend if part != "train" else f"{mend}, or more rows: a class that is not trained is never predicted."
            yield Finding(
                "warning", "absent_class", f"the {part} part", "should hold every class", f"no {listed(names)}", mend
            )


def _uneven(view: View, counts: np.ndarray) -> Iterator[Finding]:
    if (
        view.spec["trainer"]["class_weight"] is not None
        or view.spec.get("sampling", {"option": "none"})["option"] != "none"
    ):
        return
    present = counts[counts > 0]
    least = present.min() if len(present) else 0
    if len(present) > 1 and least < _LEAST * present.mean() and counts.sum() >= 10 * _FEWEST:
        name = view.dataset.classes[int(np.where(counts > 0, counts, counts.max() + 1).argmin())]
        guess = present.max() / present.sum()
        rule = f"should be of like size: a model that never says '{name}' may look good"
        got = f"{least} of {counts.sum()} training rows; the commonest class alone makes {guess:.1%} accuracy"
        yield Finding("warning", "imbalance", "the classes", rule, got, "trainer.class_weight=balanced")


def _are_numbers(view: View) -> bool:
    return all(name.lstrip("-").replace(".", "", 1).isdecimal() for name in view.dataset.classes)


def _names(view: View) -> Iterator[Finding]:
    classes = view.dataset.classes
    if twins := spellings(list(classes)):
        rule, mend = "should be spelled in one way each", "Write one of them in every row."
        yield Finding("warning", "class_spelling", "the classes", rule, " and ".join(map(repr, twins[0])), mend)
    if len(classes) > _MOST_NUMBERS and _are_numbers(view) and "task" in view.spec["data"]:
        rule = "should be kinds, not amounts: a miss by one would count as much as a miss by all"
        got = f"{len(classes)} classes called {listed(list(classes))}"
        yield Finding("warning", "classes_are_numbers", "the classes", rule, got, "If amounts: data.task=regression")


def _amounts(view: View) -> Iterator[Finding]:
    targets = view.y.reshape(len(view.rows), -1).astype(np.float64)
    for output, values in enumerate(targets.T):
        about = "the target" if targets.shape[1] == 1 else f"target {output + 1}"
        distinct = np.unique(values)
        is_whole = bool((distinct == np.floor(distinct)).all())
        if 1 < len(distinct) <= _FEW_VALUES and is_whole and len(values) >= 10 * _FEW_VALUES:
            rule, mend = "should be an amount, not a class", "If these are classes: data.task=multiclass"
            got = f"only {listed([f'{value:g}' for value in distinct])}"
            yield Finding("warning", "target_is_classes", about, rule, got, mend)
            continue
        column = np.sort(values)
        if len(far := far_values(column)):
            worst = far[np.abs(far - np.median(column)).argmax()]
            row = int(view.rows[int((values == worst).argmax())]) + 1
            rule = f"should have no value beyond {FAR:g} robust standard deviations of its median"
            got = f"{worst:g} in row {row}, {len(far)} such (median {np.median(column):g})"
            mend = "Correct or leave out the rows; loss=huber bears them."
            yield Finding("warning", "target_outliers", about, rule, got, mend)
        elif len(column) >= 10 * _FEW_VALUES and has_long_tail(column):
            rule = "should not span orders of magnitude: squared errors see the largest alone"
            got = f"from {column[0]:g} over {np.median(column):g} (median) to {column[-1]:g}"
            mend = "Predict its logarithm: write that into the file; or loss=huber"
            yield Finding("warning", "target_long_tail", about, rule, got, mend)
