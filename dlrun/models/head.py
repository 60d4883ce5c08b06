"""The output layer: what the task asks for, or what the model's `head` says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from dlrun.config.text import shown
from dlrun.errors import Problem
from dlrun.models.expander import Expander
from dlrun.models.findings import Told
from dlrun.models.nodes import Layer, Node, ending
from dlrun.models.scope import UNKNOWN, Scope

__all__ = ["FLAT_TASKS", "MASKS", "check_kept", "expand_head", "known_outputs"]

PATH = "model.head"
FLAT_TASKS: Mapping[str, str] = {"binary": "sigmoid", "multiclass": "softmax", "regression": "linear"}
"""The tasks that predict one row of numbers a sample, and the activation that makes them what they are."""

MASKS = "segmentation"
"""The task that predicts such a row for each pixel."""

_TO_ROWS = frozenset({"flatten", "global_average_pooling2d", "global_max_pooling2d"})

_FITTING: Mapping[str, tuple[str, ...]] = {
    "binary": ("sigmoid", "hard_sigmoid", "linear"),
    "multiclass": ("softmax", "linear"),
}
_WHY = {"binary": "a probability", "multiclass": "one probability a class", "regression": "unbounded numbers"}

# Model-wide groups shape hidden kernels: the output layer is as Keras has it, unless it reads a group itself.
_NEUTRAL = {"initializer": "glorot_uniform", "regularizer": None, "constraint": None}


def known_outputs(spec: Mapping[str, Any]) -> int | None:
    """How many numbers a sample the task predicts, where the spec alone says it."""
    if spec["task"] in ("multiclass", MASKS):
        return int(spec["classes"]) if spec.get("classes") else None
    return 1 if spec["task"] == "binary" else None


def check_kept(nodes: Sequence[Node], spec: Mapping[str, Any]) -> Iterator[Problem]:
    """A layer that makes a row of an image whose pixels are to be told apart; in a branch it may come back to it."""
    if spec["task"] != MASKS:
        return
    rows = (node for node in nodes if isinstance(node, Layer) and node.option in _TO_ROWS)
    if (first := next(rows, None)) is not None:
        rule = f"must keep the image to its end: the task is {MASKS}, a class for each pixel"
        got = f"{spec['model']['option']}, which has {first.option} at {first.path}"
        yield Problem("model", rule, got=got, mend="Type model=unet, or model=fcn.")


def expand_head(expander: Expander, spec: Mapping[str, Any], scope: Scope, outputs: int | None) -> tuple[Node, ...]:
    """The nodes of the output layer.

    Args:
        scope: the model's own scope.
        outputs: numbers a sample to predict, None where that is not known yet. The head reads it as `$outputs`,
            and the activation that the task asks for as `$output_activation`.
    """
    head, task = spec["model"].get("head", "auto"), str(spec["task"])
    declared = expander.catalog.get("model", spec["model"]["option"]).parameters.get("head")
    place = declared.place if declared is not None and declared.default == head else None
    given = {
        "outputs": UNKNOWN if outputs is None else outputs,
        "output_activation": "softmax" if task == MASKS else FLAT_TASKS.get(task, "linear"),
    }
    scope = replace(scope, names={**scope.names, **given}, own=scope.own - given.keys(), neutral=_NEUTRAL, place=place)
    if head == "auto":
        return _auto(expander, scope, task)
    if isinstance(head, list):
        nodes = expander.layers(head, scope, PATH)
        if not head:
            expander.findings.add(Problem(PATH, "must not be empty", mend="model.head=auto follows the task."))
    else:
        nodes = expander.item(head, scope, PATH)
    for problem in _contradictions(nodes, task, outputs):
        expander.findings.add(problem)
    return nodes


def _auto(expander: Expander, scope: Scope, task: str) -> tuple[Node, ...]:
    if task == MASKS:
        pixels = {"conv2d": {"filters": "$outputs", "kernel_size": 1}}
        return expander.layers([pixels, {"activation": "$output_activation"}], scope, PATH)
    if task not in FLAT_TASKS:
        mend = "Write it as a layer or a list of layers: model.head={conv2d: {filters: $outputs, kernel_size: 1}}."
        expander.findings.add(Problem(PATH, f"must be given for the task {task}", got="auto", mend=mend), Told.MISSPELT)
        return ()
    dense = {"units": "$outputs", "activation": "$output_activation"}
    if task == "regression":
        # On standardised targets this starts at their mean. A random start costs accuracy where rows are few:
        # diabetes, mean R2 over ten splits 0.40 with glorot_uniform, 0.44 with zeros.
        dense["kernel_initializer"] = "zeros"
    return expander.item({"dense": dense}, scope, PATH)


def _contradictions(nodes: tuple[Node, ...], task: str, outputs: int | None) -> Iterator[Problem]:
    """What the last layers say against the task: ten classes on one unit, softmax over one unit, ..."""
    if task not in FLAT_TASKS:
        return
    dense = next((node for node in reversed(nodes) if isinstance(node, Layer) and node.option == "dense"), None)
    last = nodes[-1] if nodes else None
    units = dense.parameters["units"] if dense else UNKNOWN
    if dense and units is not UNKNOWN and outputs is not None and units != outputs:
        rule = f"must be {outputs}: the task is {task}, {_of(outputs)}"
        mend = "Write `units: $outputs`, which follows the data."
        yield Problem(f"{dense.path}.dense.units", rule, got=shown(units), mend=mend)
    activation = None if last is None else ending(last)
    fitting = _FITTING.get(task, ())
    wrong = activation == "softmax" if task == "regression" else bool(fitting) and activation not in fitting
    if isinstance(last, Layer) and activation and wrong:
        choices = " or ".join(fitting) if fitting else "anything but softmax"
        rule = f"must be {choices}: the task is {task}, which predicts {_WHY[task]}"
        mend = "model.head=auto follows the task."
        yield Problem(f"{last.path}.{last.option}", rule, got=shown(activation), mend=mend)


def _of(outputs: int) -> str:
    return "one number a sample" if outputs == 1 else f"{outputs} numbers a sample"
