"""Which rows train, which validate and which test: decided by the split's own seed, the same for every run's seed.

Validation rows choose the epoch and the settings, test rows are looked at once, at the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from dlrun.config.build import build
from dlrun.config.catalog import Catalog
from dlrun.data.declare import Declaration, declare
from dlrun.errors import DataError, Problem

if TYPE_CHECKING:  # checks run before numpy is needed
    import numpy as np

    from dlrun.data.dataset import Dataset

__all__ = ["AllRows", "Holdout", "KFold", "Split", "Splitter", "check", "split_rows"]

_ALL_ROWS = "Use more rows, or split=none, which trains, validates and tests on all of them."


@dataclass(frozen=True, eq=False)
class Split:
    """Sorted int64 row indices: disjoint, and together all rows; with `split=none` each of the three is all rows."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


class Splitter(Protocol):
    """What an option of group `split` builds."""

    def problems(self, data: Declaration) -> Iterator[Problem]:
        """What keeps such data from being split this way, as far as it can be told without loading it."""
        ...

    def rows(self, dataset: Dataset) -> Split:
        """The rows of each part.

        Raises:
            DataError: the data cannot be split this way.
        """
        ...


def check(spec: Mapping[str, Any], catalog: Catalog) -> list[Problem]:
    """What is wrong with a config's split of its data; nothing heavy is imported."""
    splitter: Splitter = build(catalog, "split", spec["split"])
    return list(splitter.problems(declare(spec["data"], catalog)))


def split_rows(dataset: Dataset, node: Mapping[str, Any], catalog: Catalog) -> Split:
    """Split a dataset as the config's `split` node says.

    Raises:
        DataError: the data cannot be split this way.
    """
    splitter: Splitter = build(catalog, "split", node)
    return splitter.rows(dataset)


@dataclass(frozen=True)
class AllRows:
    """Every part is all rows; see conf/split/none.yaml."""

    def problems(self, data: Declaration) -> Iterator[Problem]:
        """None: any data can be taken whole."""
        yield from ()

    def rows(self, dataset: Dataset) -> Split:
        """All rows, three times."""
        import numpy as np

        everything = np.arange(dataset.samples, dtype=np.int64)
        return Split(everything, everything, everything)


@dataclass(frozen=True)
class Holdout:
    """Two fractions of the rows are held out; see conf/split/holdout.yaml."""

    test: float
    validation: float
    seed: int
    stratify: bool | str

    def problems(self, data: Declaration) -> Iterator[Problem]:
        """Fractions that leave nothing to train on, too few rows, classes asked of numbers."""
        yield from _stratify_problems(self.stratify, data.task)
        if self.test + self.validation >= 1:
            rule = "must leave rows to train on: with split.validation it must stay below 1"
            got = f"{self.test:g} and {self.validation:g}"
            yield Problem("split.test", rule, got=got, mend="Such as split.test=0.2 split.validation=0.2.")
        elif data.samples is not None:
            sizes = {"test": _share(data.samples, self.test), "validation": _share(data.samples, self.validation)}
            for part, size in sizes.items():
                if size == 0:
                    rule = "must leave one row or more in the part"
                    got = f"{getattr(self, part):g} of {data.samples} rows"
                    yield Problem(f"split.{part}", rule, got=got, mend=_ALL_ROWS)

    def rows(self, dataset: Dataset) -> Split:
        """Test rows first, validation rows from the rest."""
        import numpy as np

        _refuse([*self.problems(Declaration(dataset.task, None, samples=dataset.samples))])
        everything = np.arange(dataset.samples, dtype=np.int64)
        rest, test = _cut(everything, _share(dataset.samples, self.test), dataset, self)
        train, validation = _cut(rest, _share(dataset.samples, self.validation), dataset, self)
        return Split(train, validation, test)


@dataclass(frozen=True)
class KFold:
    """Every row is tested on in one of the folds; see conf/split/kfold.yaml."""

    folds: int
    fold: int
    validation: float
    seed: int
    stratify: bool | str

    def problems(self, data: Declaration) -> Iterator[Problem]:
        """A fold beyond the last, too few rows, classes asked of numbers."""
        yield from _stratify_problems(self.stratify, data.task)
        if self.fold >= self.folds:
            rule = f"must be below split.folds, which is {self.folds}: folds count from 0"
            mend = f"The last one is split.fold={self.folds - 1}."
            yield Problem("split.fold", rule, got=str(self.fold), mend=mend)
        if data.samples is None:
            return
        if self.folds > data.samples:
            got = f"{self.folds} folds of {data.samples} rows"
            yield Problem("split.folds", "must leave one row or more in each fold", got=got, mend=_ALL_ROWS)
        elif _share(data.samples - -(-data.samples // self.folds), self.validation) == 0:
            got = f"{self.validation:g} of the rest of {data.samples} rows"
            yield Problem("split.validation", "must leave one row or more in the part", got=got, mend=_ALL_ROWS)

    def rows(self, dataset: Dataset) -> Split:
        """The fold's rows to test on, a share of the others to validate on."""
        import numpy as np
        from sklearn import model_selection

        _refuse([*self.problems(Declaration(dataset.task, None, samples=dataset.samples))])
        everything, smallest = np.arange(dataset.samples), dataset.samples // self.folds
        labels = _labels_to_keep_even(everything, smallest, self.folds, dataset, self.stratify)
        cutter = model_selection.KFold if labels is None else model_selection.StratifiedKFold
        cuts = cutter(self.folds, shuffle=True, random_state=self.seed).split(everything, labels)
        rest, test = list(cuts)[self.fold]
        train, validation = _cut(rest, _share(len(rest), self.validation), dataset, self)
        return Split(train, validation, test.astype(np.int64))


def _share(samples: int, fraction: float) -> int:
    """The whole rows in a fraction; 0.29 of 100 is 29, whatever binary fractions make of it."""
    return int(samples * fraction + 1e-9)


def _cut(rows: np.ndarray, held_out: int, dataset: Dataset, splitter: Holdout | KFold) -> tuple[np.ndarray, np.ndarray]:
    """Hold out some of the rows; both parts sorted."""
    import numpy as np
    from sklearn.model_selection import train_test_split

    labels = _labels_to_keep_even(rows, min(held_out, len(rows) - held_out), 2, dataset, splitter.stratify)
    kept, held = train_test_split(rows, test_size=held_out, random_state=splitter.seed, stratify=labels)
    return np.sort(kept).astype(np.int64), np.sort(held).astype(np.int64)


def _labels_to_keep_even(
    rows: np.ndarray, smallest: int, needed: int, dataset: Dataset, stratify: bool | str
) -> np.ndarray | None:
    """The rows' labels, where each part of a cut shall keep their proportions; None where they need not or cannot.

    Args:
        smallest: rows of the smallest part; it needs one for each class.
        needed: rows that each class needs.
    """
    import numpy as np

    if stratify is False or dataset.task == "regression":
        return None
    labels: np.ndarray = dataset.y[rows]
    present, counts = np.unique(labels, return_counts=True)
    if counts.min() >= needed and smallest >= len(present):
        return labels
    if stratify == "auto":
        return None
    if counts.min() < needed:
        rule = f"must have {needed} rows or more of each class to keep even"
        got = f"{counts.min()} of class '{dataset.classes[int(present[counts.argmin()])]}'"
    else:
        rule = "must have a row for each class in every part"
        got = f"a part of {smallest} rows for {len(present)} classes"
    mend = "Write split.stratify=auto, which keeps classes even only where that can be."
    raise DataError([Problem("split.stratify", rule, got=got, mend=mend)])


def _stratify_problems(stratify: bool | str, task: str | None) -> Iterator[Problem]:
    if stratify is True and task == "regression":
        mend = "Write split.stratify=auto."
        yield Problem("split.stratify", "must be auto or false for a regression: it has no classes", "true", mend)


def _refuse(problems: list[Problem]) -> None:
    if problems:
        raise DataError(problems)
