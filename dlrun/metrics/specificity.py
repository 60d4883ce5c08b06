"""Specificity: how many of the negative samples are called negative."""

from __future__ import annotations

from typing import Any

import keras

__all__ = ["Specificity"]


@keras.saving.register_keras_serializable("dlrun")
class Specificity(keras.metrics.Metric):
    """The share of the negative samples that are called negative: the true negative rate.

    0 where no sample is negative. Exact however the samples come in batches.

    Args:
        threshold: the probability above which a sample is called positive.
        name: the name in histories.

    Input shape:
        Targets 0 or 1 and probabilities, `(batch, 1)`.

    Output shape:
        A scalar.
    """

    def __init__(self, threshold: float = 0.5, name: str = "specificity", dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self.threshold = threshold
        self.right = self.add_weight(shape=(), initializer="zeros", name="right")
        self.negatives = self.add_weight(shape=(), initializer="zeros", name="negatives")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count one batch."""
        ops = keras.ops
        negative = 1.0 - ops.cast(ops.reshape(y_true, (-1,)), self.dtype)
        if sample_weight is not None:
            negative = negative * ops.cast(ops.reshape(sample_weight, (-1,)), self.dtype)
        called = ops.cast(ops.reshape(y_pred, (-1,)) > self.threshold, self.dtype)
        self.negatives.assign_add(ops.sum(negative))
        self.right.assign_add(ops.sum(negative * (1.0 - called)))

    def result(self) -> Any:
        """Of all batches so far."""
        return keras.ops.divide_no_nan(self.right, self.negatives)

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {"threshold": self.threshold, "name": self.name, "dtype": self.dtype}
