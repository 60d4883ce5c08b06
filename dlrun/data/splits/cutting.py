"""Cuts of rows in two, by scikit-learn: classes, or quantiles of a target, kept in proportion where they can be."""

from __future__ import annotations

import numpy as np

from dlrun.data.dataset import Dataset
from dlrun.data.splits.demands import is_number
from dlrun.errors import DataError, Problem

__all__ = ["cut", "fold_of", "strata"]


def cut(
    rows: np.ndarray, held_out: int, dataset: Dataset, seed: int, stratify: bool | int | str
) -> tuple[np.ndarray, np.ndarray]:
    """Hold out so many of the rows, drawn at random; both parts sorted.

    Raises:
        DataError: classes were asked to be kept even, and cannot be.
    """
    from sklearn.model_selection import train_test_split

    labels = _labels_to_keep_even(rows, min(held_out, len(rows) - held_out), 2, dataset, stratify)
    kept, held = train_test_split(rows, test_size=held_out, random_state=seed, stratify=labels)
    return np.sort(kept).astype(np.int64), np.sort(held).astype(np.int64)


def fold_of(
    rows: np.ndarray, folds: tuple[int, int], dataset: Dataset, seed: int, stratify: bool | int | str
) -> tuple[np.ndarray, np.ndarray]:
    """The rows beside one fold, and those in it; both sorted.

    Args:
        folds: how many there are, and which, from 0.

    Raises:
        DataError: classes were asked to be kept even, and cannot be.
    """
    from sklearn import model_selection

    count, wanted = folds
    labels = _labels_to_keep_even(rows, len(rows) // count, count, dataset, stratify)
    cutter = model_selection.KFold if labels is None else model_selection.StratifiedKFold
    cuts = list(cutter(count, shuffle=True, random_state=seed).split(rows, labels))
    rest, held = cuts[wanted]
    return rows[rest].astype(np.int64), rows[held].astype(np.int64)


def strata(dataset: Dataset, stratify: bool | int | str) -> np.ndarray | None:
    """What is to be kept in proportion: each sample's class, or quantile of a regression's first target; int64."""
    if stratify is False or dataset.y.ndim > 2:
        return None
    if dataset.task != "regression":
        return dataset.y if dataset.y.ndim == 1 else None
    if not is_number(stratify):
        return None
    target = dataset.y[:, 0].astype(np.float64)
    edges = np.quantile(target, np.linspace(0, 1, int(stratify) + 1)[1:-1])
    found: np.ndarray = np.unique(np.searchsorted(edges, target, side="right"), return_inverse=True)[1]
    return found.astype(np.int64)


def _labels_to_keep_even(
    rows: np.ndarray, smallest: int, needed: int, dataset: Dataset, stratify: bool | int | str
) -> np.ndarray | None:
    """The rows' labels, where each part of a cut shall keep their proportions; None where they need not or cannot.

    Args:
        smallest: rows of the smallest part; it needs one for each class.
        needed: rows that each class needs.
    """
    if (every := strata(dataset, stratify)) is None:
        return None
    labels: np.ndarray = every[rows]
    present, counts = np.unique(labels, return_counts=True)
    if counts.min() >= needed and smallest >= len(present):
        return labels
    if stratify == "auto":
        return None
    kind, kinds = ("class", "classes") if dataset.classes else ("quantile", "quantiles")
    if counts.min() < needed:
        rule = f"must have {needed} rows or more of each {kind} to keep even"
        rare = int(present[counts.argmin()])
        got = f"{counts.min()} of {kind} '{dataset.classes[rare] if dataset.classes else rare + 1}'"
    else:
        rule = f"must have a row for each {kind} in every part"
        got = f"a part of {smallest} rows for {len(present)} {kinds}"
    mend = f"Write split.stratify=auto, which keeps {kinds} even only where that can be."
    if not dataset.classes:
        mend = "Write a smaller number, or split.stratify=auto for none."
    raise DataError([Problem("split.stratify", rule, got=got, mend=mend)])
