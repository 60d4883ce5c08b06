"""A number that a compiled program reads from a variable, so that it can be another one in the next trial.

Keras writes rates and factors into its graphs as Python numbers. A tensor in their place gives other bits: Keras and
TensorFlow compute `1 / (1 - rate)` in Python, in 64 bits, when the rate is a number, and in 32 bits when it is a
tensor. A `Fed` computes as a Python number does, and is a tensor only where it meets one.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from numbers import Real
from typing import Any

import tensorflow as tf

__all__ = ["Fed", "Pool"]

_A_NUMBER = 4
"""Variables that a number may need: itself and what is computed from it. Dropout needs two."""


class Pool:
    """Variables for some numbers and all that is computed from them: none can be made while a graph is traced."""

    def __init__(self, numbers: int) -> None:
        self._free = [tf.Variable(0.0, trainable=False) for _ in range(_A_NUMBER * numbers)]

    def take(self, value: float) -> tf.Variable:
        """A variable of its own for `value`."""
        variable = self._free.pop()
        variable.assign(value)
        return variable


class Fed:
    """A real number that can be assigned anew after a graph was traced with it.

    What Python computes from it is another `Fed`, computed anew, in Python, with every assignment. What Python decides
    by it (`if rate > 0`) is in the graph for good: `fits` tells whether another value would have been decided alike.
    Taken as a plain number (`math.sqrt`, `float`) it would be in the graph for good unseen, and so it refuses.
    """

    def __init__(self, value: float, pool: Pool) -> None:
        self._value = value
        self._pool = pool
        self._variable: tf.Variable | None = None
        self._derived: dict[tuple[str, float | None], tuple[Callable[[float], float], Fed]] = {}
        self._decided: list[tuple[Callable[[float], bool], bool]] = []

    def fits(self, value: float) -> bool:
        """Whether the graphs traced so far would have been the same with `value`."""
        try:
            return all(decide(value) is outcome for decide, outcome in self._decided) and all(
                fed.fits(compute(value)) for compute, fed in self._derived.values()
            )
        except ArithmeticError:
            return False

    def assign(self, value: float) -> None:
        """Be `value` from now on, in every graph that reads it."""
        self._value = value
        if self._variable is not None:
            self._variable.assign(value)
        for compute, fed in self._derived.values():
            fed.assign(compute(value))

    def __tf_tensor__(self, dtype: tf.DType | None = None, name: str | None = None) -> tf.Tensor:
        """Where TensorFlow asks for a tensor: the variable's value."""
        if self._variable is None:
            with tf.init_scope():  # outside of the graph that is being traced
                self._variable = self._pool.take(self._value)
        tensor = self._variable.read_value()
        return tensor if dtype is None else tf.cast(tensor, dtype)

    def __float__(self) -> float:
        raise TypeError("a number that is fed to a program cannot be taken as it is now")

    def __bool__(self) -> bool:
        return self._decide(bool)

    def _decide(self, question: Callable[[float], bool]) -> bool:
        outcome = question(self._value)
        self._decided.append((question, outcome))
        return outcome

    def _derive(self, name: str, other: float | None, compute: Callable[[float], float]) -> Fed:
        key = name, other
        if key not in self._derived:
            self._derived[key] = compute, Fed(compute(self._value), self._pool)
        return self._derived[key][1]

    def __neg__(self) -> Fed:
        return self._derive("neg", None, operator.neg)

    def __hash__(self) -> int:
        return id(self)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _arithmetic(name: str, compute: Callable[[Any, Any], Any]) -> None:
    def forward(self: Fed, other: Any) -> Any:
        if not _is_number(other):
            return NotImplemented
        return self._derive(name, other, lambda value: compute(value, other))

    def reflected(self: Fed, other: Any) -> Any:
        if not _is_number(other):
            return NotImplemented
        return self._derive(f"r{name}", other, lambda value: compute(other, value))

    setattr(Fed, f"__{name}__", forward)
    setattr(Fed, f"__r{name}__", reflected)


def _comparison(name: str, compare: Callable[[Any, Any], bool]) -> None:
    def method(self: Fed, other: Any) -> Any:
        return self._decide(lambda value: compare(value, other)) if _is_number(other) else NotImplemented

    setattr(Fed, f"__{name}__", method)


for _name in ("add", "sub", "mul", "truediv", "pow"):
    _arithmetic(_name, getattr(operator, _name))
for _name in ("lt", "le", "gt", "ge", "eq", "ne"):
    _comparison(_name, getattr(operator, _name))
Real.register(Fed)
