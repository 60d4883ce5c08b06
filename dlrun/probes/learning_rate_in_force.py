"""The learning rate that an epoch ends with."""

from __future__ import annotations

from typing import Any

from keras import ops

__all__ = ["LearningRateInForce"]


class LearningRateInForce:
    """The optimizer's learning rate when an epoch has ended, before a callback changes it.

    Every run tells the rate that its epochs begin with; a schedule changes it step by step, and this is the other end.
    """

    def measure(self, look: Any) -> dict[str, Any]:
        """The rate, under the optimizer's name.

        Args:
            look: `optimizer`, the optimizer's name, and `learning_rate`, a number or a scalar tensor.
        """
        return {look.optimizer: ops.cast(look.learning_rate, "float32")}
