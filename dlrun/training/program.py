"""A compiled model's epoch as TensorFlow graphs: one that trains, one that tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from dlrun.training.loop import Block
from dlrun.training.randomness import draws_without_seed
from dlrun.training.slots import Feeds

__all__ = ["Program", "Tensors"]

_STOCK = "keras.src."
"""Where metrics come from that keep nothing but variables, so that a graph can reset them."""

_SINGLE_THREADED = "SINGLE_THREADED_EXECUTOR"

Tensors = tuple[Any, ...]
"""`(x, y)` or `(x, y, weight)`, a tensor each."""


class Program:
    """The graphs of a compiled model. They are traced at their first call, and serve rows of any number.

    Args:
        model: compiled, all variables made.
        feeds: the numbers that the graphs read from variables.
        quick: whether last bits may differ from `model.fit`'s for the sake of speed. TensorFlow's single-threaded
            executor does one operation after another and calls the loop's body as a function: a small step takes little
            more than half the time. But oneDNN's kernels take the place of TensorFlow's in the graph only, not in
            functions that are called, and some of them round sums in another order.

    Attributes:
        is_reusable: whether another run would get its own random numbers; known after the first call.
    """

    def __init__(self, model: Any, feeds: Feeds, quick: bool = False) -> None:
        self.model = model
        self.feeds = feeds
        self.is_reusable = True
        self.is_quick = quick
        # Keras has AutoGraph rewrite no step of `fit`; to have it rewrite the loops here takes as long as tracing them.
        self._train = tf.function(self._train_steps, reduce_retracing=True, autograph=False)
        self._test = tf.function(self._test_steps, reduce_retracing=True, autograph=False)
        self._reset = model.reset_metrics
        metrics = [metric for each in model.metrics for metric in getattr(each, "metrics", [each])]
        if all(type(metric).__module__.startswith(_STOCK) for metric in metrics):
            self._reset = tf.function(model.reset_metrics, autograph=False)  # one call in place of one a variable

    def reset(self) -> None:
        """Begin the metrics anew."""
        self._reset()

    def train(self, rows: Tensors, order: Any, batch: int, block: Block) -> Mapping[str, Any]:
        """Do the training steps of a block of an epoch.

        Args:
            rows: all rows of the training part.
            order: the numbers of the rows in the order of the epoch, int64.
            batch: rows of a step; the last one takes what is left.

        Returns:
            The epoch's metrics so far.
        """
        with tf.experimental.function_executor_type(_SINGLE_THREADED if self.is_quick else ""):
            metrics: Mapping[str, Any] = self._train(rows, order, *map(tf.constant, (batch, *block)))
        return metrics

    def test(self, rows: Tensors, batch: int) -> Mapping[str, Any]:
        """Loss and metrics of `rows`, taken `batch` at a time."""
        self.reset()
        metrics: Mapping[str, Any] = self._test(rows, tf.constant(batch))
        return metrics

    def _train_steps(self, rows: Tensors, order: Any, batch: Any, first: Any, behind: Any) -> Mapping[str, Any]:
        def do(step: Any) -> tuple[Any]:
            chosen = order[step * batch : (step + 1) * batch]
            self.model.train_step(tuple(tf.gather(each, chosen) for each in rows))
            return (step + 1,)

        with self.feeds.in_place():
            tf.while_loop(lambda step: step < behind, do, (first,))
        self.is_reusable = not draws_without_seed(tf.compat.v1.get_default_graph())
        return self._metrics()

    def _test_steps(self, rows: Tensors, batch: Any) -> Mapping[str, Any]:
        def do(begin: Any) -> tuple[Any]:
            self.model.test_step(tuple(each[begin : begin + batch] for each in rows))
            return (begin + batch,)

        with self.feeds.in_place():
            tf.while_loop(lambda begin: begin < tf.shape(rows[0])[0], do, (tf.constant(0),))
        return self._metrics()

    def _metrics(self) -> Mapping[str, Any]:
        metrics: Mapping[str, Any] = self.model.get_metrics_result()
        return metrics
