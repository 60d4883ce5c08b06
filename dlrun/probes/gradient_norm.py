"""How long the gradient of each layer is."""

from __future__ import annotations

from typing import Any

from keras import ops

__all__ = ["GradientNorm"]


class GradientNorm:
    """Euclidean length of the gradient of the loss by all trainable weights of a layer together.

    Where it falls by orders of magnitude from the last layer to the first, the first layers do not learn; where it
    grows by orders of magnitude, steps are as wild.

    References:
        Glorot & Bengio, Understanding the difficulty of training deep feedforward neural networks (2010), section 4.
        Pascanu, Mikolov & Bengio, On the difficulty of training recurrent neural networks (2013).
    """

    def measure(self, look: Any) -> dict[str, Any]:
        """The length for each layer that has weights; loss units over weight units.

        Args:
            look: `gradients` maps a layer's name to the gradients of its weights, one tensor a weight.
        """
        return {
            layer: ops.sqrt(sum(ops.sum(ops.square(gradient)) for gradient in gradients))
            for layer, gradients in look.gradients.items()
        }
