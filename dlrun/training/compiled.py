"""Compile a model with every variable made."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from dlrun.training.engine import Course
from dlrun.training.objective import Objective
from dlrun.training.randomness import seed_compilation

__all__ = ["compile_model"]


def compile_model(model: Any, objective: Objective, course: Course) -> None:
    """Compile `model`, and make the variables of its optimizer and metrics.

    TensorFlow traces a function twice that makes variables; and what is not there cannot be restored.
    """
    seed_compilation(course.seed)
    model.compile(
        optimizer=objective.optimizer,
        loss=objective.loss,
        metrics=objective.metrics,
        jit_compile=False,  # on a CPU slower, and far slower for convolutions
    )
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
