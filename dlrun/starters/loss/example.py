"""A loss of our own."""

from __future__ import annotations

from typing import Any

import keras

__all__ = ["Example"]


@keras.saving.register_keras_serializable("dlrun.starters.loss.example")
class Example(keras.losses.Loss):
    """Focal cross-entropy: `-(1 - p) ** gamma * log(p)`, where p is the probability of the right class.

    Args:
        gamma: how much less a sample counts that is already right.
        name: the name in Keras's messages.
        kwargs: what every loss takes: `reduction`, `dtype`.

    Input shape:
        Labels `(batch,)` or `(batch, 1)`, probabilities `(batch, classes)`.
    """

    def __init__(self, gamma: float = 2.0, name: str = "example", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.gamma = gamma

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The loss of each sample; Keras takes the mean."""
        labels = keras.ops.cast(keras.ops.reshape(y_true, (-1, 1)), "int32")
        right = keras.ops.take_along_axis(y_pred, labels, axis=-1)[:, 0]
        right = keras.ops.clip(right, keras.config.epsilon(), 1.0)
        return -keras.ops.power(1.0 - right, self.gamma) * keras.ops.log(right)

    def get_config(self) -> dict[str, Any]:
        """The arguments, so that a saved model can be loaded again."""
        return {**super().get_config(), "gamma": self.gamma}
