"""The engine `fit`: plain `keras.Model.fit` over `tf.data`, for every model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import tensorflow as tf

from dlrun.training import streams
from dlrun.training.blocks import steps_per_block
from dlrun.training.compiled import compile_model
from dlrun.training.demands import looking_at_batches
from dlrun.training.engine import BEGINNING, Course, Position, Rows, columns, is_stream
from dlrun.training.loop import Callbacks, numbers, one_epoch
from dlrun.training.objective import Objective
from dlrun.training.strategy import rows_at_once

__all__ = ["FitEngine"]

_BATCHES_AHEAD = 4


class FitEngine:
    """Keras's own training loop, fed with dlrun's order of rows."""

    name = "fit"

    @contextmanager
    def open(self, model: Any, objective: Objective, course: Course) -> Iterator[FitSession]:
        """Compile `model`, which is trained itself."""
        compile_model(model, objective, course)
        yield FitSession(model, course)


class FitSession:
    """A model that `keras.Model.fit` trains."""

    def __init__(self, model: Any, course: Course) -> None:
        self.model = model
        self._course = course

    def fit(self, callbacks: Sequence[Any], start: Position = BEGINNING) -> None:
        """Train from `start` on.

        Several steps run in one call where no callback looks at single batches; the weights are the same to the bit.
        """
        single = bool(looking_at_batches(callbacks)) or tf.distribute.has_strategy()  # fails on several
        listed = Callbacks(callbacks, self.model, self._course)
        self.model.stop_training = False
        logs: Mapping[str, float] | None = None
        if start.step:
            listed.on_train_begin()
            logs = self._finish_epoch(listed, start, single)
            start = Position(start.epoch + 1)
        if self.model.stop_training:
            self.model.optimizer.finalize_variable_values(self.model.trainable_weights)
            listed.on_train_end(logs)
        else:
            self._fit(listed, start, single)

    def evaluate(self, rows: Rows) -> Mapping[str, float]:
        """Loss and metrics of the trained model on `rows`."""
        values = self.model.evaluate(_in_order(rows, self._course), verbose=0, return_dict=True)
        return {name: float(value) for name, value in values.items()}

    def _fit(self, callbacks: Callbacks, start: Position, single: bool) -> None:
        course = self._course
        self._take(1 if single else steps_per_block(course.steps_per_epoch, course.rows_a_step, self.model))
        self.model.fit(
            _shuffled(course, start),
            epochs=course.epochs,
            initial_epoch=start.epoch,
            steps_per_epoch=course.steps_per_epoch,
            validation_data=None if course.validation is None else _in_order(course.validation, course),
            callbacks=callbacks,
            shuffle=False,
            verbose=0,
        )

    def _finish_epoch(self, callbacks: Callbacks, start: Position, single: bool) -> Mapping[str, float]:
        """Go on with an epoch in its middle, which Keras cannot; gives its values."""
        model, course = self.model, self._course
        left = course.steps_per_epoch - start.step
        block = 1 if single else steps_per_block(left, course.rows_a_step, model)
        self._take(block)
        stream = iter(_shuffled(course, start))

        def train(first: int, behind: int) -> Mapping[str, float]:
            return numbers(model.train_function(stream))

        def validate() -> Mapping[str, float]:
            assert course.validation is not None
            return self.evaluate(course.validation)

        blocks = [(first, first + block) for first in range(start.step, course.steps_per_epoch, block)]
        model.reset_metrics()
        return one_epoch(model, callbacks, start.epoch, blocks, train, validate if course.validation else None)

    def _take(self, steps: int) -> None:
        """Have Keras run so many steps in one call."""
        self.model.steps_per_execution = steps
        self.model.make_train_function(force=True)


def _shuffled(course: Course, start: Position) -> tf.data.Dataset:
    """The training batches from `start` on, all epochs one after another, as one stream: it is set up once and not
    once an epoch."""
    if is_stream(course.train):
        return streams.shuffled(course, start).with_options(_options())
    rows, batch = len(course.train.x), course.rows_a_step
    tensors = _tensors(course.train)

    def order(epoch: Any) -> Any:
        return course.order(int(epoch))

    def batches(epoch: Any) -> tf.data.Dataset:
        indexes = tf.numpy_function(order, [epoch], tf.int64, stateful=False)
        indexes.set_shape([rows])
        first = tf.where(tf.equal(epoch, start.epoch), tf.constant(start.step, tf.int64), 0)

        def take(step: Any) -> Any:
            chosen = indexes[step * batch : (step + 1) * batch]
            return tuple(tf.gather(each, chosen) for each in tensors)

        return tf.data.Dataset.range(first, course.steps_per_epoch).map(take)

    stream = tf.data.Dataset.range(start.epoch, course.epochs).flat_map(batches)
    return stream.prefetch(_BATCHES_AHEAD).with_options(_options())


def _in_order(rows: Rows, course: Course) -> tf.data.Dataset:
    """The rows in their order, in batches; the last one may be short."""
    at_once = rows_at_once(course.rows_at_once(rows), len(rows.x))
    if is_stream(rows):
        return streams.in_order(rows, at_once).with_options(_options())
    batches = tf.data.Dataset.from_tensor_slices(_tensors(rows)).batch(at_once)
    return batches.with_options(_options())


def _tensors(rows: Rows) -> tuple[Any, ...]:
    with tf.device("CPU:0"):  # where tf.data works, also when the model is on a GPU
        return tuple(tf.convert_to_tensor(each) for each in columns(rows))


def _options() -> tf.data.Options:
    options = tf.data.Options()
    options.autotune.enabled = False  # a pipeline this simple has nothing to tune; the tuner is a thread of its own
    return options
