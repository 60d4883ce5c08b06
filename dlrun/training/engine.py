"""What an engine is: how a model is opened for training, trained and evaluated."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from dlrun.training.objective import Objective
from dlrun.training.shuffle import order

__all__ = ["BEGINNING", "Course", "Engine", "Position", "Rows", "Session", "columns", "is_stream"]

_ROWS_AT_ONCE = 1024
_NUMBERS_AT_ONCE = 2**20  # of input: 4 MiB in float32


class Samples(Protocol):
    """An array, or what reads like one: samples that lie in a file (`dlrun.data.stored.Stored`)."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> Any: ...

    def __len__(self) -> int: ...

    def __getitem__(self, chosen: Any, /) -> Any: ...


class Rows(Protocol):
    """Some rows of prepared data."""

    @property
    def x(self) -> Samples:
        """Model inputs, shape `(rows, ...)`."""

    @property
    def y(self) -> np.ndarray:
        """Targets, shape `(rows,)` or `(rows, outputs)`."""

    @property
    def weight(self) -> np.ndarray | None:
        """How much each row counts in the loss, float32 of shape `(rows,)`; None where all count alike."""


def columns(rows: Rows) -> tuple[Samples, ...]:
    """What a training step takes of `rows`, as Keras takes it: `(x, y)`, or `(x, y, weight)`."""
    return (rows.x, rows.y) if rows.weight is None else (rows.x, rows.y, rows.weight)


def is_stream(rows: Rows | None) -> bool:
    """Whether the samples are read from a file as they are needed."""
    return rows is not None and not isinstance(rows.x, np.ndarray)


@dataclass(frozen=True)
class Position:
    """How far a training has come.

    Attributes:
        epoch: epochs that have ended.
        step: steps of the next epoch that have ended.
    """

    epoch: int = 0
    step: int = 0


BEGINNING = Position()


@dataclass(frozen=True)
class Course:
    """What a model is trained on, and in which portions.

    Attributes:
        train: the rows to learn from.
        validation: the rows to validate on after each epoch, or None.
        epochs: how often the training rows are gone through.
        batch_size: rows of a step, or `full` for all; the last step of an epoch takes what is left.
        validation_batch_size: rows at once where nothing is learned: a number, `full`, or `auto`.
        seed: rules the order of the training rows.
        limit_batches: training steps of an epoch at most, the first of its order: a number, or a share of all; None
            for all.
        shuffle_window: rows that are shuffled among each other; None for all.
    """

    train: Rows
    validation: Rows | None
    epochs: int
    batch_size: int | str
    validation_batch_size: int | str
    seed: int
    limit_batches: int | float | None = None
    shuffle_window: int | None = None

    def order(self, epoch: int) -> np.ndarray:
        """The numbers of all training rows in the order of an epoch, from 0."""
        return order(self.seed, epoch, len(self.train.x), self.shuffle_window)

    @property
    def rows_a_step(self) -> int:
        """Rows of every step but the last of an epoch."""
        rows: int = len(self.train.x)
        return rows if isinstance(self.batch_size, str) else min(self.batch_size, rows)

    @property
    def steps_per_epoch(self) -> int:
        """Training steps in an epoch."""
        every, limit = math.ceil(len(self.train.x) / self.rows_a_step), self.limit_batches
        if limit is None:
            return every
        return min(limit, every) if isinstance(limit, int) else max(1, int(limit * every))  # as Lightning rounds

    def rows_at_once(self, rows: Rows) -> int:
        """How many of `rows` are evaluated at once.

        For `auto` as many as make four megabytes of input, 1024 at most and no fewer than in a training step.
        """
        if isinstance(self.validation_batch_size, int):
            return self.validation_batch_size
        if self.validation_batch_size == "full":
            return len(rows.x)
        numbers_a_row = max(1, math.prod(rows.x.shape[1:]))
        return max(self.rows_a_step, min(_ROWS_AT_ONCE, _NUMBERS_AT_ONCE // numbers_a_row))


class Session(Protocol):
    """A model that is open for training."""

    @property
    def model(self) -> Any:
        """The `keras.Model` that is trained: compiled, the variables of its optimizer and metrics made.

        Where a compiled program is used again it is another object than the one handed in.
        """

    def fit(self, callbacks: Sequence[Any], start: Position = BEGINNING) -> None:
        """Train from `start` to the end of the course; `callbacks` are Keras's and are called as Keras calls them.

        Batch hooks are called once a block of steps, with the index of the block's first step and of its last, unless
        a callback looks at single batches.
        """

    def evaluate(self, rows: Rows) -> Mapping[str, float]:
        """Loss and metrics of the model on `rows`."""


class Engine(Protocol):
    """Trains a model. Every engine gives the same bits for the same spec."""

    name: str

    def open(self, model: Any, objective: Objective, course: Course) -> AbstractContextManager[Session]:
        """Compile `model` for training on `course`. On leaving, `model` has the trained weights."""
