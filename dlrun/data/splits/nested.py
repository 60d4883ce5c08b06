"""Nested cross-validation: folds to choose settings by, inside each of the folds that are tested on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlrun.data.declare import Declaration
from dlrun.data.splits.demands import belongs_apart, fold_problems, stratify_problems, together
from dlrun.data.splits.split import Split, refuse
from dlrun.errors import Problem

if TYPE_CHECKING:
    from dlrun.data.dataset import Dataset

__all__ = ["Nested"]


@dataclass(frozen=True)
class Nested:
    """The outer fold tests, the inner one validates, the rest trains; see conf/split/nested.yaml.

    References:
        Varma, S., & Simon, R. (2006). Bias in error estimation when using cross-validation for model selection. BMC
            Bioinformatics 7, 91.
    """

    folds: int
    fold: int
    inner_folds: int
    inner_fold: int
    seed: int
    stratify: bool | int | str

    def problems(self, data: Declaration) -> Iterator[Problem]:
        """A fold beyond the last, too few rows, classes asked of numbers, rows that belong together."""
        yield from belongs_apart(data)
        yield from together(data)
        yield from stratify_problems(self.stratify, data.task)
        yield from fold_problems(self.folds, self.fold, data.samples)
        rest = None if data.samples is None else data.samples - -(-data.samples // self.folds)
        yield from fold_problems(self.inner_folds, self.inner_fold, rest, inner="inner_")

    def rows(self, dataset: Dataset) -> Split:
        """The outer fold first, the inner one from the rest."""
        import numpy as np

        from dlrun.data.splits.cutting import fold_of
        from dlrun.data.splits.spans import kept_apart

        refuse(self, dataset)
        everything, outer = np.arange(dataset.samples), (self.folds, self.fold)
        rest, test = fold_of(everything, outer, dataset, self.seed, self.stratify)
        train, validation = fold_of(rest, (self.inner_folds, self.inner_fold), dataset, self.seed, self.stratify)
        return kept_apart(Split(train, validation, test), dataset)
