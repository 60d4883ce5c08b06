"""How far each layer moved in an epoch, beside how long its weights are."""

from __future__ import annotations

from typing import Any

from keras import ops

__all__ = ["UpdateRatio"]


class UpdateRatio:
    """Length of what an epoch changed in a layer's trainable weights, over the length of the weights.

    The weights are those before the epoch or after it, whichever are longer: a layer that starts at zero has moved by
    1, and one that stays at zero by 0. The rule of thumb, about 0.001 for a single step, becomes 0.001 times the number
    of steps where all of them go one way, and 0.001 times its root where they go to and fro.

    References:
        Karpathy, CS231n notes, Neural networks part 3: ratio of weights and updates.
    """

    compares_epochs = True  # it wants `look.before`, which costs a copy of the weights

    def measure(self, look: Any) -> dict[str, Any]:
        """The ratio for each layer that has weights; no unit, from 0 to 2.

        Args:
            look: `weights` maps a layer's name to its trainable weights, `before` to what they were an epoch ago.
        """
        return {layer: _ratio(look.before[layer], weights) for layer, weights in look.weights.items()}


def _ratio(before: list[Any], after: list[Any]) -> Any:
    moved = _squares(new - old for old, new in zip(before, after, strict=True))
    return ops.sqrt(ops.divide_no_nan(moved, ops.maximum(_squares(before), _squares(after))))


def _squares(tensors: Any) -> Any:
    return sum(ops.sum(ops.square(tensor)) for tensor in tensors)
