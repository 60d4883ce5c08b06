"""The engine `fused`: an epoch of a training in one graph call, over data that is held as tensors.

Keras's `fit` crosses from Python into TensorFlow at every block of batches, and the batches come through a pipeline
with threads of its own. A small model's step takes less time than either. Here the loop over the steps is part of the
graph: it takes rows by their numbers and calls the model's own `train_step`, so that losses, metrics, optimizers and
layers are Keras's, and so are the bits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import tensorflow as tf

from dlrun.training.blocks import steps_within_a_second
from dlrun.training.engine import BEGINNING, Course, Position, Rows, columns
from dlrun.training.loop import Block, Callbacks, numbers, one_epoch
from dlrun.training.objective import Objective
from dlrun.training.program import Program
from dlrun.training.programs import PROGRAMS

__all__ = ["FusedEngine"]


class FusedEngine:
    """Epochs as graph calls."""

    name = "fused"

    @contextmanager
    def open(self, model: Any, objective: Objective, course: Course) -> Iterator[FusedSession]:
        """Compile `model`, or take the program of a trial before that had the same structure."""
        program = PROGRAMS.take(model, objective, course)
        yield FusedSession(program, course)
        if program.model is not model:
            for variable, trained in zip(model.variables, program.model.variables, strict=True):
                variable.assign(trained)


class FusedSession:
    """A model that is trained by its program."""

    def __init__(self, program: Program, course: Course) -> None:
        self.model = program.model
        self._program = program
        self._course = course
        self._steps_a_block = steps_within_a_second(course.rows_a_step, program.model)

    def fit(self, callbacks: Sequence[Any], start: Position = BEGINNING) -> None:
        """Train from `start` on, an epoch in one call; a long one in several."""
        model, course = self.model, self._course
        listed = Callbacks(callbacks, model, course)
        model.stop_training = False
        rows = _tensors(course.train)
        validate = None if course.validation is None else self._validation(course.validation)
        listed.on_train_begin()
        logs: Mapping[str, float] | None = None
        for epoch in range(start.epoch, course.epochs):
            order = tf.constant(course.order(epoch))

            def train(first: int, behind: int, order: Any = order) -> Mapping[str, float]:
                return numbers(self._program.train(rows, order, course.rows_a_step, (first, behind)))

            blocks = self._blocks(start.step if epoch == start.epoch else 0)
            self._program.reset()
            logs = one_epoch(model, listed, epoch, blocks, train, validate)
            if model.stop_training:
                break
        model.optimizer.finalize_variable_values(model.trainable_weights)
        listed.on_train_end(logs)

    def evaluate(self, rows: Rows) -> Mapping[str, float]:
        """Loss and metrics of the model on `rows`."""
        return numbers(self._program.test(_tensors(rows), self._course.rows_at_once(rows)))

    def _validation(self, rows: Rows) -> Callable[[], Mapping[str, float]]:
        held, at_once = _tensors(rows), self._course.rows_at_once(rows)
        return lambda: numbers(self._program.test(held, at_once))

    def _blocks(self, first: int) -> Iterator[Block]:
        steps = self._course.steps_per_epoch
        for begin in range(first, steps, self._steps_a_block):
            yield begin, min(begin + self._steps_a_block, steps)


def _tensors(rows: Rows) -> tuple[Any, ...]:
    return tuple(tf.convert_to_tensor(each) for each in columns(rows))
