"""A layer of our own."""

from __future__ import annotations

from typing import Any

import keras

__all__ = ["Example"]


@keras.saving.register_keras_serializable("dlrun.starters.layer.example")
class Example(keras.layers.Layer):
    """Gated linear unit: `(x @ W + b) * sigmoid(x @ V + c)`.

    Args:
        units: how many outputs there are.
        kernel_initializer: starting values of W and V.
        kernel_regularizer: penalty on W and V.
        kwargs: what every layer takes: `name`, `dtype`, `trainable`.

    Input shape:
        `(batch, ..., features)`.

    Output shape:
        `(batch, ..., units)`.
    """

    def __init__(
        self,
        units: int,
        kernel_initializer: Any = "glorot_uniform",
        kernel_regularizer: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the weights, now that the number of features is known."""
        # One weight for both halves: two weights from one seeded initializer would start alike.
        self.kernel = self.add_weight(
            shape=(input_shape[-1], 2 * self.units),
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            name="kernel",
        )
        self.bias = self.add_weight(shape=(2 * self.units,), initializer="zeros", name="bias")

    def call(self, x: Any) -> Any:
        """The outputs of one batch."""
        values, gates = keras.ops.split(keras.ops.matmul(x, self.kernel) + self.bias, 2, axis=-1)
        return values * keras.ops.sigmoid(gates)

    def get_config(self) -> dict[str, Any]:
        """The arguments, so that a saved model can be loaded again."""
        return {
            **super().get_config(),
            "units": self.units,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
        }
