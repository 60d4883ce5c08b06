"""How long the weights of each layer are."""

from __future__ import annotations

from typing import Any

from keras import ops

__all__ = ["WeightNorm"]


class WeightNorm:
    """Euclidean length of all trainable weights of a layer together: what L2 and weight decay hold down.

    References:
        Krogh & Hertz, A simple weight decay can improve generalization (1991).
    """

    def measure(self, look: Any) -> dict[str, Any]:
        """The length for each layer that has weights; no unit.

        Args:
            look: `weights` maps a layer's name to its trainable weights.
        """
        return {
            layer: ops.sqrt(sum(ops.sum(ops.square(weight)) for weight in weights))
            for layer, weights in look.weights.items()
        }
