"""Splits of samples that belong together: a group is in one part, whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlrun.data.declare import Declaration
from dlrun.data.splits.demands import belongs_apart, fold_problems, share_problems, stratify_problems
from dlrun.data.splits.split import Split, refuse
from dlrun.errors import DataError, Problem

if TYPE_CHECKING:
    from dlrun.data.dataset import Dataset

__all__ = ["Grouped"]

_TEST = 0.2  # of all rows, where `auto` is asked and there is one split


@dataclass(frozen=True)
class Grouped:
    """Whole groups are held out, or put into folds; see conf/split/grouped.yaml."""

    test: float | str
    validation: float
    folds: int | None
    fold: int
    seed: int
    stratify: bool | int | str

    def problems(self, data: Declaration) -> Iterator[Problem]:
        """No groups to go by, keys that contradict each other, fractions that leave nothing to train on."""
        yield from belongs_apart(data)
        if data.given is not None and "groups" not in data.given:
            rule = "must be another where the data does not tell which samples belong together"
            mend = "Name the column that tells them apart: data.group=COLUMN."
            yield Problem("split", rule, got="grouped", mend=mend)
        yield from stratify_problems(self.stratify, data.task)
        if self.folds is None:
            if self.fold > 0:
                mend = "Write split.folds=5 beside it for cross-validation."
                yield Problem("split.fold", "must be 0 where split.folds is null", got=str(self.fold), mend=mend)
            yield from share_problems(self._share(), self.validation, data.samples)
            return
        yield from fold_problems(self.folds, self.fold, data.samples)
        if not isinstance(self.test, str):
            rule = "must be auto beside split.folds: each fold is an equal share"
            yield Problem("split.test", rule, got=f"{self.test:g}", mend="Write one of the two.")

    def rows(self, dataset: Dataset) -> Split:
        """Groups to test on first, groups to validate on from the rest."""
        import numpy as np

        from dlrun.data.splits.groups import group_cut, group_fold
        from dlrun.data.splits.spans import kept_apart

        refuse(self, dataset)
        assert dataset.groups is not None  # else it was refused
        self._refuse_few(len(np.unique(dataset.groups)))
        everything = np.arange(dataset.samples, dtype=np.int64)
        how = (dataset, self.seed, self.stratify)
        if self.folds is None:
            rest, test = group_cut(everything, self._share(), *how)
            train, validation = group_cut(rest, self.validation * dataset.samples / len(rest), *how)
        else:
            rest, test = group_fold(everything, (self.folds, self.fold), *how)
            train, validation = group_cut(rest, self.validation, *how)
        return kept_apart(Split(train, validation, test), dataset)

    def _share(self) -> float:
        return _TEST if isinstance(self.test, str) else self.test

    def _refuse_few(self, groups: int) -> None:
        needed = 3 if self.folds is None else 4 if self.folds == 2 else self.folds  # beside a fold two to cut
        if groups < needed:
            rule = f"must be of {needed} groups or more: each part or fold takes whole ones"
            mend = "Use more data, fewer split.folds, or a column that tells more groups apart."
            raise DataError([Problem("split", rule, got=f"{groups}", mend=mend)])
