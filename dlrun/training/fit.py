"""The engine `fit`: plain `keras.Model.fit` over `tf.data`, for every model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from dlrun.training.blocks import steps_per_block
from dlrun.training.engine import Course, Rows
from dlrun.training.objective import Objective
from dlrun.training.shuffle import permutation

__all__ = ["FitEngine"]

_BATCHES_AHEAD = 4
_BATCH_HOOKS = (
    "on_batch_begin",
    "on_batch_end",
    "on_train_batch_begin",
    "on_train_batch_end",
    "on_test_batch_begin",
    "on_test_batch_end",
)


class FitEngine:
    """Keras's own training loop, fed with dlrun's order of rows."""

    name = "fit"

    def fit(self, model: Any, objective: Objective, course: Course, callbacks: Sequence[Any]) -> None:
        """Train `model` in place.

        Several steps run in one call where no callback looks at single batches; the weights are the same to the bit.
        """
        steps = course.steps_per_epoch
        single = any(_looks_at_batches(callback) for callback in callbacks)
        model.compile(
            optimizer=objective.optimizer,
            loss=objective.loss,
            metrics=objective.metrics,
            steps_per_execution=1 if single else steps_per_block(steps, course.rows_a_step, model),
            jit_compile=False,  # on a CPU slower, and far slower for convolutions
        )
        _make_variables(model, course)
        validation = None if course.validation is None else _in_order(course.validation, course)
        model.fit(
            _shuffled(course),
            epochs=course.epochs,
            steps_per_epoch=steps,
            validation_data=validation,
            callbacks=list(callbacks),
            shuffle=False,
            verbose=0,
        )

    def evaluate(self, model: Any, rows: Rows, course: Course) -> Mapping[str, float]:
        """Loss and metrics of the trained model on `rows`."""
        values = model.evaluate(_in_order(rows, course), verbose=0, return_dict=True)
        return {name: float(value) for name, value in values.items()}


def _looks_at_batches(callback: Any) -> bool:
    if isinstance(callback, keras.callbacks.ModelCheckpoint) and callback.save_freq == "epoch":
        return False  # its batch hook does nothing then
    kind = type(callback)
    return any(getattr(kind, hook) is not getattr(keras.callbacks.Callback, hook) for hook in _BATCH_HOOKS)


def _make_variables(model: Any, course: Course) -> None:
    """Make the variables of optimizer and metrics now: TensorFlow traces a function twice that makes variables."""
    with tf.device("CPU:0"):
        y = tf.convert_to_tensor(course.train.y[:1])
        if hasattr(model, "output_shape"):
            predicted = tf.zeros((1, *model.output_shape[1:]))
        else:  # a `keras.Model` with a `call` of its own makes its weights, and has a shape, when it is called
            predicted = model(tf.convert_to_tensor(course.train.x[:1]), training=False)
    model.optimizer.build(model.trainable_variables)
    with tf.device("CPU:0"):
        model.compute_metrics(None, y, predicted, None)
    model.reset_metrics()


def _shuffled(course: Course) -> tf.data.Dataset:
    """The training batches of all epochs, one after another, as one stream: it is set up once and not once an epoch."""
    rows, batch = len(course.train.x), course.rows_a_step
    x, y = _tensors(course.train)

    def order(epoch: Any) -> Any:
        return permutation(course.seed, int(epoch), rows)

    def batches(epoch: Any) -> tf.data.Dataset:
        indexes = tf.numpy_function(order, [epoch], tf.int64, stateful=False)
        indexes.set_shape([rows])

        def take(step: Any) -> Any:
            chosen = indexes[step * batch : (step + 1) * batch]
            return tf.gather(x, chosen), tf.gather(y, chosen)

        return tf.data.Dataset.range(course.steps_per_epoch).map(take)

    stream = tf.data.Dataset.range(course.epochs).flat_map(batches)
    return stream.prefetch(_BATCHES_AHEAD).with_options(_options())


def _in_order(rows: Rows, course: Course) -> tf.data.Dataset:
    """The rows in their order, in batches; the last one may be short."""
    batches = tf.data.Dataset.from_tensor_slices(_tensors(rows)).batch(course.rows_at_once(rows))
    return batches.with_options(_options())


def _tensors(rows: Rows) -> tuple[Any, Any]:
    with tf.device("CPU:0"):  # where tf.data works, also when the model is on a GPU
        return tf.convert_to_tensor(rows.x), tf.convert_to_tensor(rows.y)


def _options() -> tf.data.Options:
    options = tf.data.Options()
    options.autotune.enabled = False  # a pipeline this simple has nothing to tune; the tuner is a thread of its own
    return options
