"""Rows made between neighbours of a rare class: SMOTE, by imbalanced-learn."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dlrun.data.declare import Declaration
from dlrun.data.sampling.resample import class_rows
from dlrun.errors import DataError, Problem

if TYPE_CHECKING:
    import numpy as np

    from dlrun.data.dataset import Dataset
    from dlrun.data.encoding.front import Front
    from dlrun.data.prepare import Part, Prepared

__all__ = ["Smote"]

_KEY = "sampling"
_INSTEAD = "Type sampling=oversample."


@dataclass(frozen=True)
class Smote:
    """New rows between a row and its neighbours; see conf/sampling/smote.yaml.

    References:
        Chawla, N. V., Bowyer, K. W., Hall, L. O., & Kegelmeyer, W. P. (2002). SMOTE: synthetic minority over-sampling
            technique. Journal of Artificial Intelligence Research 16, 321-357.
    """

    ratio: float
    neighbours: int
    seed: int | None

    def problems(self, data: Declaration) -> Iterator[Problem]:
        """No imbalanced-learn, samples that are no rows of a table."""
        if importlib.util.find_spec("imblearn") is None:
            mend = f"Install it: pip install 'dlrun[imbalance]'. {_INSTEAD}"
            yield Problem(_KEY, "must have imbalanced-learn, which is not installed", got="smote", mend=mend)
        if data.shape is not None and len(data.shape) != 1:
            yield _no_table("x".join(map(str, data.shape)))

    def drawn(self, prepared: Prepared, dataset: Dataset, seed: int) -> tuple[Part, np.ndarray]:
        """All rows, and behind them those that are made: a new row takes the commonest category of its neighbours."""
        import numpy as np

        from dlrun.data.prepare import Part

        train, classes = prepared.train, class_rows(prepared.train)
        wanted = int(max(map(len, classes.values())) * self.ratio + 1e-9)
        goal = {label: wanted for label, rows in classes.items() if len(rows) < wanted}
        if problems := [*_unfit(train, dataset), *self._rare({label: len(classes[label]) for label in goal}, dataset)]:
            raise DataError(problems)
        assert isinstance(train.x, np.ndarray)  # else it was refused
        slots = _slots(prepared.front, dataset)
        x = _closed(train.x, slots)
        marks = _two_valued(x[:, : x.shape[1] - len(slots)])
        if len(marks) + len(slots) == x.shape[1]:
            raise DataError([_nothing_between()])
        how: dict[str, Any] = {"sampling_strategy": goal, "k_neighbors": self.neighbours, "random_state": seed}
        words = [*marks, *range(x.shape[1] - len(slots), x.shape[1])]
        made_by = importlib.import_module("imblearn.over_sampling")  # an extra: no import that a type checker follows
        sampler = made_by.SMOTENC(categorical_features=words, **how) if words else made_by.SMOTE(**how)
        found, labels = sampler.fit_resample(x, np.round(train.y).astype(np.int64).reshape(-1))
        made = _opened(found[train.samples :], slots, train.x.shape[1])
        y = labels.astype(train.y.dtype).reshape(-1, *train.y.shape[1:])
        return Part(np.concatenate([train.x, made]), y), np.arange(train.samples)

    def _rare(self, counts: dict[int, int], dataset: Dataset) -> Iterator[Problem]:
        for label, rows in counts.items():
            if rows <= self.neighbours:
                name = dataset.classes[label]
                rule = f"must be smaller than the rows of each class it makes more of, {rows} of class '{name}'"
                mend = f"Type sampling.neighbours={rows - 1}." if rows > 1 else _INSTEAD
                yield Problem(f"{_KEY}.neighbours", rule, got=str(self.neighbours), mend=mend)


def _slots(front: Front, dataset: Dataset) -> list[slice]:
    """Where the prepared numbers of each category lie: a slot a word, or one number."""
    words = [column for column in dataset.columns if column.holds_words]
    found, first = [], 0
    for branch in front.branches:
        behind = first + len(branch.outputs)
        if words and branch.source == "words":
            found.append(slice(first, behind))
        first = behind
    return found


def _closed(x: np.ndarray, slots: list[slice]) -> np.ndarray:
    """The rows with each category as one number, behind all others."""
    import numpy as np

    others = np.ones(x.shape[1], bool)
    for slot in slots:
        others[slot] = False
    codes = [x[:, slot].argmax(axis=1) if slot.stop - slot.start > 1 else x[:, slot.start] for slot in slots]
    return np.column_stack([x[:, others], *codes])


def _opened(x: np.ndarray, slots: list[slice], width: int) -> np.ndarray:
    """Closed rows as they were: float32 of shape (n, width)."""
    import numpy as np

    opened, others = np.zeros((len(x), width), np.float32), np.ones(width, bool)
    for place, slot in enumerate(slots, x.shape[1] - len(slots)):
        others[slot] = False
        if slot.stop - slot.start > 1:
            opened[np.arange(len(x)), slot.start + np.round(x[:, place]).astype(np.int64)] = 1.0
        else:
            opened[:, slot.start] = x[:, place]
    opened[:, others] = x[:, : x.shape[1] - len(slots)]
    return opened


def _two_valued(x: np.ndarray) -> list[int]:
    """The columns with two values, as flags and marks of what is missing have: between these is nothing."""
    import numpy as np

    return [column for column in range(x.shape[1]) if len(np.unique(x[:, column])) <= 2]


def _unfit(train: Part, dataset: Dataset) -> Iterator[Problem]:
    import numpy as np

    if len(dataset.input_shape) != 1:
        yield _no_table("x".join(map(str, dataset.input_shape)))
        return
    if not isinstance(train.x, np.ndarray):
        rule = "must be another where rows stay in a file: its neighbours are looked for among all of them"
        yield Problem(_KEY, rule, got="smote", mend=_INSTEAD)
        return
    between = [column.name for column in dataset.columns if column.kind in ("date", "text")]
    if between:
        rule = "must be another for tables with dates or texts: nothing that was written lies between two of them"
        got = f"column{'s' if len(between) > 1 else ''} {', '.join(between[:5])}{', ...' if len(between) > 5 else ''}"
        yield Problem(_KEY, rule, got=got, mend=_INSTEAD)
    elif not np.isfinite(train.x).all():
        rule = "must have a value in every cell: a row with a gap has no neighbours"
        yield Problem(_KEY, rule, mend="Have the gaps filled by preprocess.impute, or type data.missing=drop_rows.")


def _nothing_between() -> Problem:
    rule = "must be another where no column holds numbers of more than two values: nothing lies between them"
    return Problem(_KEY, rule, got="smote", mend=_INSTEAD)


def _no_table(shape: str) -> Problem:
    rule = "must be another where samples are no rows of a table: what lies between two of them is no sample"
    return Problem(_KEY, rule, got=f"samples of shape {shape}", mend=_INSTEAD)
