"""Noise on each sample, of a strength of its own."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

__all__ = ["RandomJitter"]


@keras.saving.register_keras_serializable("dlrun")
class RandomJitter(keras.layers.Layer):
    """Adds Gaussian noise to a sample, as strong as is drawn for it, while training.

    Args:
        largest: the largest standard deviation of the noise; what is drawn lies evenly between 0 and it.
        seed: of the random numbers.
        kwargs: what every layer takes: `name`, `dtype`, `trainable`.

    Input shape:
        `(batch, ..., features)`.

    Output shape:
        That of the input.
    """

    def __init__(self, largest: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.largest = largest
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.supports_masking = True

    def call(self, inputs: Any, training: bool = False) -> Any:
        """The samples, changed while training."""
        if not training:
            return inputs
        shape = ops.shape(inputs)
        size = (shape[0], *(1 for _ in shape[1:]))
        strength = keras.random.uniform(size, 0.0, self.largest, inputs.dtype, self.seed_generator)
        return inputs + strength * keras.random.normal(shape, dtype=inputs.dtype, seed=self.seed_generator)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """The shape of the input."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """The arguments, so that a saved model can be loaded again."""
        return {**super().get_config(), "largest": self.largest, "seed": self.seed}
