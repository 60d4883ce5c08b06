"""Say in the model's own words why a layer cannot take the data that it gets."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

from dlrun.config.raised import place_in, telling_line
from dlrun.errors import Problem
from dlrun.models.nodes import Layer

__all__ = ["RANKS", "misfit", "misfit_of_rank", "no_tensor", "shape_of", "shown_shape", "shown_sizes", "unbuildable"]

RANKS = {
    1: "one row of numbers a sample, (features)",
    2: "sequences, (steps, features)",
    3: "images, (height, width, channels)",
    4: "volumes, (depth, height, width, channels)",
}
"""What samples of so many dimensions are."""

_MENDS = {
    2: "Take data of sequences, or put a `reshape: [steps, features]` above it.",
    3: "Take data of images, put a `reshape: [height, width, channels]` above it, or keep `flatten` below it.",
}


def shape_of(tensor: Any) -> tuple[int | None, ...]:
    """The shape of a symbolic tensor without its batch."""
    return tuple(tensor.shape[1:])


def shown_shape(tensor: Any) -> str:
    """The same as text; `?` where a size is open."""
    return shown_sizes(shape_of(tensor))


def shown_sizes(shape: tuple[int | None, ...]) -> str:
    """A shape as text; `?` where a size is open."""
    sizes = ["?" if size is None else str(size) for size in shape]
    return f"({sizes[0]},)" if len(sizes) == 1 else f"({', '.join(sizes)})"


def misfit(layer: Any, node: Layer, tensors: list[Any], sources: list[str]) -> Problem | None:
    """The problem of a layer that takes data of another number of dimensions, as its `input_spec` says.

    Args:
        layer: the Keras layer, not called yet.
        sources: where each tensor comes from.
    """
    spec = getattr(layer, "input_spec", None)
    if len(tensors) != 1 or spec is None or isinstance(spec, list | tuple):
        return None
    got = len(tensors[0].shape)
    wanted = spec.ndim or max(spec.min_ndim or 0, min(got, spec.max_ndim or got))
    if got == wanted:
        return None
    return misfit_of_rank(node, wanted - 1, shape_of(tensors[0]), sources[0])


def misfit_of_rank(node: Layer, rank: int, shape: tuple[int | None, ...], source: str = "the data") -> Problem:
    """The problem of a layer that takes samples of `rank` dimensions and gets them in `shape`."""
    rule = f"must get {RANKS.get(rank, f'data of {rank} dimensions a sample')}"
    got = f"{shown_sizes(shape)} from {source}" if source else shown_sizes(shape)
    return Problem(f"{node.path}.{node.option}", rule, got=got, mend=_MENDS.get(rank))


def no_tensor(layer: Any, node: Layer, output: Any) -> Problem:
    """The problem of a layer that gives something else than one tensor."""
    call = type(layer).call
    rule = f"must give a tensor: that is what {type(layer).__name__}.call has to return"
    mend = "Write `return` in its `call`." if output is None else None
    got = "nothing" if output is None else f"a {type(output).__name__}"
    place = f"{inspect.getsourcefile(call)}:{call.__code__.co_firstlineno}" if hasattr(call, "__code__") else None
    return Problem(f"{node.path}.{node.option}", rule, got, mend, place)


def unbuildable(
    node: Layer, tensors: list[Any], sources: list[str], error: Exception | None = None, project: Path | None = None
) -> Problem:
    """The problem of a layer that failed on its data, or left nothing of it.

    Args:
        error: what the layer raised; None where its output has a size of 0.
        project: where the layer may be the user's own.
    """
    shapes = " and ".join(dict.fromkeys(shown_shape(tensor) for tensor in tensors))
    got = f"{shapes} from {' and '.join(dict.fromkeys(filter(None, sources)))}"
    key = f"{node.path}.{node.option}"
    if error is None or "zero or negative" in str(error):
        mend = "Pool less often, use smaller kernels and strides, or `padding: same`."
        return Problem(key, "must leave something of the data it gets", got=got, mend=mend)
    says = f"Keras says: {telling_line(error)}"
    return Problem(key, "must fit the data it gets", got=got, mend=says, place=place_in(project, error))
