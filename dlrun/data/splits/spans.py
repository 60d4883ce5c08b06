"""Samples that reach over a stretch of rows, as windows of a series do: no row may be seen by two parts."""

from __future__ import annotations

import numpy as np

from dlrun.data.dataset import Dataset
from dlrun.data.splits.split import Split
from dlrun.errors import DataError, Problem

__all__ = ["kept_apart", "without_reaching_over"]


def without_reaching_over(split: Split, dataset: Dataset) -> Split:
    """The split without the samples that touch a row which a later part touches too: the earlier part loses them."""
    if dataset.spans is None:
        return split
    validation = split.validation[~_touching(dataset.spans, split.validation, split.test)]
    later = np.concatenate([validation, split.test])
    return Split(split.train[~_touching(dataset.spans, split.train, later)], validation, split.test)


def kept_apart(split: Split, dataset: Dataset) -> Split:
    """The split, as it is.

    Raises:
        DataError: a row is touched by samples of two parts.
    """
    if dataset.spans is None:
        return split
    later = np.concatenate([split.validation, split.test])
    shared = int(_touching(dataset.spans, split.train, later).sum())
    shared += int(_touching(dataset.spans, split.validation, split.test).sum())
    if shared:
        rule = "must keep windows that overlap in one part: what is tested on was trained on otherwise"
        got = f"{shared} of {dataset.samples} samples that share rows with another part"
        mend = "Write split=time, which trains on the past and leaves out what reaches over a border."
        raise DataError([Problem("split", rule, got=got, mend=mend)])
    return split


def _touching(spans: np.ndarray, samples: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Which of the samples touch a row that one of the others touches: bool of shape (samples,)."""
    rows = int(spans.max()) + 2
    begun = np.bincount(spans[others, 0], minlength=rows) - np.bincount(spans[others, 1] + 1, minlength=rows)
    covered = np.concatenate([[0], np.cumsum(np.cumsum(begun) > 0)])
    touched: np.ndarray = covered[spans[samples, 1] + 1] > covered[spans[samples, 0]]
    return touched
