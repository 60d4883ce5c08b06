"""Find where two linear layers meet with nothing that bends between them: together they are one linear layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from dlrun.models.nodes import Branches, Join, Layer, Node, Residual, Save, Shared, ending

__all__ = ["linear_seams"]

# Layers that keep a linear path linear: sums, means, moves. All others count as a bend, a class of somebody's own too.
_STRAIGHT = frozenset(
    {
        "add",
        "average",
        "average_pooling2d",
        "batch_normalization",
        "concatenate",
        "dropout",
        "flatten",
        "gaussian_noise",
        "global_average_pooling2d",
        "reshape",
        "spatial_dropout2d",
        "up_sampling2d",
        "zero_padding2d",
    }
)
_WIDTHS = {"dense": "units", "conv2d": "filters", "conv2d_transpose": "filters", "separable_conv2d": "filters"}
"""Linear layers, and the parameter that holds how many numbers they give."""


def linear_seams(nodes: Sequence[Node]) -> list[tuple[Layer, Layer]]:
    """Pairs of linear layers, the second directly on the first.

    A pair whose middle is narrower than its end is left out: a waist bounds the rank, which one layer would not, and
    is built on purpose (the linear bottlenecks of Sandler et al., 2018). So is a depthwise layer in front of a
    pointwise one (Chollet, 2017).

    Args:
        nodes: a model, head included.
    """
    walk = _Walk()
    walk.through(nodes, None)
    return walk.seams


@dataclass
class _Walk:
    """Follows the data; `last` is the linear layer whose output reaches this place unbent, if there is one."""

    seams: list[tuple[Layer, Layer]] = field(default_factory=list)

    def through(self, nodes: Sequence[Node], last: Layer | None) -> Layer | None:
        for node in nodes:
            last = self._layer(node, last) if isinstance(node, Layer) else self._fork(node, last)
        return last

    def _layer(self, layer: Layer, last: Layer | None) -> Layer | None:
        if layer.option in _WIDTHS:
            if last is not None and _width(last) >= _width(layer):
                self.seams.append((last, layer))
            return layer if _is_straight(layer) else None
        return last if _is_straight(layer) else None

    def _fork(self, node: Node, last: Layer | None) -> Layer | None:
        """Lines side by side give a linear whole only where each of them is linear."""
        match node:
            case Residual():
                ends = [self.through(node.body, last), self.through(node.shortcut, last)]
                merge = node.merge
            case Branches():
                ends = [self.through(branch.body, last if branch.input is None else None) for branch in node.branches]
                merge = node.merge
            case Shared():
                ends, merge = [self.through(node.body, None)], node.merge
            case Save():
                return last
            case Join():
                return None  # what was saved may have been bent on its way here
            case Layer():
                return self._layer(node, last)
        return ends[0] if all(ends) and merge.option in _STRAIGHT else None


def _width(layer: Layer) -> int:
    return int(layer.parameters[_WIDTHS[layer.option]])


def _is_straight(layer: Layer) -> bool:
    if layer.option in _STRAIGHT:
        return True
    return (layer.option in _WIDTHS or layer.option == "activation") and ending(layer) in ("linear", None)
