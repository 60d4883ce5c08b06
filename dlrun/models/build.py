"""Build the Keras model of a spec."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeAlias

import keras

from dlrun.config.build import resolve
from dlrun.config.catalog import Catalog
from dlrun.errors import ConfigError, Problem
from dlrun.models.assemble import Assembler
from dlrun.models.augment import augmented
from dlrun.models.construct import Constructor
from dlrun.models.findings import at_its_line
from dlrun.models.grammar import expand, layers_place
from dlrun.models.head import FLAT_TASKS
from dlrun.models.precision import computing_in, precision_of
from dlrun.models.shapes import shape_of, shown_shape

__all__ = ["InputShape", "build_model"]

InputShape: TypeAlias = "tuple[int | None, ...] | Mapping[str, tuple[int | None, ...]]"
"""The shape of one sample; of a model of several inputs, each input's by name."""


def build_model(spec: Mapping[str, Any], catalog: Catalog, input_shape: InputShape, outputs: int) -> keras.Model:
    """The model that `spec` declares, with starting weights that depend on its seed and nothing else.

    Args:
        spec: holds `model`, the model-wide groups, `task`, `classes` and `seed`; `augment` and `trainer` where it has
            them.
        catalog: where its options are looked up.
        input_shape: the shape of one sample, without the batch.
        outputs: numbers to predict a sample: 1, the number of classes, or of targets.

    Returns:
        A functional model. Its layers are named from their paths (`dense_1_0_0`, `dense_head`). A model option with
        `_target_` in place of layers is built by that function, called with `spec`, `input_shape`, `outputs`.

    Raises:
        ConfigError: the model is wrong, or a layer cannot take the data that it gets.
    """
    option = catalog.get("model", spec["model"]["option"])
    if option.target() is None:
        model = _functional(spec, catalog, input_shape, outputs)
        output = model.output
    else:
        model, output = _written_in_python(spec, catalog, input_shape, outputs)
    _check_output(output, str(spec["task"]), outputs)
    return model


def _written_in_python(
    spec: Mapping[str, Any], catalog: Catalog, input_shape: InputShape, outputs: int
) -> tuple[keras.Model, Any]:
    """The model that a function gives, and its symbolic output; augmentations are put in front of it."""
    option = catalog.get("model", spec["model"]["option"])
    with computing_in(precision_of(spec)):
        model = resolve(option)(spec=spec, input_shape=input_shape, outputs=outputs)
        if not isinstance(model, keras.Model):
            rule = f"must give a keras.Model: {option.target()} is what builds it"
            raise ConfigError([Problem(f"model={option.name}", rule, got=type(model).__name__, place=str(option.path))])
        inputs = _inputs(input_shape)
        output = model(_data(inputs))  # builds it, of whatever kind it is
    if not spec.get("augment"):
        return model, output
    if type(model).train_step is not keras.Model.train_step:
        rule = f"must be empty: model={option.name} has a training step of its own, which would be lost"
        raise ConfigError([Problem("augment", rule, got=", ".join(spec["augment"]), mend="Type augment=[].")])
    output = model(_data(augmented(spec, catalog, inputs)))
    return keras.Model(_data(inputs), output, name=option.name), output


def _inputs(input_shape: InputShape) -> dict[str, Any]:
    shapes = input_shape if isinstance(input_shape, Mapping) else {"input": input_shape}
    return {name: keras.Input(shape, name=name) for name, shape in shapes.items()}


def _data(inputs: Mapping[str, Any]) -> Any:
    """What a model is called with: one tensor, or several by name."""
    return next(iter(inputs.values())) if len(inputs) == 1 else inputs


def _functional(spec: Mapping[str, Any], catalog: Catalog, input_shape: InputShape, outputs: int) -> keras.Model:
    expansion = expand(spec, catalog, outputs)
    if expansion.problems:
        raise ConfigError(expansion.problems)
    inputs = _inputs(input_shape)
    assembler = Assembler(Constructor(catalog, spec["seed"]), augmented(spec, catalog, inputs))
    try:
        output = assembler.output(expansion.nodes, expansion.head, precision_of(spec))
    except ConfigError as error:
        place = layers_place(spec, catalog.get("model", spec["model"]["option"]))
        raise ConfigError([_placed(each, place) for each in error.problems]) from error
    return keras.Model(_data(inputs), output, name=spec["model"]["option"])


def _placed(problem: Problem, place: str | None) -> Problem:
    """A problem of the layers at its line; one that has a place already, in the user's code, keeps it."""
    if problem.place is not None or not problem.key.startswith("model.layers"):
        return problem
    return at_its_line(replace(problem, place=place))


def _check_output(output: Any, task: str, outputs: int) -> None:
    """A head must predict as many numbers as the data asks for; where the task has one row a sample, only those."""
    shape = shape_of(output)
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
