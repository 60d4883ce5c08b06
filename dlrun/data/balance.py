"""What is told of a dataset in the journal: its content, the kinds of its columns, the classes in each part."""

from __future__ import annotations

from typing import Any

import numpy as np

from dlrun.data.dataset import Dataset
from dlrun.data.splits.split import Split

__all__ = ["describe_rows"]

_MOST_CLASSES = 100  # that are counted


def describe_rows(dataset: Dataset, rows: Split) -> dict[str, Any]:
    """Fields of the journal's `data` event: `digest`, `classes`, `kinds` of a table's columns in order, and `balance`,
    the rows of each class in each part before any are drawn anew; None of values, and of very many classes."""
    names, balance = dataset.classes, None
    if 0 < len(names) <= _MOST_CLASSES:
        parts = {"train": rows.train, "validation": rows.validation, "test": rows.test}
        balance = {
            part: np.bincount(dataset.y[each].ravel(), minlength=len(names)).tolist() for part, each in parts.items()
        }
    kinds = [column.kind for column in dataset.columns]
    return {"digest": dataset.digest, "classes": list(names), "kinds": kinds, "balance": balance}
