"""Build the Keras model of a spec."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

import keras

from dlrun.config.build import resolve
from dlrun.config.catalog import Catalog
from dlrun.errors import ConfigError, Problem
from dlrun.models.assemble import Assembler
from dlrun.models.augment import augmented, mixes_labels
from dlrun.models.construct import Constructor
from dlrun.models.findings import at_its_line
from dlrun.models.grammar import expand, layers_place
from dlrun.models.head import FLAT_TASKS, MASKS
from dlrun.models.mixed_labels import MixedLabels
from dlrun.models.precision import computing_in, precision_of
from dlrun.models.shapes import shape_of, shown_shape
from dlrun.models.stem import stemmed

if TYPE_CHECKING:
    from dlrun.data.encoding.front import Front

__all__ = ["InputShape", "build_model"]

InputShape: TypeAlias = "tuple[int | None, ...] | Mapping[str, tuple[int | None, ...]]"
"""The shape of one sample; of a model of several inputs, each input's by name."""


def build_model(
    spec: Mapping[str, Any], catalog: Catalog, input_shape: InputShape, outputs: int, front: Front | None = None
) -> keras.Model:
    """The model that `spec` declares, with starting weights that depend on its seed and nothing else.

    Args:
        spec: holds `model`, the model-wide groups, `task`, `classes` and `seed`; `augment` and `trainer` where it has
            them.
        catalog: where its options are looked up.
        input_shape: the shape of one sample, without the batch.
        outputs: numbers to predict a sample: 1, the number of classes, or of targets.
        front: what encoded the samples, where it leaves words to be embedded or steps to be left out.

    Returns:
        A functional model. Its layers are named from their paths (`dense_1_0_0`, `dense_head`). A model option with
        `_target_` in place of layers is built by that function, called with `spec`, `input_shape`, `outputs`.

    Raises:
        ConfigError: the model is wrong, or a layer cannot take the data that it gets.
    """
    option = catalog.get("model", spec["model"]["option"])
    if option.target() is None:
        model = _functional(spec, catalog, input_shape, outputs, front)
        output = model.output
    else:
        model, output = _written_in_python(spec, catalog, input_shape, outputs, front)
    _check_output(output, str(spec["task"]), outputs, input_shape)
    return model


def _written_in_python(
    spec: Mapping[str, Any], catalog: Catalog, input_shape: InputShape, outputs: int, front: Front | None
) -> tuple[keras.Model, Any]:
    """The model that a function gives, and its symbolic output; augmentations are put in front of it."""
    option = catalog.get("model", spec["model"]["option"])
    with computing_in(precision_of(spec)):
        inputs = _inputs(input_shape)
        begun = _begun(inputs, front, spec)
        shape = input_shape if begun is inputs else shape_of(_data(begun))
        model = resolve(option)(spec=spec, input_shape=shape, outputs=outputs)
        if not isinstance(model, keras.Model):
            rule = f"must give a keras.Model: {option.target()} is what builds it"
            raise ConfigError([Problem(f"model={option.name}", rule, got=type(model).__name__, place=str(option.path))])
        output = model(_data(begun))  # builds it, of whatever kind it is
    if not spec.get("augment") and begun is inputs:
        return model, output
    if type(model).train_step is not keras.Model.train_step:
        rule = f"must be empty: model={option.name} has a training step of its own, which would be lost"
        raise ConfigError([Problem("augment", rule, got=", ".join(spec["augment"]), mend="Type augment=[].")])
    output = model(_data(augmented(spec, catalog, begun)))
    return _kind(spec, catalog)(_data(inputs), output, name=option.name), output


def _kind(spec: Mapping[str, Any], catalog: Catalog) -> type[keras.Model]:
    """The class of the model: one that knows of it where augmentations mix labels."""
    mixes = any(mixes_labels(node, catalog) for node in spec.get("augment", {}).values())
    return MixedLabels if mixes else keras.Model


def _inputs(input_shape: InputShape) -> dict[str, Any]:
    shapes = input_shape if isinstance(input_shape, Mapping) else {"input": input_shape}
    return {name: keras.Input(shape, name=name) for name, shape in shapes.items()}


def _data(inputs: Mapping[str, Any]) -> Any:
    """What a model is called with: one tensor, or several by name."""
    return next(iter(inputs.values())) if len(inputs) == 1 else inputs


def _begun(inputs: Mapping[str, Any], front: Front | None, spec: Mapping[str, Any]) -> Mapping[str, Any]:
    """The symbolic inputs behind what the network begins with."""
    if front is None or not (front.embedded or front.is_masked):
        return inputs
    return {name: stemmed(x, front, spec["seed"]) for name, x in inputs.items()}


def _functional(
    spec: Mapping[str, Any], catalog: Catalog, input_shape: InputShape, outputs: int, front: Front | None
) -> keras.Model:
    expansion = expand(spec, catalog, outputs)
    if expansion.problems:
        raise ConfigError(expansion.problems)
    inputs = _inputs(input_shape)
    begun = augmented(spec, catalog, _begun(inputs, front, spec))
    assembler = Assembler(Constructor(catalog, spec["seed"]), begun)
    try:
        output = assembler.output(expansion.nodes, expansion.head, precision_of(spec))
    except ConfigError as error:
        place = layers_place(spec, catalog.get("model", spec["model"]["option"]))
        raise ConfigError([_placed(each, place) for each in error.problems]) from error
    return _kind(spec, catalog)(_data(inputs), output, name=spec["model"]["option"])


def _placed(problem: Problem, place: str | None) -> Problem:
    """A problem of the layers at its line; one that has a place already, in the user's code, keeps it."""
    if problem.place is not None or not problem.key.startswith("model.layers"):
        return problem
    return at_its_line(replace(problem, place=place))


def _check_output(output: Any, task: str, outputs: int, input_shape: InputShape) -> None:
    """A head must predict as many numbers as the data asks for; where the task has one row a sample, only those."""
    shape = shape_of(output)
    if task == MASKS and not isinstance(input_shape, Mapping) and shape != (*input_shape[:2], outputs):
        height, width = input_shape[:2]
        rule = f"must give {outputs} numbers for each of {height} x {width} pixels: the task is {task}"
        mend = "A model whose layers keep the size, or come back to it, does: model=unet."
        raise ConfigError([Problem("model.head", rule, got=shown_shape(output), mend=mend)])
    fits = shape == (outputs,) if task in FLAT_TASKS else shape[-1:] == (outputs,)
    if fits:
        return
    if task in FLAT_TASKS and shape[-1:] == (outputs,):
        rule = f"must get one row of numbers a sample: the task is {task}"
        mend = "End the model's layers with `flatten` or `global_average_pooling2d`."
    else:
        rule = f"must give {outputs} numbers a sample: the task is {task}"
        mend = "Write `units: $outputs`, or model.head=auto."
    raise ConfigError([Problem("model.head", rule, got=shown_shape(output), mend=mend)])
