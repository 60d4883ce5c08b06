"""A model whose samples are mixed while it trains, and whose loss is mixed as they are."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

__all__ = ["MixedLabels", "mixer_of"]


class MixedLabels(keras.Model):
    """A functional model with a layer in it that mixes each sample with the one before it in the batch.

    Its loss is `share * loss(own label) + (1 - share) * loss(label of the one before)`, sample by sample: what a
    cross-entropy gives for labels that are mixed. Metrics compare with a sample's own label, of which it has the larger
    part. The training step is Keras's own.
    """

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """The loss of one batch; where nothing is mixed, Keras's."""
        if not training:
            return super().compute_loss(x, y, y_pred, sample_weight, training)
        share = mixer_of(self).share
        weight = ops.ones_like(share) if sample_weight is None else ops.cast(sample_weight, share.dtype)
        own = super().compute_loss(x, y, y_pred, share * weight, training)
        before = (1 - share) * ops.roll(weight, 1, axis=0)
        return own + self._compile_loss(ops.roll(y, 1, axis=0), y_pred, before)


def mixer_of(model: Any) -> Any:
    """The layer that mixes; None where there is none."""
    return next((layer for layer in model.layers if hasattr(layer, "share")), None)
