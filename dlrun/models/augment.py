"""Layers in front of a model that change samples while they are trained on, and only then.

They stand behind the preprocessing, so that they see what the model sees, and inside the model that is trained, so
that every engine runs them. A kept model has none: Keras's image layers act wherever nobody says `training=False`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dlrun.config.build import arguments, resolve
from dlrun.config.catalog import Catalog
from dlrun.config.raised import place_in, telling_line
from dlrun.errors import ConfigError, Problem
from dlrun.models.seeds import seeded
from dlrun.models.shapes import RANKS, shown_sizes

__all__ = ["augmented", "check_augment", "inner_input"]

_GROUP = "augment"
_PREFIX = "augment_"  # of the layers' names: no layer of a model's file is called so


def check_augment(spec: Mapping[str, Any], shape: tuple[int, ...], catalog: Catalog) -> Iterator[Problem]:
    """Augmentations that want samples of another number of dimensions, as their `_rank_` says.

    Args:
        shape: of one sample of the data.
    """
    for entry, node in spec.get(_GROUP, {}).items():
        rank = catalog.get(_GROUP, node["option"]).facts.get("rank")
        if rank not in (None, len(shape)):
            fitting = [name for name in catalog.names(_GROUP) if _takes(catalog, name, len(shape))]
            mend = f"Type {_GROUP}=[{fitting[0]}], or {_GROUP}=[]." if fitting else f"Type {_GROUP}=[]."
            rule, got = f"must get {RANKS[rank]}", f"{shown_sizes(shape)} from the data"
            yield Problem(f"{_GROUP}.{entry}", rule, got, mend)


def _takes(catalog: Catalog, name: str, rank: int) -> bool:
    return catalog.get(_GROUP, name).facts.get("rank") in (None, rank)


def augmented(spec: Mapping[str, Any], catalog: Catalog, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    """The symbolic inputs of a model behind the chosen augmentations, which act in the order of the spec.

    Raises:
        ConfigError: one of them refuses its parameters or the samples, or there are several inputs.
    """
    nodes: Mapping[str, Any] = spec.get(_GROUP, {})
    if not nodes:
        return inputs
    if len(inputs) > 1:
        rule = "must be empty: the data has several inputs, and it is open which of them is meant"
        raise ConfigError([Problem(_GROUP, rule, got=", ".join(nodes), mend=f"Type {_GROUP}=[].")])
    ((name, x),) = inputs.items()
    for entry, node in nodes.items():
        x = _called(spec, catalog, entry, node, x)
    x.name = f"{_PREFIX}output"  # what the input of the kept model is called: Keras would count it through
    return {name: x}


def _called(spec: Mapping[str, Any], catalog: Catalog, entry: str, node: Mapping[str, Any], x: Any) -> Any:
    key, option = f"{_GROUP}.{entry}", catalog.get(_GROUP, node["option"])
    values = seeded(catalog, _GROUP, node, spec["seed"], key)
    try:
        return resolve(option)(**arguments(catalog, option, values), name=f"{_PREFIX}{entry}")(x)
    except (TypeError, ValueError) as error:
        rule, place = "must have parameters that go together", place_in(catalog.roots.project, error)
        raise ConfigError([Problem(key, rule, mend=f"Keras says: {telling_line(error)}", place=place)]) from error


def inner_input(model: Any) -> Any:
    """The symbolic tensor that the layers behind the augmentations get: the model's input where there are none."""
    layers = [layer for layer in model.layers if layer.name.startswith(_PREFIX)]
    return layers[-1].output if layers else model.inputs[0]
