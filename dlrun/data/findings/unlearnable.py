"""What no training can do without: rows in each part, and a training part with something to tell apart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from dlrun.data.findings.view import PARTS
from dlrun.errors import Problem

if TYPE_CHECKING:
    from dlrun.data.dataset import Dataset
    from dlrun.data.splits.split import Split

__all__ = ["unlearnable"]

_MEND = "Use more rows, or another split.seed."


def unlearnable(dataset: Dataset, split: Split) -> Iterator[Problem]:
    """What keeps the training part from being learned from, whatever `preflight` says."""
    for part in PARTS:
        if len(getattr(split, part)) == 0:
            yield Problem(f"the {part} part", "must hold rows", "none", _MEND)
    if len(split.train) == 0:
        return
    labels = dataset.y[split.train]
    if dataset.task == "regression":
        for output in np.flatnonzero(labels.min(axis=0) == labels.max(axis=0)):
            got = f"{labels[0, output]:g} in all {len(labels)} rows"
            yield Problem("the train part", "must have targets that vary", got, _MEND)
    elif len(np.unique(labels)) == 1:
        got = f"only '{dataset.classes[int(labels.flat[0])]}' in {len(labels)} rows"
        yield Problem("the train part", "must hold two classes or more", got, _MEND)
    elif labels.ndim == 1 and len(labels) < len(dataset.classes):  # one mask may hold all of them
        got = f"{len(labels)} rows for {len(dataset.classes)} classes"
        rule = "must hold as many rows as there are classes"
        yield Problem("the train part", rule, got, _MEND)
