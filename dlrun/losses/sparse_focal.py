"""Focal loss for labels that are whole numbers."""

from __future__ import annotations

from typing import Any

import keras

__all__ = ["SparseFocalCrossentropy"]


@keras.saving.register_keras_serializable("dlrun")
class SparseFocalCrossentropy(keras.losses.Loss):
    """Cross-entropy in which a sample counts the less, the surer the model is of its class already.

    `(1 - p) ** gamma * -log(p)`, where p is the probability of the right class; Keras has it for two classes and for
    one-hot labels. With a gamma of 0 it is `keras.losses.SparseCategoricalCrossentropy`.

    Args:
        gamma: how strongly samples that are recognised already are passed over.

    Input shape:
        Labels `(batch,)` and probabilities `(batch, classes)`.

    Output shape:
        `(batch,)`, before the reduction.

    References:
        Lin, T.-Y., Goyal, P., Girshick, R., He, K., & Dollar, P. (2017). Focal loss for dense object detection. ICCV.
    """

    def __init__(
        self, gamma: float = 2.0, name: str = "sparse_focal_crossentropy", reduction: str = "sum_over_batch_size",
        dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.gamma = gamma

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The loss of each sample."""
        cross = keras.losses.sparse_categorical_crossentropy(y_true, y_pred)
        # Where p is 1 the power's slope would be infinite for a gamma below 1.
        unsure = keras.ops.maximum(-keras.ops.expm1(-cross), keras.backend.epsilon())
        return unsure**self.gamma * cross

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {"gamma": self.gamma, "name": self.name, "reduction": self.reduction, "dtype": self.dtype}
