"""How much of a sigmoid's or tanh's output lies near its limits."""

from __future__ import annotations

from typing import Any

from keras import ops

__all__ = ["Saturation"]

_LIMITS = {"sigmoid": (0.0, 1.0), "hard_sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0)}


class Saturation:
    """Share of a layer's values that lie within a margin of a limit of its activation.

    There the slope of the activation is next to 0, and so is the gradient that it passes on. The output layer is not
    looked at: a sure answer is no illness.

    Args:
        margin: how near is near, as a share of the distance between the limits.

    References:
        Glorot & Bengio, Understanding the difficulty of training deep feedforward neural networks (2010), section 3.
    """

    looks_at = tuple(_LIMITS)

    def __init__(self, margin: float = 0.05) -> None:
        self.margin = margin

    def measure(self, look: Any) -> dict[str, Any]:
        """The share for each hidden layer that ends in a sigmoid or tanh; 0 to 1.

        Args:
            look: `activations` maps a layer's name to a list of what its calls gave: `function` is the name of the
                activation, `output` has any shape.
        """
        return {
            layer: ops.mean(ops.concatenate([self._near(call) for call in calls], axis=0))
            for layer, calls in look.activations.items()
            if calls[0].function in self.looks_at
        }

    def _near(self, call: Any) -> Any:
        low, high = _LIMITS[call.function]
        margin = self.margin * (high - low)
        near = ops.logical_or(call.output < low + margin, call.output > high - margin)
        return ops.cast(ops.reshape(near, (-1,)), "float32")
