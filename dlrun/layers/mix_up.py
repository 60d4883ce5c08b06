"""Each sample mixed with another one of its batch, and their labels with them."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

__all__ = ["MixUp"]


@keras.saving.register_keras_serializable("dlrun")
class MixUp(keras.layers.Layer):
    """Adds to each sample some of the one before it in the batch, while training; the first takes from the last.

    The labels are mixed by whoever computes the loss: `share` of each sample's own and the rest of the one before.

    Args:
        alpha: of the Beta distribution that shares are drawn from; 1 makes all alike likely, less keeps most near 1.
        seed: of the random numbers.
        kwargs: what every layer takes: `name`, `dtype`, `trainable`.

    Input shape:
        `(batch, ...)`.

    Output shape:
        That of the input.

    References:
        Zhang et al., mixup: beyond empirical risk minimization (2018)

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
        size = (ops.shape(inputs)[0],)
        drawn = keras.random.beta(size, self.alpha, self.alpha, dtype="float32", seed=self.seed_generator)
        self.share = ops.maximum(drawn, 1 - drawn)  # which of two is the first makes no difference
        own = ops.cast(ops.reshape(self.share, (-1, *(1 for _ in inputs.shape[1:]))), inputs.dtype)
        return own * inputs + (1 - own) * ops.roll(inputs, 1, axis=0)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """The shape of the input."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """The arguments, so that a saved model can be loaded again."""
        return {**super().get_config(), "alpha": self.alpha, "seed": self.seed}
