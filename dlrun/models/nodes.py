"""What a model expands to: a tree of layers with their parameters, before any of them is built.

The layers of a model follow each other; five kinds of node bend that line: `Residual`, `Branches`, `Shared`, and the
pair `Save` and `Join`. Loops, blocks, conditions and `$expressions` are gone: they are spelled out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from dlrun.errors import Problem

__all__ = [
    "Branch",
    "Branches",
    "Call",
    "Expansion",
    "Join",
    "Layer",
    "Node",
    "Residual",
    "Save",
    "Shared",
    "bodies",
    "ending",
    "layers_in",
]

_PARTS = re.compile(r"\w+")
_FRAME = frozenset({"model", "layers"})

Call: TypeAlias = "str | tuple[str, ...]"
"""How a layer takes its tensors: `x` alone, `list` for a list of them, or one name an argument: `(x, x)`."""


@dataclass(frozen=True)
class Layer:
    """One layer.

    Attributes:
        path: where in the config it comes from: `model.layers[2].layers#1[0]` (`#1`: second pass of a loop).
        option: the layer option's name.
        parameters: every parameter of the option, evaluated and checked. One that takes an option of another group
            (an initializer) holds `{option: NAME, parameter: value, ...}`, or None.
    """

    path: str
    option: str
    parameters: Mapping[str, Any]
    call: Call = "x"

    @property
    def name(self) -> str:
        """A name that is unique in the model and stays when other layers come or go.

        `dense` at `model.layers[1].layers#0[2]` is `dense_1_0_2`; words such as residual, merge and head stay in.
        """
        return "_".join((self.option, *(part for part in _PARTS.findall(self.path) if part not in _FRAME)))


@dataclass(frozen=True)
class Residual:
    """`merge(x, body(x))`; where the two shapes differ, x goes through `shortcut` first."""

    path: str
    body: tuple[Node, ...]
    shortcut: tuple[Node, ...]
    merge: Layer


@dataclass(frozen=True)
class Branch:
    """One of several lines side by side; `input` names the model's input it starts from, None: what came before."""

    input: str | None
    body: tuple[Node, ...]


@dataclass(frozen=True)
class Branches:
    """Lines side by side, merged at their ends."""

    path: str
    branches: tuple[Branch, ...]
    merge: Layer


@dataclass(frozen=True)
class Shared:
    """The same layers, with the same weights, on each of several inputs of the model; merged at their ends."""

    path: str
    inputs: tuple[str, ...]
    body: tuple[Node, ...]
    merge: Layer


@dataclass(frozen=True)
class Save:
    """Put the tensor aside under a name."""

    path: str
    name: str


@dataclass(frozen=True)
class Join:
    """Take the latest tensor saved under a name and merge it with the current one: `merge(saved, x)`."""

    path: str
    name: str
    merge: Layer


Node: TypeAlias = "Layer | Residual | Branches | Shared | Save | Join"


@dataclass(frozen=True)
class Expansion:
    """A model, spelled out.

    Attributes:
        nodes: its layers, without the output layer.
        head: its output layer, or layers.
        problems: everything that is wrong with it; the nodes are complete only when there is none.
        used: the model's keys that some `$` reads.
        groups: the model-wide groups that some `$` reads.
    """

    nodes: tuple[Node, ...]
    head: tuple[Node, ...]
    problems: tuple[Problem, ...]
    used: frozenset[str]
    groups: frozenset[str]

    @property
    def output_activation(self) -> str | None:
        """The name of the activation at the model's end, `linear` for none; None where it cannot be told."""
        return ending(self.head[-1]) if self.head else None


def ending(node: Node) -> str | None:
    """The name of the activation that a model ends in when `node` is its last; None where it cannot tell."""
    if not isinstance(node, Layer):
        return None
    value = node.parameters.get("function" if node.option == "activation" else "activation", ...)
    if isinstance(value, Mapping):
        return str(value["option"])
    return value if isinstance(value, str) else "linear" if value is None else None


def bodies(node: Node) -> Iterator[Sequence[Node]]:
    """The lines of nodes inside a node; none inside a layer."""
    match node:
        case Residual():
            yield from (node.body, node.shortcut)
        case Branches():
            yield from (branch.body for branch in node.branches)
        case Shared():
            yield node.body


def layers_in(nodes: Sequence[Node]) -> Iterator[Layer]:
    """All layers of some nodes, those inside them and the merges included, in the order of the file."""
    for node in nodes:
        if isinstance(node, Layer):
            yield node
        for body in bodies(node):
            yield from layers_in(body)
        if isinstance(node, Residual | Branches | Shared | Join):
            yield node.merge
