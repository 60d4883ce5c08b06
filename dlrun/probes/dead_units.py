"""How many ReLU units say nothing."""

from __future__ import annotations

from typing import Any

from keras import ops

__all__ = ["DeadUnits"]


class DeadUnits:
    """Share of a layer's ReLU units, or channels, that are 0 for every row and at every position.

    Such a unit passes no gradient on, and on these rows never comes back to life.

    References:
        Lu, Shin, Su & Karniadakis, Dying ReLU and initialization: theory and numerical examples (2019).
    """

    looks_at = ("relu", "relu6")

    def measure(self, look: Any) -> dict[str, Any]:
        """The share for each layer that ends in a ReLU; 0 to 1.

        Args:
            look: `activations` maps a layer's name to a list of what its calls gave: `function` is the name of the
                activation, `output` has shape `(rows, ..., units)`.
        """
        return {
            layer: _share(ops.concatenate([_by_unit(call.output) for call in calls], axis=0))
            for layer, calls in look.activations.items()
            if calls[0].function in self.looks_at
        }


def _by_unit(values: Any) -> Any:
    return ops.reshape(values, (-1, values.shape[-1]))


def _share(values: Any) -> Any:
    return ops.mean(ops.cast(ops.all(values <= 0, axis=0), "float32"))
