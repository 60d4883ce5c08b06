"""What an engine is, and which one trains."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from dlrun.training.objective import Objective

__all__ = ["Choice", "Course", "Engine", "Rows", "choose"]

_ROWS_AT_ONCE = 1024
_NUMBERS_AT_ONCE = 2**20  # of input: 4 MiB in float32


class Rows(Protocol):
    """Some rows of prepared data."""

    @property
    def x(self) -> np.ndarray:
        """Model inputs, shape `(rows, ...)`."""

    @property
    def y(self) -> np.ndarray:
        """Targets, shape `(rows,)` or `(rows, outputs)`."""


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
    """

    train: Rows
    validation: Rows | None
    epochs: int
    batch_size: int | str
    validation_batch_size: int | str
    seed: int

    @property
    def rows_a_step(self) -> int:
        """Rows of every step but the last of an epoch."""
        rows: int = len(self.train.x)
        return rows if isinstance(self.batch_size, str) else min(self.batch_size, rows)

    @property
    def steps_per_epoch(self) -> int:
        """Updates of the weights in an epoch."""
        return math.ceil(len(self.train.x) / self.rows_a_step)

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


class Engine(Protocol):
    """Trains a model. Every engine gives the same bits for the same spec."""

    name: str

    def fit(self, model: Any, objective: Objective, course: Course, callbacks: Sequence[Any]) -> None:
        """Train `model` in place; `callbacks` are Keras's and are called as Keras calls them."""

    def evaluate(self, model: Any, rows: Rows, course: Course) -> Mapping[str, float]:
        """Loss and metrics of the trained model on `rows`."""


@dataclass(frozen=True)
class Choice:
    """The engine that trains, and why it does."""

    engine: Engine
    why: str


def choose(name: str) -> Choice:
    """The engine that `trainer.engine` names; `auto` is dlrun's choice."""
    from dlrun.training.fit import FitEngine

    why = "auto takes fit, the only engine so far" if name == "auto" else f"trainer.engine={name}"
    return Choice(FitEngine(), why)
