"""Each sequence faster here and slower there."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

__all__ = ["TimeWarp"]


@keras.saving.register_keras_serializable("dlrun")
class TimeWarp(keras.layers.Layer):
    """Reads a sequence at a pace that changes from stretch to stretch, while training.

    Between steps it is read on the straight line. The first and the last step stay where they are.

    Args:
        strength: how far the pace of a stretch strays from 1 at most, before all are brought to the sequence's length.
        knots: stretches with a pace of their own, of equal length.
        seed: of the random numbers.
        kwargs: what every layer takes: `name`, `dtype`, `trainable`.

    Input shape:
        `(batch, steps, features)`.

    Output shape:
        That of the input.

    References:
        Um et al., Data augmentation of wearable sensor data for Parkinson's disease monitoring (2017)
    """

    def __init__(self, strength: float, knots: int, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.strength = strength
        self.knots = knots
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.supports_masking = True

    def call(self, inputs: Any, training: bool = False) -> Any:
        """The samples, changed while training."""
        if not training:
            return inputs
        samples, steps = ops.shape(inputs)[:2]
        if inputs.shape[1] == 1:
            return inputs
        shape = (samples, self.knots)
        pace = keras.random.uniform(shape, 1 - self.strength, 1 + self.strength, "float32", self.seed_generator)
        stretch = ops.arange(steps - 1) * self.knots // (steps - 1)
        passed = ops.cumsum(ops.take(pace, stretch, axis=1), axis=1)
        last = ops.cast(steps - 1, "float32")
        places = ops.pad(passed / passed[:, -1:], ((0, 0), (1, 0))) * last
        low = ops.clip(ops.floor(places), 0.0, last - 1)
        share = ops.cast((places - low)[..., None], inputs.dtype)
        first = ops.cast(low, "int32")[..., None]
        left, right = (ops.take_along_axis(inputs, each, axis=1) for each in (first, first + 1))
        return left + share * (right - left)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """The shape of the input."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """The arguments, so that a saved model can be loaded again."""
        return {**super().get_config(), "strength": self.strength, "knots": self.knots, "seed": self.seed}
