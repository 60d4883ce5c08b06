"""Matthews' correlation: how far the classes that are named go with those that are there."""

from __future__ import annotations

from typing import Any

import keras

__all__ = ["MatthewsCorrelation"]


@keras.saving.register_keras_serializable("dlrun")
class MatthewsCorrelation(keras.metrics.Metric):
    """The correlation between true and named classes: 1 is perfect, 0 no better than chance, -1 always wrong.

    High only where every class is both recognised and rarely named in vain. 0 where one class alone is there or named.
    Exact however the samples come in batches: the confusion matrix is counted.

    Args:
        classes: how many classes there are.
        name: the name in histories.

    Input shape:
        Two classes: targets and probabilities `(batch, 1)`, the second called from above 0.5 on. More: labels
        `(batch,)` and probabilities `(batch, classes)`.

    Output shape:
        A scalar.

    References:
        Gorodkin, J. (2004). Comparing two K-category assignments by a K-category correlation coefficient.
            Computational Biology and Chemistry 28, 367-374.
    """

    def __init__(self, classes: int, name: str = "matthews", dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self.classes = classes
        self.confusion = self.add_weight(shape=(classes, classes), initializer="zeros", name="confusion")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count one batch."""
        ops = keras.ops
        labels = ops.cast(ops.reshape(y_true, (-1,)), "int32")
        called = ops.reshape(y_pred, (-1,)) > 0.5 if self.classes == 2 else ops.argmax(y_pred, axis=-1)
        there = ops.one_hot(labels, self.classes, dtype=self.dtype)
        if sample_weight is not None:
            there = there * ops.cast(ops.reshape(sample_weight, (-1, 1)), self.dtype)
        named = ops.one_hot(ops.cast(called, "int32"), self.classes, dtype=self.dtype)
        self.confusion.assign_add(ops.matmul(ops.transpose(there), named))

    def result(self) -> Any:
        """Of all batches so far."""
        ops = keras.ops
        counts = ops.cast(self.confusion, "float64")  # squares of counts are subtracted from one another
        every, there, named = ops.sum(counts), ops.sum(counts, axis=1), ops.sum(counts, axis=0)
        together = ops.trace(counts) * every - ops.sum(there * named)
        alone = ops.sum(there * (every - there)) * ops.sum(named * (every - named))
        return ops.cast(ops.divide_no_nan(together, ops.sqrt(alone)), self.dtype)

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {"classes": self.classes, "name": self.name, "dtype": self.dtype}
