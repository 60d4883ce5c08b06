"""Each feature of each sample larger or smaller, by another factor each time."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

__all__ = ["RandomScaling"]


@keras.saving.register_keras_serializable("dlrun")
class RandomScaling(keras.layers.Layer):
    """Multiplies each feature of a sample by a factor of its own, at all steps alike, while training.

    Args:
        stddev: standard deviation of the factors around 1, drawn from a normal distribution that is cut at two of them.
        seed: of the random numbers.
        kwargs: what every layer takes: `name`, `dtype`, `trainable`.

    Input shape:
        `(batch, ..., features)`.

    Output shape:
        That of the input.

    References:
        Um et al., Data augmentation of wearable sensor data for Parkinson's disease monitoring (2017)
    """

    def __init__(self, stddev: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.stddev = stddev
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.supports_masking = True

    def call(self, inputs: Any, training: bool = False) -> Any:
        """The samples, changed while training."""
        if not training:
            return inputs
        shape = ops.shape(inputs)
        size = (shape[0], *(1 for _ in shape[1:-1]), shape[-1])
        factors = keras.random.truncated_normal(size, 1.0, self.stddev, inputs.dtype, self.seed_generator)
        return inputs * factors

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """The shape of the input."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """The arguments, so that a saved model can be loaded again."""
        return {**super().get_config(), "stddev": self.stddev, "seed": self.seed}
