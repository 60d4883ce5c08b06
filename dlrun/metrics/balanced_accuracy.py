"""Balanced accuracy: every class counts alike, however rare it is."""

from __future__ import annotations

from typing import Any

import keras

__all__ = ["BalancedAccuracy"]


@keras.saving.register_keras_serializable("dlrun")
class BalancedAccuracy(keras.metrics.Metric):
    """The mean over the classes of the share of their samples that are recognised.

    1 / classes is what guessing reaches, by chance or by always naming one class. A class without samples is left out.
    Exact however the samples come in batches: right ones and all ones of each class are counted.

    Args:
        classes: how many classes there are.
        name: the name in histories.

    Input shape:
        Two classes: targets and probabilities `(batch, 1)`, the second called from above 0.5 on. More: labels
        `(batch,)` and probabilities `(batch, classes)`.

    Output shape:
        A scalar.

    References:
        Brodersen, K. H., Ong, C. S., Stephan, K. E., & Buhmann, J. M. (2010). The balanced accuracy and its posterior
            distribution. ICPR.
    """

    def __init__(self, classes: int, name: str = "balanced_accuracy", dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self.classes = classes
        self.right = self.add_weight(shape=(classes,), initializer="zeros", name="right")
        self.samples = self.add_weight(shape=(classes,), initializer="zeros", name="samples")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count one batch."""
        ops = keras.ops
        labels = ops.cast(ops.reshape(y_true, (-1,)), "int32")
        called = ops.reshape(y_pred, (-1,)) > 0.5 if self.classes == 2 else ops.argmax(y_pred, axis=-1)
        of_class = ops.one_hot(labels, self.classes, dtype=self.dtype)
        if sample_weight is not None:
            of_class = of_class * ops.cast(ops.reshape(sample_weight, (-1, 1)), self.dtype)
        is_right = ops.cast(ops.equal(labels, ops.cast(called, "int32")), self.dtype)
        self.samples.assign_add(ops.sum(of_class, axis=0))
        self.right.assign_add(ops.sum(of_class * is_right[:, None], axis=0))

    def result(self) -> Any:
        """Of all batches so far."""
        ops = keras.ops
        there = ops.sum(ops.cast(self.samples > 0, self.dtype))
        return ops.divide_no_nan(ops.sum(ops.divide_no_nan(self.right, self.samples)), there)

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {"classes": self.classes, "name": self.name, "dtype": self.dtype}
