"""Whether a model's first layers can take the data at all, told without building it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dlrun.config.catalog import Catalog
from dlrun.errors import Problem
from dlrun.models.nodes import Branches, Layer, Node, Residual
from dlrun.models.shapes import misfit_of_rank

__all__ = ["check_rank"]


def check_rank(nodes: Sequence[Node], shape: tuple[int, ...], catalog: Catalog) -> list[Problem]:
    """The problem of the first layer that wants data of another number of dimensions.

    A layer option says in `_rank_` how many dimensions of a sample it takes, in `_reshapes_` that it changes them:
    nothing is said of what lies behind it. Other layers pass the dimensions on.

    Args:
        nodes: the expanded model.
        shape: of one sample.
    """
    for layer in _in_order(nodes):
        facts = catalog.get("layer", layer.option).facts
        if facts.get("reshapes"):
            return []
        if "rank" in facts:
            return [] if facts["rank"] == len(shape) else [misfit_of_rank(layer, facts["rank"], shape)]
    return []


def _in_order(nodes: Sequence[Node]) -> Iterator[Layer]:
    """The layers that data meets first, up to the first fork that leaves the order open."""
    for node in nodes:
        if isinstance(node, Layer):
            yield node
        elif isinstance(node, Residual):
            yield from _in_order(node.body)
        elif isinstance(node, Branches):
            return
