"""How many bytes the tensors of a graph take where they are most, if each is let go after its last use."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import tensorflow as tf

from dlrun.workflows.flops import loop_passes, subgraphs

__all__ = ["peak_bytes"]

# What these give is the tensor that they get, in another shape.
_ALIASES = frozenset({"Identity", "Reshape", "Squeeze", "ExpandDims", "StopGradient", "PreventGradient"})
_NOT_MADE = frozenset({"Placeholder", "Const", "ReadVariableOp"})  # weights and data are counted by themselves
_LOOK_AT_SHAPES = frozenset({"Shape", "ShapeN", "Rank", "Size"})


def peak_bytes(operations: Sequence[Any], apart: Sequence[Any], graph: Any) -> int:
    """The greatest sum of living tensors while `operations` run one after another.

    Args:
        operations: in the order in which the graph was drawn, which is one in which they can be run.
        apart: tensors that are counted elsewhere.
        graph: holds the operations.
    """
    counted_elsewhere = {_root(tensor) for tensor in apart}
    made: dict[Any, int] = {}
    last: dict[Any, int] = {}
    for moment, operation in enumerate(operations):
        for tensor in operation.inputs:
            if operation.type not in _LOOK_AT_SHAPES:
                last[_root(tensor)] = moment
        if operation.type not in _ALIASES | _NOT_MADE:
            made |= {tensor.ref(): moment for tensor in operation.outputs}
    changes = [0] * (len(operations) + 1)
    for tensor, moment in made.items():
        if tensor not in counted_elsewhere:
            size = _size(tensor.deref())
            changes[moment] += size
            changes[last.get(tensor, moment) + 1] -= size
    return max(accumulate(changes), default=0) + sum(_stacked(operation, graph) for operation in operations)


def _root(tensor: Any) -> Any:
    while tensor.op.type in _ALIASES:
        tensor = tensor.op.inputs[0]
    return tensor.ref()


def _stacked(operation: Any, graph: Any) -> int:
    """What the passes of a loop leave for the backward pass: a tensor a pass for each push."""
    pushed = 0
    for inner in subgraphs(operation, graph):
        operations = inner.get_operations()
        pushed += sum(_size(each.inputs[1]) for each in operations if each.type == "TensorListPushBack")
        pushed += sum(_stacked(each, inner) for each in operations)
    return loop_passes(operation) * pushed


def _size(tensor: Any) -> int:
    if tensor.shape.rank is None or None in tensor.shape.as_list() or tensor.dtype in (tf.variant, tf.resource):
        return 0  # it cannot be told, or is a handle to what is counted where it is made
    return int(math.prod(tensor.shape.as_list()) * tensor.dtype.size)
