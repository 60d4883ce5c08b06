"""Count the floating-point operations of a graph, from TensorFlow's own registry of what an operation costs.

A multiplication and an addition are two operations: a dense layer of n inputs and m units costs 2nm, its bias m more.
TensorFlow counts matrix products, convolutions, pooling, normalization and most arithmetic; relu, sigmoid, tanh and
exp count nothing there, and so they do here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any

from tensorflow.python.framework import ops
from tensorflow.python.profiler.internal import flops_registry  # noqa: F401 - fills the registry

__all__ = ["flops_of", "loop_passes", "needed", "subgraphs"]

_CALLS = ("PartitionedCall", "StatefulPartitionedCall")
_LOOPS = ("While", "StatelessWhile")
_DEPTHWISE_GRADIENTS = {  # which input holds the kernel, or its shape; and which the gradient that comes in
    "DepthwiseConv2dNativeBackpropInput": (1, 2),
    "DepthwiseConv2dNativeBackpropFilter": (1, 2),
}


def flops_of(operations: Iterable[Any], graph: Any) -> int:
    """The operations that `operations` of `graph` cost, those in functions and loops that they call included.

    An operation of unknown shape, and one whose cost TensorFlow does not tell, counts nothing.
    """
    return sum(_flops(operation, graph) for operation in operations)


def subgraphs(operation: Any, graph: Any) -> list[Any]:
    """The graphs that an operation runs: the function it calls, the body of a loop."""
    names = {"f": _CALLS, "body": _LOOPS}
    for attribute, kinds in names.items():
        if operation.type in kinds:
            function = graph._get_function(operation.get_attr(attribute).name)
            return [] if function is None else [function.graph]
    return []


def loop_passes(operation: Any) -> int:
    """How often a loop is run: its bound where it has a fixed one, else once."""
    if operation.type not in _LOOPS or len(operation.inputs) < 2:
        return 1
    import tensorflow as tf

    bound = operation.inputs[1]  # TensorFlow hands over the counter first, and then how many passes there are at most
    if bound.op.type == "Max":  # Keras writes it as the greatest of one number
        bound = bound.op.inputs[0]
    most = tf.get_static_value(bound)
    return int(most) if most is not None and most.ndim == 0 and most > 0 else 1


def needed(tensors: Iterable[Any]) -> set[Any]:
    """The operations that `tensors` are computed from: TensorFlow runs no others."""
    found: set[Any] = set()
    waiting = [tensor.op for tensor in tensors]
    while waiting:
        operation = waiting.pop()
        if operation not in found:
            found.add(operation)
            waiting += [tensor.op for tensor in operation.inputs] + list(operation.control_inputs)
    return found


def _flops(operation: Any, graph: Any) -> int:
    inner = subgraphs(operation, graph)
    if inner:
        return loop_passes(operation) * sum(flops_of(each.get_operations(), each) for each in inner)
    if operation.type == "Einsum":
        return _einsum(operation)
    if operation.type in _DEPTHWISE_GRADIENTS:
        return _depthwise_gradient(operation)
    try:
        value = ops.get_stats_for_node_def(graph, operation.node_def, "flops").value
    except ValueError:  # a shape that is not known
        return 0
    return int(value or 0)


def _einsum(operation: Any) -> int:
    """A product over every letter of the equation: one multiplication and one addition each. Missing in TensorFlow."""
    letters = re.split(r"->|,", operation.get_attr("equation").decode())
    sizes: dict[str, int] = {}
    for names, tensor in zip(letters, operation.inputs, strict=False):
        shape = tensor.shape.as_list() if tensor.shape.rank is not None else []
        sizes |= {name: size or 0 for name, size in zip(names, shape, strict=False)}
    return 2 * math.prod(sizes.values()) if len(operation.inputs) > 1 else 0


def _depthwise_gradient(operation: Any) -> int:
    """As many as the convolution itself: two for each pixel that comes out and each point of the kernel."""
    import tensorflow as tf

    kernel, incoming = (operation.inputs[index] for index in _DEPTHWISE_GRADIENTS[operation.type])
    shape = kernel.shape.as_list() if operation.type.endswith("Input") else tf.get_static_value(kernel)
    if shape is None or None in incoming.shape.as_list():
        return 0
    return int(2 * math.prod(incoming.shape.as_list()) * shape[0] * shape[1])
