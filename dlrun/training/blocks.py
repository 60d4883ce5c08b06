"""How many training steps Keras runs in one call (`steps_per_execution`).

A call costs about a millisecond beside its steps, several times the step of a small model. While it runs, Python does
not: a block that lasted minutes would not answer to Ctrl-C. So a block holds as many steps as take about a second.
The estimate follows from the model and the batch alone, never from a clock: equal runs get equal programs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

__all__ = ["is_small_step", "multiply_adds", "steps_per_block", "steps_within_a_second"]

_SECONDS = 1.0  # what a block may take
_SECONDS_A_STEP = 4e-4  # of a step without arithmetic, on one core
_MULTIPLY_ADDS_A_SECOND = 3e9  # of a forward and a backward pass, on one core


def steps_per_block(steps: int, rows: int, model: Any) -> int:
    """The largest divisor of `steps` whose block takes about a second; the whole epoch for a small model.

    A divisor, because the stream of batches does not end with an epoch: a block must not reach into the next one.

    Args:
        steps: in an epoch.
        rows: in a batch.
        model: the model to train, built.
    """
    most = steps_within_a_second(rows, model)
    return max(divisor for divisor in _divisors(steps) if divisor <= most)


def steps_within_a_second(rows: int, model: Any) -> int:
    """How many training steps of `rows` rows take about a second, one at least."""
    return max(1, int(_SECONDS / (_SECONDS_A_STEP + _arithmetic_seconds(rows, model))))


def is_small_step(rows: int, model: Any) -> bool:
    """Whether a training step of `rows` rows is mostly overhead."""
    return _arithmetic_seconds(rows, model) < 2 * _SECONDS_A_STEP


def _arithmetic_seconds(rows: int, model: Any) -> float:
    return rows * multiply_adds(model) / _MULTIPLY_ADDS_A_SECOND


def multiply_adds(model: Any) -> int:
    """Roughly the multiplications in one row's forward pass: every kernel, times the positions it is applied at."""
    return sum(_positions(layer) * _kernel_sizes(layer) for layer in _leaves(model))


def _leaves(layer: Any) -> Iterator[Any]:
    parts = getattr(layer, "layers", None)
    if not parts:
        yield layer
    for part in parts or ():
        yield from _leaves(part)


def _positions(layer: Any) -> int:
    """Where a kernel is applied in a row: pixels of an image, steps of a sequence, one for a vector."""
    inputs = getattr(layer, "input", None)  # none for a layer that was never called on a symbolic tensor
    shape = getattr(inputs[0] if isinstance(inputs, list | tuple) and inputs else inputs, "shape", ())
    return math.prod(size or 1 for size in shape[1:-1])


def _kernel_sizes(layer: Any) -> int:
    return sum(math.prod(weight.shape) for weight in layer.trainable_weights if len(weight.shape) > 1)


def _divisors(number: int) -> Iterator[int]:
    for low in range(1, math.isqrt(number) + 1):
        if number % low == 0:
            yield low
            yield number // low
