"""A metric of our own."""

from __future__ import annotations

from typing import Any

import keras

__all__ = ["Example"]


@keras.saving.register_keras_serializable("dlrun.starters.metric.example")
class Example(keras.metrics.Metric):
    """Balanced accuracy: the mean over the classes of the share of each that is recognised.

    Args:
        classes: how many classes there are.
        name: the name in histories.
        kwargs: what every metric takes: `dtype`.

    Input shape:
        Labels `(batch,)` or `(batch, 1)`, probabilities `(batch, classes)`.
    """

    def __init__(self, classes: int, name: str = "example", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.classes = classes
        self.right = self.add_weight(shape=(classes,), initializer="zeros", name="right")
        self.seen = self.add_weight(shape=(classes,), initializer="zeros", name="seen")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count one batch."""
        labels = keras.ops.cast(keras.ops.reshape(y_true, (-1,)), "int32")
        weights = keras.ops.ones_like(labels, dtype=self.dtype)
        if sample_weight is not None:
            weights = keras.ops.cast(keras.ops.reshape(sample_weight, (-1,)), self.dtype)
        hits = keras.ops.cast(keras.ops.equal(labels, keras.ops.argmax(y_pred, axis=-1)), self.dtype)
        of_class = keras.ops.one_hot(labels, self.classes, dtype=self.dtype)
        self.seen.assign_add(keras.ops.matmul(weights, of_class))
        self.right.assign_add(keras.ops.matmul(weights * hits, of_class))

    def result(self) -> Any:
        """The metric over everything since the last reset."""
        shares = keras.ops.divide_no_nan(self.right, self.seen)
        there = keras.ops.cast(self.seen > 0, self.dtype)
        return keras.ops.divide_no_nan(keras.ops.sum(shares * there), keras.ops.sum(there))

    def get_config(self) -> dict[str, Any]:
        """The arguments, so that a saved model can be loaded again."""
        return {**super().get_config(), "classes": self.classes}
