"""Rows held out at random: a part to choose settings by, a part to test on at the end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlrun.data.declare import Declaration
from dlrun.data.splits.demands import belongs_apart, share, share_problems, stratify_problems, together
from dlrun.data.splits.split import Split, refuse
from dlrun.errors import Problem

if TYPE_CHECKING:
    from dlrun.data.dataset import Dataset

__all__ = ["Holdout"]


@dataclass(frozen=True)
class Holdout:
    """Two fractions of the rows are held out; see conf/split/holdout.yaml."""

    test: float
    validation: float
    seed: int
    stratify: bool | int | str

    def problems(self, data: Declaration) -> Iterator[Problem]:
        """Fractions that leave nothing to train on, too few rows, rows that belong together."""
        yield from belongs_apart(data)
        yield from together(data)
        yield from stratify_problems(self.stratify, data.task)
        yield from share_problems(self.test, self.validation, data.samples)

    def rows(self, dataset: Dataset) -> Split:
        """Test rows first, validation rows from the rest."""
        import numpy as np

        from dlrun.data.splits.cutting import cut
        from dlrun.data.splits.spans import kept_apart

        refuse(self, dataset)
        everything = np.arange(dataset.samples, dtype=np.int64)
        rest, test = cut(everything, share(dataset.samples, self.test), dataset, self.seed, self.stratify)
        train, validation = cut(rest, share(dataset.samples, self.validation), dataset, self.seed, self.stratify)
        return kept_apart(Split(train, validation, test), dataset)
