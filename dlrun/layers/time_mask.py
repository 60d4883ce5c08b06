"""A stretch of each sequence hidden."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

__all__ = ["TimeMask"]


@keras.saving.register_keras_serializable("dlrun")
class TimeMask(keras.layers.Layer):
    """Replaces the steps of a stretch, of all features alike, while training.

    Args:
        longest: the longest stretch, as a share of the steps; what is drawn lies evenly between 0 and it.
        fill_value: what stands there.
        seed: of the random numbers.
        kwargs: what every layer takes: `name`, `dtype`, `trainable`.

    Input shape:
        `(batch, steps, features)`.

    Output shape:
        That of the input.

    References:
        Park et al., SpecAugment: a simple data augmentation method for automatic speech recognition (2019)
    """

    def __init__(self, longest: float, fill_value: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.longest = longest
        self.fill_value = fill_value
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.supports_masking = True

    def call(self, inputs: Any, training: bool = False) -> Any:
        """The samples, changed while training."""
        if not training:
            return inputs
        samples, steps = ops.shape(inputs)[:2]
        count = ops.cast(steps, "float32")
        length = ops.round(self._drawn(samples) * self.longest * count)
        first = ops.floor(self._drawn(samples) * (count - length + 1))
        step = ops.arange(steps, dtype="float32")[None, :]
        hidden = ops.logical_and(step >= first, step < first + length)[..., None]
        return ops.where(hidden, ops.cast(self.fill_value, inputs.dtype), inputs)

    def _drawn(self, samples: Any) -> Any:
        return keras.random.uniform((samples, 1), dtype="float32", seed=self.seed_generator)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """The shape of the input."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """The arguments, so that a saved model can be loaded again."""
        return {**super().get_config(), "longest": self.longest, "fill_value": self.fill_value, "seed": self.seed}
