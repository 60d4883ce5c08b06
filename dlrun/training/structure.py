"""What a compiled program depends on: runs that agree in it can be trained by one program, one after another.

Their specs may differ in seeds, in what starting weights are drawn from, and in numbers that a program reads from
variables: the learning rate, and those that an option's `_reusable_` names. Each of these is there because a test has
shown that a program used again gives the bits of a freshly built stock model. Everything else is structure.

What a class of a user's own keeps beside Keras's variables nobody knows: a run with one shares no program, unless the
option's file says `_reusable_` (an empty list will do), which says that there is nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from dlrun.config.catalog import Catalog, Option
from dlrun.models.grammar import expand

__all__ = ["fed_numbers", "structure_of"]

_FED = "a number that is fed"
_RATE = "a learning rate"
_SEED = "seed"
_BUILT = ("target", "derived")
"""The facts that say what is built of an option."""

_DRAWN_FROM = frozenset({"initializer"})
"""Groups that only starting values depend on, which are copied in."""

_NOT_IN_THE_PROGRAM = frozenset(
    {
        "engine", "epochs", "batch_size", "validation_batch_size", "shuffle_window", "limit_batches", "class_weight",
        "threshold", "fast_dev_run", "lr_finder", "monitor", "divergence_factor", "save_model",
    }
)  # fmt: skip
"""The trainer's keys that a program is told at every call, or that only Python reads."""


def structure_of(spec: Mapping[str, Any], catalog: Catalog) -> str | None:
    """The structure of a run's program, as text; None where a program cannot be used again, or no model is declared.

    The shapes of its data, and what a schedule measures its steps by, are no part of it.
    """
    if "model" not in spec or catalog.get("model", spec["model"]["option"]).target() is not None:
        return None  # what a model in Python does with its spec is its own affair
    expansion = expand(spec, catalog)
    trainer, mask = spec["trainer"], _Mask(catalog)
    for node in spec["callback"].values():  # they are no part of the program, but may change what is traced
        mask.option("callback", node["option"], node)
    parts = {
        "task": [spec["task"], spec["classes"]],
        "model": [mask("layer", node) for node in (*expansion.nodes, *expansion.head)],
        "augment": mask("augment", spec["augment"]),
        "optimizer": mask("optimizer", spec["optimizer"]),
        "schedule": _schedule(spec, catalog, mask),
        "loss": mask("loss", spec["loss"]),
        "metric": mask("metric", spec["metric"]),
        "weighted": trainer["class_weight"] is not None,
        "trainer": {key: value for key, value in trainer.items() if key not in _NOT_IN_THE_PROGRAM},
    }
    return json.dumps(parts, sort_keys=True, default=str) if mask.is_shareable else None


def fed_numbers(structure: str) -> int:
    """How many numbers a structure leaves open, the learning rate aside."""
    return structure.count(json.dumps(_FED))


def _schedule(spec: Mapping[str, Any], catalog: Catalog, mask: _Mask) -> Any:
    """A schedule holds the learning rate as a number of its own; without one the rate is a variable of Keras's."""
    node = spec["schedule"]
    if catalog.get("schedule", node["option"]).target() is None:
        return node
    return [mask("schedule", node), spec["optimizer"].get("learning_rate")]


class _Mask:
    """Takes seeds, starting values and the numbers that are fed out of nodes of the config or of a model.

    Attributes:
        is_shareable: whether every option seen so far lets a program be used again.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self.is_shareable = True

    def __call__(self, group: str, value: Any) -> Any:
        """`value` masked, options of `group` in it told by their names."""
        if is_dataclass(value) and not isinstance(value, type):
            named = {each.name: getattr(value, each.name) for each in fields(value)}
            if "option" in named:  # a layer of the expansion
                named["parameters"] = self.option(group, named["option"], named["parameters"])
            return [type(value).__name__, {name: self(group, part) for name, part in named.items()}]
        if isinstance(value, Mapping):
            if isinstance(value.get("option"), str) and self._catalog.has(group, value["option"]):
                value = self.option(group, value["option"], value)
            return {str(key): self(group, part) for key, part in value.items()}
        return [self(group, part) for part in value] if isinstance(value, list | tuple) else value

    def option(self, group: str, name: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """The values of one option, and what the option builds of them."""
        option = self._catalog.get(group, name)
        if option.origin == "project" and option.target() is not None and "reusable" not in option.facts:
            self.is_shareable = False
        masked: dict[str, Any] = {fact: str(option.facts[fact]) for fact in _BUILT if fact in option.facts}
        for key, value in values.items():
            parameter = option.parameters.get(key)
            inner = parameter.rule.option_group if parameter else None
            if inner is not None:
                told = self(inner, value)
                if inner not in _DRAWN_FROM:
                    masked[key] = told
            elif key != _SEED:
                masked[key] = self._number(group, option, key, value)
        return masked

    def _number(self, group: str, option: Option, key: str, value: Any) -> Any:
        if group == "optimizer" and key == "learning_rate":
            return _RATE  # a variable of Keras's own, or of the schedule's
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        is_fed = key in option.facts.get("reusable", ()) and is_number and value != 0
        return _FED if is_fed else value  # a zero is structure: Keras leaves out of the graph what it multiplies
