"""Cross-validation: rows in folds, once or several times anew."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlrun.data.declare import Declaration
from dlrun.data.splits.demands import (
    belongs_apart,
    fold_problems,
    rest_problems,
    share,
    stratify_problems,
    together,
)
from dlrun.data.splits.split import Split, refuse
from dlrun.errors import Problem

if TYPE_CHECKING:
    from dlrun.data.dataset import Dataset

__all__ = ["KFold", "RepeatedKFold"]


@dataclass(frozen=True)
class KFold:
    """Every row is tested on in one of the folds; see conf/split/kfold.yaml."""

    folds: int
    fold: int
    validation: float
    seed: int
    stratify: bool | int | str

    def problems(self, data: Declaration) -> Iterator[Problem]:
        """A fold beyond the last, too few rows, classes asked of numbers, rows that belong together."""
        yield from belongs_apart(data)
        yield from together(data)
        yield from stratify_problems(self.stratify, data.task)
        yield from fold_problems(self.folds, self.fold, data.samples)
        yield from rest_problems(self.folds, self.validation, data.samples)

    def rows(self, dataset: Dataset) -> Split:
        """The fold's rows to test on, a share of the others to validate on."""
        import numpy as np

        from dlrun.data.splits.cutting import cut, fold_of
        from dlrun.data.splits.spans import kept_apart

        refuse(self, dataset)
        rest, test = fold_of(np.arange(dataset.samples), (self.folds, self.fold), dataset, self.seed, self.stratify)
        train, validation = cut(rest, share(len(rest), self.validation), dataset, self.seed, self.stratify)
        return kept_apart(Split(train, validation, test), dataset)


@dataclass(frozen=True)
class RepeatedKFold:
    """Every row is tested on in one fold of each repeat; see conf/split/repeated.yaml.

    Each repeat is `KFold` under a seed drawn from (seed, repeat), so that any fold is had without the repeats before
    it, and other split seeds share no repeat.
    """

    folds: int
    repeats: int
    fold: int
    validation: float
    seed: int
    stratify: bool | int | str

    def problems(self, data: Declaration) -> Iterator[Problem]:
        """A fold beyond the last of all repeats, and what `KFold` has."""
        yield from fold_problems(self.folds, self.fold, None, repeats=self.repeats)
        yield from KFold(self.folds, 0, self.validation, self.seed, self.stratify).problems(data)

    def rows(self, dataset: Dataset) -> Split:
        """The rows of the fold: its repeat is `fold // folds`."""
        import numpy as np

        refuse(self, dataset)
        repeat, fold = divmod(self.fold, self.folds)
        seed = int(np.random.SeedSequence([self.seed, repeat]).generate_state(1)[0])
        return KFold(self.folds, fold, self.validation, seed, self.stratify).rows(dataset)
