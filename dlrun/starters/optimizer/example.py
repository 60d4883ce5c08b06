"""An optimizer of our own."""

from __future__ import annotations

from typing import Any

import keras

__all__ = ["Example"]


@keras.saving.register_keras_serializable("dlrun.starters.optimizer.example")
class Example(keras.optimizers.Optimizer):
    """Sign descent with momentum: `m = momentum * m + (1 - momentum) * gradient; weight -= rate * sign(m)`.

    Args:
        learning_rate: the step size, or a schedule.
        momentum: how much of the last gradients is kept.
        name: the name in Keras's messages.
        kwargs: what every optimizer takes: `weight_decay`, `clipnorm`, ...
    """

    def __init__(self, learning_rate: Any = 0.001, momentum: float = 0.9, name: str = "example", **kwargs: Any) -> None:
        super().__init__(learning_rate=learning_rate, name=name, **kwargs)
        self.momentum = momentum

    def build(self, variables: list[Any]) -> None:
        """Make a momentum for each variable."""
        if self.built:
            return
        super().build(variables)
        self.momenta = [self.add_variable_from_reference(each, name="momentum") for each in variables]

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Change one variable."""
        gradient, rate = (keras.ops.cast(each, variable.dtype) for each in (gradient, learning_rate))
        momentum = self.momenta[self._get_variable_index(variable)]
        self.assign(momentum, self.momentum * momentum + (1.0 - self.momentum) * gradient)
        self.assign_sub(variable, rate * keras.ops.sign(momentum))

    def get_config(self) -> dict[str, Any]:
        """The arguments, so that a saved model can be loaded again."""
        return {**super().get_config(), "momentum": self.momentum}
