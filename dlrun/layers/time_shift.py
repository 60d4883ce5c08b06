"""Each sequence earlier or later."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

__all__ = ["TimeShift"]


@keras.saving.register_keras_serializable("dlrun")
class TimeShift(keras.layers.Layer):
    """Moves a sequence by whole steps, while training; what comes in at an end repeats the step there.

    Args:
        largest: the farthest, as a share of the steps.
        seed: of the random numbers.
        kwargs: what every layer takes: `name`, `dtype`, `trainable`.

    Input shape:
        `(batch, steps, features)`.

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
        samples, steps = ops.shape(inputs)[:2]
        drawn = keras.random.uniform((samples, 1), -1.0, 1.0, "float32", self.seed_generator)
        shift = ops.cast(ops.round(drawn * self.largest * ops.cast(steps, "float32")), "int32")
        places = ops.clip(ops.arange(steps)[None, :] - shift, 0, steps - 1)
        return ops.take_along_axis(inputs, places[..., None], axis=1)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """The shape of the input."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """The arguments, so that a saved model can be loaded again."""
        return {**super().get_config(), "largest": self.largest, "seed": self.seed}
