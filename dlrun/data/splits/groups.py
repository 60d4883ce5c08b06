"""Cuts of rows in two that leave groups whole, by scikit-learn."""

from __future__ import annotations

import warnings

import numpy as np

from dlrun.data.dataset import Dataset
from dlrun.data.splits.cutting import strata

__all__ = ["group_cut", "group_fold"]

_DRAWS = 64  # of groups, the one that comes nearest to what is asked is taken


def group_cut(
    rows: np.ndarray, fraction: float, dataset: Dataset, seed: int, stratify: bool | int | str
) -> tuple[np.ndarray, np.ndarray]:
    """Hold out whole groups of the rows, about a fraction of both; both parts sorted.

    Groups differ in size and in their classes. Of some draws the one is taken whose held-out rows come nearest to the
    fraction of all rows, and to their classes' or quantiles' proportions where these shall be kept.
    """
    from scipy.sparse import coo_array
    from sklearn.model_selection import ShuffleSplit

    assert dataset.groups is not None  # the splitter has refused data without
    found, group = np.unique(dataset.groups[rows], return_inverse=True)
    labels = strata(dataset, stratify)
    label = np.zeros(len(rows), np.int64) if labels is None else labels[rows]
    counts = coo_array((np.ones(len(rows)), (group, label))).tocsr()
    held_out = min(max(round(fraction * len(found)), 1), len(found) - 1)
    draws = ShuffleSplit(_DRAWS, test_size=held_out, random_state=seed).split(found)
    best = min((held for _, held in draws), key=lambda held: _distance(counts[held].sum(axis=0), counts, fraction))
    is_held = np.isin(group, best)
    return rows[~is_held], rows[is_held]


def group_fold(
    rows: np.ndarray, folds: tuple[int, int], dataset: Dataset, seed: int, stratify: bool | int | str
) -> tuple[np.ndarray, np.ndarray]:
    """The rows beside one fold of groups, and those in it; both sorted.

    Args:
        folds: how many there are, and which, from 0.
    """
    from sklearn.model_selection import GroupKFold, StratifiedGroupKFold

    assert dataset.groups is not None  # the splitter has refused data without
    (count, wanted), groups, labels = folds, dataset.groups[rows], strata(dataset, stratify)
    cuts = []
    if labels is not None and np.bincount(labels[rows]).max() >= count:
        with warnings.catch_warnings():  # a class with fewer rows than folds is not in each: no reason to cut groups
            warnings.simplefilter("ignore", UserWarning)
            cuts = list(StratifiedGroupKFold(count, shuffle=True, random_state=seed).split(rows, labels[rows], groups))
    # it weighs rows: where groups are few, a fold may be left empty, or all but one of them may be in one
    if not cuts or any(len(held) == 0 or len(np.unique(groups[rest])) < 2 for rest, held in cuts):
        cuts = list(GroupKFold(count, shuffle=True, random_state=seed).split(rows, groups=groups))
    rest, held = cuts[wanted]
    return rows[np.sort(rest)], rows[np.sort(held)]


def _distance(held: np.ndarray, counts: object, fraction: float) -> float:
    """How far held-out rows are from a fraction of all rows, and from their classes' proportions."""
    every = np.asarray(counts.sum(axis=0)).reshape(-1)  # type: ignore[attr-defined]
    mine = np.asarray(held).reshape(-1)
    off = abs(mine.sum() / every.sum() - fraction)
    return float(off + np.abs(mine / mine.sum() - every / every.sum()).sum() / 2)
