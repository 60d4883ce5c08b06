"""Lead tensors through the nodes of a model, building each layer where it is first met."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dlrun.errors import ConfigError, Problem
from dlrun.models.construct import Constructor
from dlrun.models.nodes import Branch, Branches, Join, Layer, Node, Residual, Save, Shared
from dlrun.models.precision import computing_in
from dlrun.models.shapes import misfit, no_tensor, shape_of, shown_shape, unbuildable

__all__ = ["Assembler"]

_Saved = dict[str, list[Any]]


class Assembler:
    """Calls the layers of one model on its inputs.

    Args:
        construct: builds a layer from its node; a node met twice gives the same layer, with the same weights.
        inputs: the model's symbolic inputs by name.
    """

    def __init__(self, construct: Constructor, inputs: Mapping[str, Any]) -> None:
        self._construct = construct
        self._inputs = inputs
        one = len(inputs) == 1
        self._sources = {id(tensor): "the data" if one else f"the input {name}" for name, tensor in inputs.items()}

    def output(self, nodes: Sequence[Node], head: Sequence[Node], precision: str) -> Any:
        """The symbolic tensor at the end of `nodes` and of `head` behind them.

        Args:
            precision: what `nodes` compute in. The head computes in float32: a softmax of three digits is too coarse.

        Raises:
            ConfigError: a layer cannot take the data that it gets.
        """
        inputs, saved = list(self._inputs.values()), _Saved()
        with computing_in(precision):
            x = self._run(nodes, inputs[0] if len(inputs) == 1 else None, saved)
        with computing_in("float32"):
            return self._run(head, x, saved)

    def _run(self, nodes: Sequence[Node], x: Any, saved: _Saved) -> Any:
        for node in nodes:
            match node:
                case Layer():
                    x = self._call(node, [self._one(x, node)] * (1 if isinstance(node.call, str) else len(node.call)))
                case Residual():
                    x = self._residual(node, self._one(x, node), saved)
                case Branches():
                    x = self._merged(node.merge, [self._branch(node, branch, x, saved) for branch in node.branches])
                case Shared():
                    starts = [self._input(name, node.path) for name in node.inputs]
                    x = self._merged(node.merge, [self._run(node.body, start, {}) for start in starts])
                case Save():
                    saved.setdefault(node.name, []).append(self._one(x, node))
                case Join():
                    x = self._joined(node, self._one(x, node), saved)
        return x

    def _residual(self, node: Residual, x: Any, saved: _Saved) -> Any:
        y = self._run(node.body, x, saved)
        if shape_of(x) != shape_of(y):
            if not node.shortcut:
                rule = f"must keep the shape of what it is added to, {shown_shape(x)}, or have a shortcut"
                mend = "Write `shortcut: [...]` beside residual: layers that give the same shape."
                raise ConfigError([Problem(f"{node.path}.residual", rule, got=shown_shape(y), mend=mend)])
            x = self._run(node.shortcut, x, saved)
        return self._merged(node.merge, [x, y])

    def _branch(self, node: Branches, branch: Branch, x: Any, saved: _Saved) -> Any:
        start = self._one(x, node) if branch.input is None else self._input(branch.input, node.path)
        return self._run(branch.body, start, saved)

    def _joined(self, node: Join, x: Any, saved: _Saved) -> Any:
        if not saved.get(node.name):  # saved in a shortcut that the shapes did not ask for
            rule = "must take what a `save` above it left"
            raise ConfigError([Problem(f"{node.path}.join", rule, got=f"'{node.name}'")])
        before = saved[node.name].pop()
        first, second = shape_of(before), shape_of(x)
        if len(first) == len(second) == 3 and first[:2] != second[:2]:
            rule = f"must join images of one size: `save: {node.name}` kept {shown_shape(before)}"
            mend = "A side that is halved and doubled again must be even each time: such as data.size=[64,64]."
            raise ConfigError([Problem(f"{node.path}.join", rule, got=shown_shape(x), mend=mend)])
        return self._merged(node.merge, [before, x])

    def _merged(self, merge: Layer, tensors: list[Any]) -> Any:
        return tensors[0] if len(tensors) == 1 else self._call(merge, tensors)

    def _call(self, node: Layer, tensors: list[Any]) -> Any:
        layer = self._construct.layer(node)
        sources = [self._sources.get(id(tensor), "") for tensor in tensors]
        if problem := misfit(layer, node, tensors, sources):
            raise ConfigError([problem])
        try:
            y = layer(tensors) if node.call == "list" else layer(*tensors)
        except Exception as error:  # a layer may raise anything on shapes that it does not like
            raise ConfigError([unbuildable(node, tensors, sources, error, self._construct.project)]) from error
        if not hasattr(y, "shape"):
            raise ConfigError([no_tensor(layer, node, y)])
        if any(size == 0 for size in shape_of(y)):
            raise ConfigError([unbuildable(node, tensors, sources)])
        self._construct.settle(node, layer)
        self._sources[id(y)] = f"{node.option} at {node.path}"
        return y

    def _one(self, x: Any, node: Node) -> Any:
        if x is not None:
            return x
        names = ", ".join(self._inputs)
        rule = f"must not come before the inputs are one: the data has {names}"
        mend = f"Start with `branches: {{{next(iter(self._inputs))}: [...], ...}}` or `shared: [{names}]`."
        raise ConfigError([Problem(node.path, rule, mend=mend)])

    def _input(self, name: str, path: str) -> Any:
        if name in self._inputs:
            return self._inputs[name]
        rule = "must name inputs that the data has"
        raise ConfigError([Problem(path, rule, got=f"'{name}'", mend=f"It has: {', '.join(self._inputs)}.")])
