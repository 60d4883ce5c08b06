"""Splits in order of time: the past trains, what comes after validates, the last tests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlrun.data.declare import Declaration
from dlrun.data.splits.demands import ALL_ROWS, belongs_apart, fold_problems, share, share_problems
from dlrun.data.splits.split import Split, refuse
from dlrun.errors import DataError, Problem

if TYPE_CHECKING:
    import numpy as np

    from dlrun.data.dataset import Dataset

__all__ = ["InTime"]

_TEST = 0.2  # of all rows, where `auto` is asked and there is one split
_ORDER = "Name the column that tells it: data.time=COLUMN. Or write split.order=rows where rows are in order."


@dataclass(frozen=True)
class InTime:
    """Every part lies behind the one before it; see conf/split/time.yaml."""

    test: float | str
    validation: float
    gap: int
    folds: int | None
    fold: int
    order: str

    def problems(self, data: Declaration) -> Iterator[Problem]:
        """No order to go by, fractions that leave nothing to train on, too few rows."""
        yield from belongs_apart(data)
        if self.order == "time" and data.given is not None and "times" not in data.given:
            rule = "must be rows where the data does not tell when its samples are from"
            yield Problem("split.order", rule, got="time", mend=_ORDER)
        if self.folds is not None:
            yield from self._fold_problems(data.samples)
            return
        if self.fold > 0:
            mend = "Write split.folds=5 beside it for cross-validation."
            yield Problem("split.fold", "must be 0 where split.folds is null", got=str(self.fold), mend=mend)
        yield from share_problems(self._share(), self.validation, data.samples)

    def rows(self, dataset: Dataset) -> Split:
        """Borders are moved back to the first sample of their instant: one instant is never in two parts."""
        import numpy as np

        from dlrun.data.splits.spans import without_reaching_over

        refuse(self, dataset)
        moments = self._moments(dataset)
        order = np.argsort(moments, kind="stable")
        instants = moments[order]
        first, behind = self._tested(dataset.samples)
        first, behind = (_instant(instants, border) for border in (first, behind))
        held = share(first, self.validation) if self.folds is not None else share(len(order), self.validation)
        middle = _instant(instants, max(first - held, 0))
        cut = Split(
            np.sort(order[: max(middle - self.gap, 0)]),
            np.sort(order[middle : max(first - self.gap, middle)]),
            np.sort(order[first:behind]),
        )
        split = without_reaching_over(cut, dataset)
        _refuse_empty(split, cut)
        return split

    def _share(self) -> float:
        return _TEST if isinstance(self.test, str) else self.test

    def _fold_problems(self, samples: int | None) -> Iterator[Problem]:
        folds = self.folds or 0
        if isinstance(self.test, float) and self.test * folds >= 1:
            rule = f"must leave rows to train on before the first of {folds} folds"
            mend = "Write split.test=auto, which cuts all rows into equal stretches."
            yield Problem("split.test", rule, got=f"{self.test:g}", mend=mend)
        yield from fold_problems(folds, self.fold, None)
        if samples is not None and (folds + 1 > samples or self._length(samples) == 0):
            got = f"{folds} folds of {samples} rows"
            yield Problem("split.folds", "must leave one row or more in each fold", got=got, mend=ALL_ROWS)

    def _length(self, samples: int) -> int:
        """Rows that each fold tests on."""
        return samples // ((self.folds or 0) + 1) if isinstance(self.test, str) else share(samples, self.test)

    def _tested(self, samples: int) -> tuple[int, int]:
        """Where in the order of time the tested rows begin, and behind which they end."""
        if self.folds is None:
            return samples - share(samples, self._share()), samples
        import numpy as np
        from sklearn.model_selection import TimeSeriesSplit

        cuts = list(TimeSeriesSplit(self.folds, test_size=self._length(samples)).split(np.empty(samples)))
        tested = cuts[self.fold][1]
        return int(tested[0]), int(tested[-1]) + 1

    def _moments(self, dataset: Dataset) -> np.ndarray:
        """When each sample is from; its row's number where rows are in order.

        Raises:
            DataError: a sample does not tell it.
        """
        import numpy as np

        if self.order == "rows" or dataset.times is None:
            return np.arange(dataset.samples)
        missing = np.flatnonzero(np.isnan(dataset.times))
        if len(missing):
            got = f"none in {len(missing)} of {dataset.samples} samples, the first is sample {missing[0] + 1}"
            mend = "Leave out these samples, or write split.order=rows where rows are in order."
            raise DataError([Problem("split.order", "must find a time in each sample", got=got, mend=mend)])
        return dataset.times


def _instant(instants: np.ndarray, border: int) -> int:
    """Where the instant at the border begins; the end stays the end."""
    import numpy as np

    if border >= len(instants):
        return len(instants)
    return int(np.searchsorted(instants, instants[border], side="left"))


def _refuse_empty(split: Split, cut: Split) -> None:
    problems = []
    for part in ("train", "validation", "test"):
        if len(getattr(split, part)) == 0:
            lost = len(getattr(cut, part))
            got = f"none: all {lost} reach over its border" if lost else "none"
            mend = "Use more rows, a smaller split.gap or fewer split.folds; or shorter windows where there are any."
            problems.append(Problem(f"the {part} part", "must hold rows", got=got, mend=mend))
    if problems:
        raise DataError(problems)
