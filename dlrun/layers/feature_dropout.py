"""Some features of each sample 0, others each time."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

__all__ = ["FeatureDropout"]


@keras.saving.register_keras_serializable("dlrun")
class FeatureDropout(keras.layers.Layer):
    """Sets features of a sample to 0, at all steps alike, while training.

    What is left keeps its scale, unlike in dropout.

    Args:
        rate: how many of the features on average, from 0 to 1.
        seed: of the random numbers.
        kwargs: what every layer takes: `name`, `dtype`, `trainable`.

    Input shape:
        `(batch, ..., features)`.

    Output shape:
        That of the input.
    """

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rate = rate
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.supports_masking = True

    def call(self, inputs: Any, training: bool = False) -> Any:
        """The samples, changed while training."""
        if not training:
            return inputs
        shape = ops.shape(inputs)
        size = (shape[0], *(1 for _ in shape[1:-1]), shape[-1])
        drawn = keras.random.uniform(size, dtype="float32", seed=self.seed_generator)
        return ops.where(drawn < self.rate, ops.zeros_like(inputs), inputs)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """The shape of the input."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """The arguments, so that a saved model can be loaded again."""
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}
