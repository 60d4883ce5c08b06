"""Check that every `join` finds what it takes and every `save` is taken."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dlrun.config.suggest import did_you_mean
from dlrun.errors import Problem
from dlrun.models.nodes import Branches, Join, Node, Residual, Save, Shared

__all__ = ["unpaired"]


def unpaired(nodes: Sequence[Node]) -> list[Problem]:
    """The problems of saves and joins that do not pair up, in the order that tensors flow."""
    saved: list[Save] = []
    return [*_unfound(nodes, saved), *(_untaken(save) for save in saved)]


def _unfound(nodes: Sequence[Node], saved: list[Save]) -> Iterator[Problem]:
    for node in nodes:
        match node:
            case Save():
                saved.append(node)
            case Join():
                yield from _joined(node, saved)
            case Residual():
                yield from _unfound((*node.body, *node.shortcut), saved)
            case Branches():
                for branch in node.branches:
                    yield from _unfound(branch.body, saved)
            case Shared():  # runs once for each input: what is saved inside stays inside
                yield from unpaired(node.body)


def _joined(node: Join, saved: list[Save]) -> Iterator[Problem]:
    match = next((save for save in reversed(saved) if save.name == node.name), None)
    if match is not None:
        saved.remove(match)
        return
    mend = did_you_mean(node.name, {save.name for save in saved}) or f"Put `save: {node.name}` above it."
    yield Problem(f"{node.path}.join", "must take what a `save` above it left", got=f"'{node.name}'", mend=mend)


def _untaken(save: Save) -> Problem:
    mend = f"Write `join: {save.name}` below it, or take it out; a `when` belongs on both."
    return Problem(f"{save.path}.save", "must be joined later", got=f"'{save.name}'", mend=mend)
