"""F1 for labels that are whole numbers."""

from __future__ import annotations

from typing import Any

import keras

__all__ = ["LabelF1"]


@keras.saving.register_keras_serializable("dlrun")
class LabelF1(keras.metrics.F1Score):
    """`keras.metrics.F1Score` that takes labels instead of one-hot vectors.

    With two classes it is the F1 of the positive one at a probability of 0.5; with more, the mean over the classes of
    the F1 of each, a sample counting for its most probable class.

    Args:
        classes: how many classes there are.
        name: the name in histories.

    Input shape:
        Two classes: targets and probabilities `(batch, 1)`. More: labels `(batch,)` and probabilities
        `(batch, classes)`.

    Output shape:
        A scalar.
    """

    def __init__(self, classes: int, name: str = "f1", dtype: Any = None) -> None:
        threshold = 0.5 if classes == 2 else None
        super().__init__(average="macro", threshold=threshold, name=name, dtype=dtype)
        self.classes = classes

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count one batch."""
        if self.classes > 2:
            y_true = keras.ops.one_hot(keras.ops.reshape(y_true, (-1,)), self.classes)
        super().update_state(y_true, y_pred, sample_weight)

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {"classes": self.classes, "name": self.name, "dtype": self.dtype}
