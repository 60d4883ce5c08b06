"""What a model's layers say of its mistakes, told without TensorFlow.

Two kinds. `contradictions` are certain to be wrong, and refused. `advice` is questionable only: there may be a reason
for it, so it is told where somebody asks, and keeps nothing from training.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from dlrun.config.catalog import Catalog
from dlrun.errors import Problem
from dlrun.models.nodes import Expansion, Layer, Node, bodies, ending, layers_in
from dlrun.models.seams import linear_seams

__all__ = ["advice", "contradictions"]

Spec = Mapping[str, Any]

_SQUASHING = frozenset({"softmax", "sigmoid", "hard_sigmoid"})
_ONLY_IN_TRAINING = {
    "dropout": "sets predictions to 0 at random while training",
    "spatial_dropout2d": "sets predictions to 0 at random while training",
    "gaussian_noise": "adds noise to the predictions while training",
}
# Between a dropout and a normalization these leave the shift in variance as it is.
_PASSING = frozenset({"flatten", "reshape", "zero_padding2d", "up_sampling2d"})
_EQUAL_STARTS = frozenset({"zeros", "ones", "constant"})
_WIDTHS = ("units", "filters")
_FOLLOW = "model.head=auto follows the task."


def contradictions(spec: Spec, expansion: Expansion, catalog: Catalog) -> list[Problem]:
    """What is certain to be wrong in a model that expands without problems.

    Args:
        spec: the run's; without `loss` nothing is said of it.
        expansion: its model, spelled out.
    """
    last = expansion.head[-1] if expansion.head else None
    if not isinstance(last, Layer):
        return []
    if last.option in _ONLY_IN_TRAINING:
        rule = f"must not be the model's last layer: it {_ONLY_IN_TRAINING[last.option]}"
        return [Problem(f"{last.path}.{last.option}", rule, mend=f"Put it before the output layer. {_FOLLOW}")]
    return [*_squashed_twice(expansion, last), *_logits(spec, last, catalog)]


def advice(spec: Spec, expansion: Expansion) -> list[Problem]:
    """What is questionable in a model, in the order of its layers."""
    hidden = list(layers_in(expansion.nodes))
    return [
        *_first_of(_softmax_inside(expansion, spec)),
        *_first_of(_no_bend(*seam) for seam in linear_seams((*expansion.nodes, *expansion.head))),
        *_first_of(_dropout_before_normalization((*expansion.nodes, *expansion.head))),
        *_first_of(_narrow(hidden)),
        *_first_of(_equal_starts(hidden)),
        *_one_row_batches(spec, hidden),
    ]


def _first_of(found: Iterable[Problem]) -> list[Problem]:
    """The first of its kind, with the number of those that a loop or a model-wide choice repeats."""
    problems = list(found)
    if not problems:
        return []
    first, *others = problems
    more = f" (and {len(others)} more like it)" if others else ""
    return [replace(first, rule=first.rule + more)]


def _squashed_twice(expansion: Expansion, last: Layer) -> Iterator[Problem]:
    """An output activation directly on the probabilities of another one."""
    before = (*expansion.nodes, *expansion.head)[-2:-1]
    if last.option != "activation" or not before:
        return
    first, second = ending(before[0]), ending(last)
    if first in _SQUASHING and second in _SQUASHING:
        rule = f"must not follow {first}: what comes out would be squashed twice"
        yield Problem(f"{last.path}.activation", rule, got=second, mend=f"Leave one of the two out. {_FOLLOW}")


def _logits(spec: Spec, last: Layer, catalog: Catalog) -> Iterator[Problem]:
    """A cross-entropy of probabilities on a head that gives none, or one of logits on a head that gives them."""
    activation = ending(last)
    takes_logits = _takes_logits(spec, catalog) if "loss" in spec else None
    if activation is None or takes_logits is None:
        return
    fitting = "sigmoid" if spec["task"] == "binary" else "softmax"
    name = spec["loss"]["option"]
    if takes_logits and activation != "linear":
        rule = f"must be false: the model ends in {activation}, so that its outputs are no logits any more"
        mend = "Type loss.from_logits=false, or take the activation from the output layer."
        yield Problem("loss.from_logits", rule, got="true", mend=mend)
    elif not takes_logits and activation == "linear":
        rule = f"must end in {fitting}: loss={name} takes probabilities"
        also = " Or type loss.from_logits=true." if "from_logits" in spec["loss"] else ""
        yield Problem("model.head", rule, got="linear", mend=f"{_FOLLOW}{also}")


def _takes_logits(spec: Spec, catalog: Catalog) -> bool | None:
    """Whether the loss takes logits; None for one to which that means nothing, or that is for another task."""
    node = spec["loss"]
    if spec["task"] not in catalog.get("loss", node["option"]).facts.get("tasks", (spec["task"],)):
        return None
    if isinstance(node.get("from_logits"), bool):
        return bool(node["from_logits"])
    option = catalog.get("loss", node["option"])
    target = option.facts.get("target")  # Keras's cross-entropies take probabilities unless they are told otherwise
    is_crossentropy = isinstance(target, str) and target.startswith("keras.") and target.endswith("Crossentropy")
    return False if is_crossentropy else None


def _softmax_inside(expansion: Expansion, spec: Spec) -> Iterator[Problem]:
    is_last = expansion.nodes[-1] if expansion.nodes else None
    by_group = "activation" in expansion.groups and spec["activation"]["option"] == "softmax"
    for layer in layers_in(expansion.nodes):
        if ending(layer) != "softmax":
            continue
        what = "before the output layer" if layer is is_last else "between hidden layers"
        why = "its outputs sum to 1, so that a wide layer passes on almost nothing"
        twice = " (the output layer has a softmax of its own)" if expansion.output_activation == "softmax" else ""
        mend = "Name another activation there, such as relu."
        if by_group:
            mend = "Type activation=relu, or name another activation there."
        elif layer is is_last and twice:
            mend = (
                f"Take {_own_head(expansion.nodes, spec['classes'])} out of the layers: the output layer is model.head."
            )
        yield Problem(_key(layer), f"should not be softmax {what}: {why}{twice}", mend=mend)


def _own_head(nodes: Sequence[Node], classes: int | None) -> str:
    """The layers at the end that somebody wrote as an output layer: a softmax, and the one number a class before it."""
    *_, before, last = (None, *nodes)
    assert isinstance(last, Layer)
    if last.option != "activation" or not isinstance(before, Layer) or before.parameters.get("units") != classes:
        return _key(last)
    return f"{_key(before)} and {_key(last)}"


def _no_bend(first: Layer, second: Layer) -> Problem:
    rule = f"should not follow {_key(first)} without an activation between them: two linear layers are one"
    return Problem(_key(second), rule, mend="Put `activation` between them, and choose one that bends, such as relu.")


def _dropout_before_normalization(nodes: Sequence[Node]) -> Iterator[Problem]:
    """Dropout changes the variance in training only; a normalization behind it learns the wrong one (Li et al., 2018).

    References:
        Li, Chen, Hu, Yang, Understanding the disharmony between dropout and batch normalization by variance shift
        (2018).
    """
    dropped: Layer | None = None
    for node in nodes:
        if not isinstance(node, Layer):
            for body in bodies(node):
                yield from _dropout_before_normalization(body)
            dropped = None
        elif node.option in ("dropout", "spatial_dropout2d"):
            dropped = node if node.parameters.get("rate") else None
        elif node.option == "batch_normalization" and dropped is not None:
            rule = "should not stand right before batch_normalization: dropout widens the variance in training, so that"
            mend = "Put dropout behind the normalization and the activation."
            yield Problem(_key(dropped), f"{rule} evaluation normalizes by the wrong one (Li et al., 2018)", mend=mend)
        elif node.option not in _PASSING and node.option != "activation":
            dropped = None


def _narrow(hidden: Sequence[Layer]) -> Iterator[Problem]:
    for layer in hidden:
        name = next((name for name in _WIDTHS if layer.parameters.get(name) == 1), None)
        if name is not None:
            what = "number a sample" if name == "units" else "channel"
            rule = f"should be wider: all that lies behind it sees one {what}"
            yield Problem(f"{_key(layer)}.{name}", rule, got="1", mend="Raise it, unless so narrow a waist is meant.")


def _equal_starts(hidden: Sequence[Layer]) -> Iterator[Problem]:
    """Units that start alike get equal gradients and stay alike."""
    for layer in hidden:
        initializer = layer.parameters.get("kernel_initializer")
        name = initializer.get("option") if isinstance(initializer, Mapping) else initializer
        if name in _EQUAL_STARTS and any(layer.parameters.get(width, 1) != 1 for width in _WIDTHS):
            rule = "should be random: units that start alike learn alike, and count as one"
            mend = "Type initializer=glorot_uniform, or he_normal for relu."
            yield Problem(f"{_key(layer)}.kernel_initializer", rule, got=str(name), mend=mend)


def _one_row_batches(spec: Spec, hidden: Sequence[Layer]) -> Iterator[Problem]:
    if spec.get("trainer", {}).get("batch_size") != 1:
        return
    if layer := next((layer for layer in hidden if layer.option == "batch_normalization"), None):
        rule = f"should be 2 or more: {_key(layer)} normalizes over the batch, and one row less its own mean is 0"
        yield Problem("trainer.batch_size", rule, got="1", mend="Type trainer.batch_size=32, or leave it out.")


def _key(layer: Layer) -> str:
    return f"{layer.path}.{layer.option}"
