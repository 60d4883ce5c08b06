"""Another part of each image, in the size of all."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

__all__ = ["RandomResizedCrop"]


@keras.saving.register_keras_serializable("dlrun")
class RandomResizedCrop(keras.layers.Layer):
    """Cuts a part out of an image and brings it to the image's size, while training.

    Args:
        smallest: the smallest part, as a share of the image's area; what is drawn lies evenly between it and 1.
        ratio: how much longer than wide a part may be, or wider than long, in proportion to the image.
        interpolation: `bilinear` or `nearest`.
        seed: of the random numbers.
        kwargs: what every layer takes: `name`, `dtype`, `trainable`.

    Input shape:
        `(batch, height, width, channels)`.

    Output shape:
        That of the input.

    References:
        Szegedy et al., Going deeper with convolutions (2015)
    """

    def __init__(
        self, smallest: float, ratio: float, interpolation: str, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.smallest = smallest
        self.ratio = ratio
        self.interpolation = interpolation
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.supports_masking = True

    def call(self, inputs: Any, training: bool = False) -> Any:
        """The samples, changed while training."""
        if not training:
            return inputs
        height, width = (ops.cast(size, "float32") for size in ops.shape(inputs)[1:3])
        area = self._between(inputs, self.smallest, 1.0)
        shape = ops.exp(self._between(inputs, -math.log(self.ratio), math.log(self.ratio)))
        tall = ops.minimum(ops.sqrt(area / shape), 1.0)
        wide = ops.minimum(ops.sqrt(area * shape), 1.0)
        top = self._between(inputs, 0.0, 1.0) * (1 - tall) * height
        left = self._between(inputs, 0.0, 1.0) * (1 - wide) * width
        # pixels are squares around their places: the image begins half a pixel before the first of them
        across, down = 0.5 * wide - 0.5 + left, 0.5 * tall - 0.5 + top
        none = ops.zeros_like(wide)
        transform = ops.stack([wide, none, across, none, tall, down, none, none], axis=-1)
        how = {"interpolation": self.interpolation, "fill_mode": "nearest", "data_format": "channels_last"}
        return ops.cast(ops.image.affine_transform(inputs, transform, **how), inputs.dtype)

    def _between(self, inputs: Any, low: float, high: float) -> Any:
        return keras.random.uniform((ops.shape(inputs)[0],), low, high, "float32", self.seed_generator)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """The shape of the input."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """The arguments, so that a saved model can be loaded again."""
        own = {"smallest": self.smallest, "ratio": self.ratio, "interpolation": self.interpolation, "seed": self.seed}
        return {**super().get_config(), **own}
