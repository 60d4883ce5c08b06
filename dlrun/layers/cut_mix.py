"""A rectangle of each image from another one of its batch, and their labels mixed by area."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

__all__ = ["CutMix"]


@keras.saving.register_keras_serializable("dlrun")
class CutMix(keras.layers.Layer):
    """Puts a rectangle of the image before it in the batch into each image, while training.

    The first takes from the last.

    The labels are mixed by whoever computes the loss: `share` of each sample's own and the rest of the one before.

    Args:
        alpha: of the Beta distribution that shares are drawn from; 1 makes all alike likely, less keeps most near 1.
        seed: of the random numbers.
        kwargs: what every layer takes: `name`, `dtype`, `trainable`.

    Input shape:
        `(batch, height, width, channels)`.

    Output shape:
        That of the input.

    References:
        Yun et al., CutMix: regularization strategy to train strong classifiers with localizable features (2019)

    Attributes:
        share: how much each sample has of its own in the latest batch that was trained on, shape (batch,), never below
            a half; None before any.
    """

    def __init__(self, alpha: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.alpha = alpha
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.share: Any = None

    def call(self, inputs: Any, training: bool = False) -> Any:
        """The samples, mixed while training."""
        if not training:
            return inputs
        samples, height, width = ops.shape(inputs)[:3]
        drawn = keras.random.beta((samples,), self.alpha, self.alpha, dtype="float32", seed=self.seed_generator)
        side = ops.sqrt(ops.minimum(drawn, 1 - drawn))  # of the rectangle, which is never more than half
        rows, columns = self._stretch(side, height), self._stretch(side, width)
        taken = ops.logical_and(rows[:, :, None], columns[:, None, :])
        self.share = 1 - ops.mean(ops.cast(taken, "float32"), axis=(1, 2))
        return ops.where(taken[..., None], ops.roll(inputs, 1, axis=0), inputs)

    def _stretch(self, side: Any, pixels: Any) -> Any:
        """Which of the pixels along one side are of the rectangle: bool of shape (batch, pixels)."""
        count = ops.cast(pixels, "float32")
        length = ops.floor(side * count)[:, None]
        drawn = keras.random.uniform(ops.shape(length), dtype="float32", seed=self.seed_generator)
        first = ops.floor(drawn * (count - length + 1))
        place = ops.arange(pixels, dtype="float32")[None, :]
        return ops.logical_and(place >= first, place < first + length)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """The shape of the input."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """The arguments, so that a saved model can be loaded again."""
        return {**super().get_config(), "alpha": self.alpha, "seed": self.seed}
