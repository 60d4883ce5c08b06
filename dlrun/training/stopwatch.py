"""How fast a training went, as its callbacks saw it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import keras

from dlrun.training.engine import Course

__all__ = ["Stopwatch"]

Logs = Mapping[str, Any]


class Stopwatch(keras.callbacks.Callback):
    """Measures the time of training steps, validation and other callbacks left out.

    The first block of steps is measured apart: it holds the building and tracing of the program.
    """

    sees_blocks = True

    def __init__(self, course: Course) -> None:
        super().__init__()
        self._rows_a_step = course.rows_a_step
        self._rows = len(course.train.x)
        self._made = time.perf_counter()
        self._block_began = self._made
        self._first_step = 0
        self._first_ended: float | None = None
        self._first = _Steps()
        self._later = _Steps()

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """A block begins."""
        self._block_began, self._first_step = time.perf_counter(), batch

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """The block has ended with step `batch`."""
        now = time.perf_counter()
        part = self._later if self._first_ended is not None else self._first
        steps = batch + 1 - self._first_step
        rows = min((batch + 1) * self._rows_a_step, self._rows) - self._first_step * self._rows_a_step
        part.add(steps, rows, now - self._block_began)
        if self._first_ended is None:
            self._first_ended = now

    def cost(self) -> dict[str, float | None]:
        """Both figures by name, as a result has them."""
        return {
            "samples_per_second": self.samples_per_second(),
            "seconds_to_first_step": self.seconds_to_first_step(),
        }

    def samples_per_second(self) -> float | None:
        """Rows trained on in a second, the first block left out where there are others; None before the first step."""
        part = self._later if self._later.steps else self._first
        return part.rows / part.seconds if part.steps else None

    def seconds_to_first_step(self) -> float | None:
        """From the making of this object to the end of the first step; None before it.

        Of the block that holds it, the other steps are taken off at the pace of later blocks where there are any.
        """
        if self._first_ended is None:
            return None
        seconds = self._first_ended - self._made
        if not self._later.steps:
            return seconds
        return max(0.0, seconds - (self._first.steps - 1) * self._later.seconds / self._later.steps)


class _Steps:
    """Some training steps, summed up."""

    def __init__(self) -> None:
        self.steps, self.rows, self.seconds = 0, 0, 0.0

    def add(self, steps: int, rows: int, seconds: float) -> None:
        self.steps += steps
        self.rows += rows
        self.seconds += seconds
