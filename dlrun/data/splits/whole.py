"""No split: every part is all rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlrun.data.declare import Declaration
from dlrun.data.splits.demands import belongs_apart
from dlrun.data.splits.split import Split, refuse
from dlrun.errors import Problem

if TYPE_CHECKING:
    from dlrun.data.dataset import Dataset

__all__ = ["AllRows"]


@dataclass(frozen=True)
class AllRows:
    """Every part is all rows; see conf/split/none.yaml."""

    def problems(self, data: Declaration) -> Iterator[Problem]:
        """Files that are given apart; any other data can be taken whole."""
        yield from belongs_apart(data)

    def rows(self, dataset: Dataset) -> Split:
        """All rows, three times."""
        import numpy as np

        refuse(self, dataset)
        everything = np.arange(dataset.samples, dtype=np.int64)
        return Split(everything, everything, everything)
