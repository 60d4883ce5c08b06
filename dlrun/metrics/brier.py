"""Brier score: how far probabilities are from what came true."""

from __future__ import annotations

from typing import Any

import keras

__all__ = ["BrierScore"]


@keras.saving.register_keras_serializable("dlrun")
class BrierScore(keras.metrics.Mean):
    """The mean squared distance of the probabilities from what came true; 0 is perfect.

    It punishes a model for being sure of the wrong class, and for not being sure of the right one. Of two classes it is
    the squared error of the second's probability, from 0 to 1; of more the sum over the classes, from 0 to 2.

    Args:
        classes: how many classes there are.
        name: the name in histories.

    Input shape:
        Two classes: targets and probabilities `(batch, 1)`. More: labels `(batch,)` and probabilities
        `(batch, classes)`.

    Output shape:
        A scalar.

    References:
        Brier, G. W. (1950). Verification of forecasts expressed in terms of probability. Monthly Weather Review
            78, 1-3.
    """

    def __init__(self, classes: int, name: str = "brier", dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self.classes = classes

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count one batch."""
        ops = keras.ops
        truth = ops.reshape(y_true, (-1,))
        truth = truth[:, None] if self.classes == 2 else ops.one_hot(ops.cast(truth, "int32"), self.classes)
        squares = ops.square(ops.cast(y_pred, self.dtype) - ops.cast(truth, self.dtype))
        super().update_state(ops.sum(squares, axis=-1), sample_weight)

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {"classes": self.classes, "name": self.name, "dtype": self.dtype}
