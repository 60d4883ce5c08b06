"""Layers in front of a model that change samples while they are trained on, and only then.

They stand behind the preprocessing, so that they see what the model sees, and inside the model that is trained, so
that every engine runs them. A kept model has none: Keras's image layers act wherever nobody says `training=False`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dlrun.config.build import arguments, resolve
from dlrun.config.catalog import Catalog, Option
from dlrun.config.raised import place_in, telling_line
from dlrun.errors import ConfigError, Problem
from dlrun.models.seeds import seeded
from dlrun.models.shapes import RANKS, shown_sizes

__all__ = ["augmented", "check_augment", "inner_input", "mixes_labels"]

_GROUP = "augment"
_ANSWERED = ("binary", "multiclass", "regression")  # one answer a sample: that of a mixed one is a mean of two
_MASKS = "segmentation"
_PREFIX = "augment_"  # of the layers' names: no layer of a model's file is called so


def check_augment(spec: Mapping[str, Any], shape: tuple[int, ...], catalog: Catalog) -> Iterator[Problem]:
    """Augmentations that cannot take the samples.

    They may want another number of dimensions, as their `_rank_` says, other channels, as `_channels_` does, or a range
    of values that the preprocessing does not make; or move pixels, as `_moves_pixels_` says, where masks would stay.

    Args:
        shape: of one sample of the data.
    """
    yield from _mixing_problems(spec, catalog)
    for entry, node in spec.get(_GROUP, {}).items():
        option = catalog.get(_GROUP, node["option"])
        rank, channels = option.facts.get("rank"), option.facts.get("channels")
        key = f"{_GROUP}.{entry}"
        if rank not in (None, len(shape)):
            fitting = [name for name in catalog.names(_GROUP) if _takes(catalog, name, shape)]
            mend = f"Type {_GROUP}=[{fitting[0]}], or {_GROUP}=[]." if fitting else f"Type {_GROUP}=[]."
            yield Problem(key, f"must get {RANKS[rank]}", f"{shown_sizes(shape)} from the data", mend)
        elif channels not in (None, shape[-1]):
            mend = f"Leave it out; dlrun ls {_GROUP} tells the others."
            rule = f"must get images of {channels} channels, red, green and blue"
            yield Problem(key, rule, f"{shown_sizes(shape)} from the data", mend)
        elif option.facts.get("moves_pixels") and spec["task"] == _MASKS:
            rule = "must be left out where the data has masks: they would stay where they are while the image moves"
            yield Problem(key, rule, mend="Changes of light and colour fit, as random_brightness does.")
        elif _wants_range(option) and _value_range(spec, catalog) is None:
            chosen = spec["preprocess"]["option"]
            mend = "Type preprocess=minmax."
            yield Problem(key, "must get values from 0 to 1", f"those that preprocess={chosen} makes", mend)


def _mixing_problems(spec: Mapping[str, Any], catalog: Catalog) -> Iterator[Problem]:
    """What mixes labels too: one alone, and for the tasks that it says."""
    mixing = [(entry, node) for entry, node in spec.get(_GROUP, {}).items() if mixes_labels(node, catalog)]
    for entry, node in mixing:
        tasks, task = catalog.get(_GROUP, node["option"]).facts.get("tasks", _ANSWERED), spec["task"]
        if task not in tasks:
            rule, mend = f"must be left out where the task is {task}: its labels cannot be mixed", "Leave it out."
            yield Problem(f"{_GROUP}.{entry}", rule, mend=mend)
    if len(mixing) > 1:
        names = [entry for entry, _ in mixing]
        rule = "must hold one augmentation that mixes labels, not several"
        yield Problem(_GROUP, rule, ", ".join(names), f"Leave out {' and '.join(names[1:])}.")


def mixes_labels(node: Mapping[str, Any], catalog: Catalog) -> bool:
    """Whether an augmentation makes one sample of two, so that the loss must know of both labels."""
    return bool(catalog.get(_GROUP, node["option"]).facts.get("mixes_labels", False))


def _takes(catalog: Catalog, name: str, shape: tuple[int, ...]) -> bool:
    facts = catalog.get(_GROUP, name).facts
    return facts.get("rank") in (None, len(shape)) and facts.get("channels") in (None, shape[-1])


def _wants_range(option: Option) -> bool:
    return any("$value_range" in str(text) for text in option.facts.get("derived", {}).values())


def _value_range(spec: Mapping[str, Any], catalog: Catalog) -> list[float] | None:
    """The least and the greatest value that the model sees while it trains; None where that is not known."""
    found: list[float] | None = catalog.get("preprocess", spec["preprocess"]["option"]).facts.get("value_range")
    return found


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
    names = {"value_range": _value_range(spec, catalog)} if _wants_range(option) else {}
    try:
        return resolve(option)(**arguments(catalog, option, values, names), name=f"{_PREFIX}{entry}")(x)
    except (TypeError, ValueError) as error:
        rule, place = "must have parameters that go together", place_in(catalog.roots.project, error)
        raise ConfigError([Problem(key, rule, mend=f"Keras says: {telling_line(error)}", place=place)]) from error


def inner_input(model: Any) -> Any:
    """The symbolic tensor that the layers behind the augmentations get: the model's input where there are none."""
    layers = [layer for layer in model.layers if layer.name.startswith(_PREFIX)]
    return layers[-1].output if layers else model.inputs[0]
