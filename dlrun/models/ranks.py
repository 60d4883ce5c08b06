"""Whether a model's first layers can take the data at all, told without building it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from dlrun.config.catalog import Catalog
from dlrun.data.declare import declare
from dlrun.errors import Problem
from dlrun.models.nodes import Branches, Layer, Node, Residual
from dlrun.models.shapes import misfit_of_rank

__all__ = ["check_rank"]


def check_rank(
    nodes: Sequence[Node], shape: tuple[int, ...], catalog: Catalog, data: Mapping[str, Any] | None = None
) -> list[Problem]:
    """The problem of the first layer that wants data of another number of dimensions.

    A layer option says in `_rank_` how many dimensions of a sample it takes, in `_reshapes_` that it changes them:
    nothing is said of what lies behind it. Other layers pass the dimensions on.

    Args:
        nodes: the expanded model.
        shape: of one sample.
        data: the config's `data` node: where a choice of its keys gives samples of the right kind, that is the mend.
    """
    for layer in _in_order(nodes):
        facts = catalog.get("layer", layer.option).facts
        if facts.get("reshapes"):
            return []
        if "rank" in facts:
            if facts["rank"] == len(shape):
                return []
            problem = misfit_of_rank(layer, facts["rank"], shape)
            word = None if data is None else _word_for(facts["rank"], data, catalog)
            return [problem if word is None else replace(problem, mend=f"Type {word}.")]
    return []


def _word_for(rank: int, data: Mapping[str, Any], catalog: Catalog) -> str | None:
    """What to type so that the same data has samples of `rank` dimensions: a choice of one of its keys."""
    option = catalog.get("data", data["option"])
    if "inspect" in option.facts:
        return None  # a file is what it is
    for name, parameter in option.parameters.items():
        for choice in parameter.rule.choices:
            shape = declare({**data, name: choice}, catalog).shape
            if shape is not None and len(shape) == rank:
                return f"data.{name}={choice}"
    return None


def _in_order(nodes: Sequence[Node]) -> Iterator[Layer]:
    """The layers that data meets first, up to the first fork that leaves the order open."""
    for node in nodes:
        if isinstance(node, Layer):
            yield node
        elif isinstance(node, Residual):
            yield from _in_order(node.body)
        elif isinstance(node, Branches):
            return
