"""What stands in for a missing number, and says that it is missing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from dlrun.data.encoding.step import Step, array

__all__ = ["Blank", "FillIterative", "FillNearest", "FillWith", "Marked", "filled_by"]

_LOOKED_AT = 1_000_000  # rows that a median is measured on: evenly spread where there are more
_REFERENCES = 1000  # rows of the training part that a sample's neighbours are looked for in
_MOST_STEPS = 400  # columns with gaps times rounds: each is an operation of the kept model
_ROUNDS = 10


@dataclass(frozen=True)
class Marked(Step):
    """The numbers after `inner`, and beside them a column of 0 and 1 for each of `places`: 1 where it was missing."""

    inner: tuple[Step, ...]
    places: tuple[int, ...]

    def __call__(self, x: Any, name: str) -> Any:
        from keras import ops

        gaps = ops.cast(ops.isnan(ops.take(x, np.asarray(self.places), axis=-1)), "float32")
        for place, step in enumerate(self.inner):
            x = step(x, f"{name}_{place}")
        return ops.concatenate([x, gaps], axis=-1)


@dataclass(frozen=True)
class Blank(Step):
    """The numbers after `inner`, 0 where one was missing: of scaled numbers 0 says nothing."""

    inner: tuple[Step, ...]

    def __call__(self, x: Any, name: str) -> Any:
        from keras import ops

        gaps = ops.isnan(x)
        for place, step in enumerate(self.inner):
            x = step(x, f"{name}_{place}")
        return ops.where(gaps, 0.0, x)


@dataclass(frozen=True)
class FillWith(Step):
    """A number a column: `values`."""

    values: tuple[float, ...]

    def __call__(self, x: Any, name: str) -> Any:
        from keras import ops

        return ops.where(ops.isnan(x), array(self.values), x)


@dataclass(frozen=True)
class FillNearest(Step):
    """The mean of the nearest training rows that have the number.

    Distances are between the numbers that both rows have, each divided by its column's deviation.

    Attributes:
        rows: of the training part; None where a number is missing.
        scales: deviation of each column.
        otherwise: what is taken where no neighbour has the number.
        neighbours: how many.

    References:
        Troyanskaya et al., Missing value estimation methods for DNA microarrays (2001), KNNimpute.
    """

    rows: tuple[tuple[float | None, ...], ...]
    scales: tuple[float, ...]
    otherwise: tuple[float, ...]
    neighbours: int

    def __call__(self, x: Any, name: str) -> Any:
        from keras import ops

        rows = np.array([[np.nan if v is None else v for v in row] for row in self.rows], np.float32)
        gaps = ops.isnan(x)
        apart, shared = 0.0, 0.0
        for place, scale in enumerate(self.scales):  # a column at a time: all at once would be samples x rows x columns
            theirs = rows[:, place]
            both = ops.logical_and(ops.logical_not(gaps[:, place : place + 1]), ~np.isnan(theirs))
            off = ops.subtract(x[:, place : place + 1], np.nan_to_num(theirs)) / np.float32(scale)
            apart = apart + ops.where(both, ops.square(off), 0.0)
            shared = shared + ops.cast(both, "float32")
        apart = ops.where(ops.greater(shared, 0.0), ops.divide(apart, ops.maximum(shared, 1.0)), 1e30)
        columns = [self._column(ops, apart, rows[:, place], place) for place in range(rows.shape[1])]
        return ops.where(gaps, ops.stack(columns, axis=-1), x)

    def _column(self, ops: Any, apart: Any, column: np.ndarray, place: int) -> Any:
        """The mean of one column over the nearest rows that have it."""
        have = np.flatnonzero(~np.isnan(column))
        if not len(have):
            return ops.zeros_like(apart[:, 0]) + self.otherwise[place]
        count = min(self.neighbours, len(have))
        nearness, nearest = ops.top_k(ops.negative(ops.take(apart, have, axis=1)), count)
        mean = ops.mean(ops.take(column[have], nearest), axis=-1)
        return ops.where(ops.greater(nearness[:, 0], -1e29), mean, self.otherwise[place])


@dataclass(frozen=True)
class FillIterative(Step):
    """Each column by a linear regression on the others, in rounds; begun with the means.

    Attributes:
        start: the means.
        steps: in order: the column that is filled, the weights of all columns, and what is added.

    References:
        van Buuren & Groothuis-Oudshoorn, mice: Multivariate Imputation by Chained Equations in R (2011).
    """

    start: tuple[float, ...]
    steps: tuple[tuple[int, tuple[float, ...], float], ...]

    def __call__(self, x: Any, name: str) -> Any:
        from keras import ops

        gaps = ops.isnan(x)
        x = ops.where(gaps, array(self.start), x)
        for place, weights, offset in self.steps:
            here = np.zeros(len(self.start), bool)
            here[place] = True
            guess = ops.matmul(x, array(weights)[:, np.newaxis]) + np.float32(offset)
            x = ops.where(ops.logical_and(gaps, here), guess, x)
        return x


def filled_by(impute: str, x: Any, value: float, neighbours: int) -> tuple[Step, ...]:
    """The steps that fill gaps in the columns of a table, or in the channels of sequences.

    Args:
        impute: one of `recipe.FILLS`.
        x: the training part.
        value: what `constant` takes.
        neighbours: how many `nearest` takes.
    """
    columns = _columns(x)
    match impute:
        case "constant":
            return (FillWith((float(value),) * columns.shape[1]),)
        case "nearest":
            return (_nearest(columns, neighbours),)
        case "iterative":
            return (_iterative(columns),)
    return (FillWith(tuple(_middle(impute, column) for column in columns.T)),)


def _middle(impute: str, column: np.ndarray) -> float:
    present = column[~np.isnan(column)]
    if not len(present):
        return 0.0
    if impute == "mode":
        values, counts = np.unique(present, return_counts=True)
        return float(values[counts.argmax()])
    return float(np.median(present) if impute == "median" else present.mean())


def _columns(x: Any) -> np.ndarray:
    rows = np.linspace(0, len(x) - 1, min(len(x), _LOOKED_AT)).astype(np.int64)
    seen = np.asarray(x[rows] if len(rows) < len(x) else x[:])
    return seen.reshape(-1, seen.shape[-1]).astype(np.float64)


def _nearest(columns: np.ndarray, neighbours: int) -> Step:
    chosen = np.linspace(0, len(columns) - 1, min(len(columns), _REFERENCES)).astype(int)
    scales = [float(np.std(column[~np.isnan(column)])) if (~np.isnan(column)).any() else 1.0 for column in columns.T]
    rows = tuple(tuple(None if np.isnan(v) else float(v) for v in row) for row in columns[chosen].astype(np.float32))
    means = tuple(_middle("mean", column) for column in columns.T)
    return FillNearest(rows, tuple(scale or 1.0 for scale in scales), means, neighbours)


def _iterative(columns: np.ndarray) -> Step:
    """Measured by scikit-learn's IterativeImputer with Bayesian ridge regression."""
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.experimental import enable_iterative_imputer  # noqa: F401 - it puts the class into sklearn.impute
    from sklearn.impute import IterativeImputer

    gaps = np.isnan(columns)
    start = tuple(_middle("mean", column) for column in columns.T)
    if not gaps.any() or columns.shape[1] < 2:
        return FillWith(start)
    rounds = max(1, min(_ROUNDS, _MOST_STEPS // max(1, int(gaps.any(axis=0).sum()))))
    imputer = IterativeImputer(max_iter=rounds, random_state=0, keep_empty_features=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # rounds are bounded
        imputer.fit(columns)
    return FillIterative(start, tuple(_steps_of(imputer, columns.shape[1])))


def _steps_of(imputer: Any, width: int) -> Iterator[tuple[int, tuple[float, ...], float]]:
    for each in imputer.imputation_sequence_:
        weights = np.zeros(width)
        weights[each.neighbor_feat_idx] = each.estimator.coef_
        yield int(each.feat_idx), tuple(weights.tolist()), float(each.estimator.intercept_)
