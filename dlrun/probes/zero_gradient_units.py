"""How many ReLU units learn nothing."""

from __future__ import annotations

from typing import Any

from keras import ops

__all__ = ["ZeroGradientUnits"]


class ZeroGradientUnits:
    """Share of a layer's ReLU units, or channels, in front of which the gradient of the loss is exactly 0 everywhere.

    These are the dead units, and the living ones behind which all is dead or flat: their weights stay as they are.

    References:
        Lu, Shin, Su & Karniadakis, Dying ReLU and initialization: theory and numerical examples (2019).
    """

    looks_at = ("relu", "relu6")

    def measure(self, look: Any) -> dict[str, Any]:
        """The share for each layer that ends in a ReLU; 0 to 1.

        Args:
            look: `activations` maps a layer's name to a list of what its calls gave: `function` is the name of the
                activation, `output` has shape `(rows, ..., units)`, `gradient` is the gradient of the loss by it.
        """
        return {
            layer: _share(ops.concatenate([_in_front(call) for call in calls], axis=0))
            for layer, calls in look.activations.items()
            if calls[0].function in self.looks_at
        }


def _in_front(call: Any) -> Any:
    """Whether there is a gradient by the unit's input, shape `(places, units)`."""
    passes = call.output > 0
    if call.function == "relu6":
        passes = ops.logical_and(passes, call.output < 6)
    flows = ops.logical_and(passes, call.gradient != 0)
    return ops.reshape(flows, (-1, call.output.shape[-1]))


def _share(flows: Any) -> Any:
    return 1.0 - ops.mean(ops.cast(ops.any(flows, axis=0), "float32"))
