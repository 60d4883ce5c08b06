"""One look into a model for all probes together: weights, gradients and activations on some rows, in one graph."""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from dlrun.models.layer_calls import training_is, watched, watched_layers

__all__ = ["Activated", "Look", "looker", "weights_of"]

Tensors = list[Any]

_APART = (keras.layers.RNN, keras.layers.Wrapper, keras.layers.MultiHeadAttention)
"""Layers whose `activation` is used inside, and is not what they give."""

_OFF = "keras.src.layers.regularization."
"""Where Keras's layers are that do nothing but in training: dropout and noise."""


@dataclass(frozen=True)
class Activated:
    """What one call of a layer gave.

    Attributes:
        function: the name of the activation it ends in, as `relu`.
        output: shape `(rows, ..., units)`.
        gradient: of the loss by the output, of its shape.
    """

    function: str
    output: Any
    gradient: Any


@dataclass(frozen=True)
class Look:
    """What a probe is given. Layers go by their names, in the order of the model.

    Attributes:
        weights: the trainable weights of each layer that has any.
        before: what they were when the epoch began; empty where no probe asks for it.
        gradients: of the loss, penalties included, by each of these weights.
        activations: of each layer that ends in an activation, output layer excepted, what its calls gave.
        optimizer: the optimizer's name.
        learning_rate: its rate now.
    """

    weights: Mapping[str, Tensors]
    before: Mapping[str, Tensors]
    gradients: Mapping[str, Tensors]
    activations: Mapping[str, list[Activated]]
    optimizer: str
    learning_rate: Any


def weights_of(model: Any) -> dict[str, Tensors]:
    """The trainable weights of each layer; those of no layer under the model's own name."""
    found = {layer.name: layer.trainable_variables for layer in watched_layers(model) if layer.trainable_variables}
    held = {id(weight) for weights in found.values() for weight in weights}
    own = [weight for weight in model.trainable_variables if id(weight) not in held]
    return {**found, model.name: own} if own else found


_lookers: weakref.WeakKeyDictionary[Any, tuple[Any, Any]] = weakref.WeakKeyDictionary()


def looker(model: Any, probes: Mapping[str, Any]) -> Any:
    """The graph that looks into `model` for `probes`; a model that is trained again is not traced again,
    unless trials set numbers in it that the graph holds.

    It is called with the columns of some rows and the weights before, and gives for each probe a number a layer. The
    model is as it was afterwards, its random states included.
    """
    looking = [(name, type(probe), vars(probe)) for name, probe in probes.items()]
    asked = (model.loss, model.optimizer, looking, _numbers(model))
    kept = _lookers.get(model)
    if kept is None or kept[0] != asked:
        kept = _lookers[model] = (asked, _traced(weakref.ref(model), dict(probes)))
    return kept[1]


def _numbers(model: Any) -> list[dict[str, float]]:
    """The Python numbers that a graph of the model's loss would hold: of layers, penalties and the loss."""
    layers = model._flatten_layers(include_self=False)
    layers = [layer for layer in layers if not type(layer).__module__.startswith(_OFF)]
    penalties = [getattr(layer, "activity_regularizer", None) for layer in layers]
    penalties += [getattr(weight, "regularizer", None) for weight in model.trainable_variables]
    return [_numbers_of(owner) for owner in (*layers, *penalties, model.loss)]


def _numbers_of(owner: Any) -> dict[str, float]:
    held = getattr(owner, "__dict__", {})
    held = {**held, **(held.get("_fn_kwargs") or {})}  # the arguments that Keras's losses call their function with
    return {name: float(value) for name, value in held.items() if not name.startswith("_") and _is_number(value)}


def _is_number(value: Any) -> bool:
    """Whether it is one, which some regularizers hold as a tensor. A variable is none: a graph reads it anew."""
    if isinstance(value, tf.__internal__.EagerTensor):
        return bool(value.shape.rank == 0 and value.dtype.is_floating)
    return isinstance(value, int | float)


def _traced(model: Any, probes: Mapping[str, Any]) -> Any:
    """The graph; it does not hold the model, or the table above would keep it alive."""

    @tf.function(autograph=False, reduce_retracing=True, jit_compile=False)
    def measure(rows: Sequence[Any], before: Mapping[str, Tensors]) -> Mapping[str, Mapping[str, Any]]:
        seen = _look(model(), rows, before)
        return {name: probe.measure(seen) for name, probe in probes.items()}

    return measure


def _look(model: Any, rows: Sequence[Any], before: Mapping[str, Tensors]) -> Look:
    x, y, *weight = rows
    # A layer of somebody's own may draw or count whether it is training or not.
    states = [(variable, tf.identity(variable)) for variable in model.non_trainable_variables]
    weights = weights_of(model)
    calls: list[tuple[str, str, Any]] = []

    def note(layer: Any, run: Any) -> Any:
        given = run()
        if (function := _activation(layer)) is not None:
            calls.append((layer.name, function, given))
        return given

    with tf.GradientTape() as tape, watched(model, note):
        predicted = model(x, **training_is(model, False))
        loss = model.loss(y, predicted, *weight) + sum(model.losses)
    outputs = {id(tensor) for tensor in tf.nest.flatten(predicted)}
    calls = [call for call in calls if id(call[2]) not in outputs]
    flat = [weight for layer in weights.values() for weight in layer]
    sources = [[weight.value for weight in flat], [given for *_, given in calls]]
    gradients = tape.gradient(loss, sources, unconnected_gradients="zero")
    for variable, state in states:
        variable.assign(state)
    by_weight = iter(_floats(gradients[0]))
    return Look(
        weights={name: _floats(layer) for name, layer in weights.items()},
        before=before,
        gradients={name: [next(by_weight) for _ in layer] for name, layer in weights.items()},
        activations=_by_layer(calls, gradients[1]),
        optimizer=type(model.optimizer).__name__.lower(),  # Keras numbers their names in a process
        learning_rate=model.optimizer.learning_rate,
    )


def _by_layer(calls: Sequence[tuple[str, str, Any]], gradients: Sequence[Any]) -> dict[str, list[Activated]]:
    found: dict[str, list[Activated]] = {}
    for (name, function, output), gradient in zip(calls, gradients, strict=True):
        found.setdefault(name, []).append(Activated(function, *_floats([output, gradient])))
    return found


def _activation(layer: Any) -> str | None:
    """The name of the activation that a layer ends in; None for one that has none."""
    if isinstance(layer, keras.layers.ReLU):
        return None if layer.negative_slope else "relu6" if layer.max_value == 6 else "relu"
    function = None if isinstance(layer, _APART) else getattr(layer, "activation", None)
    return getattr(function, "__name__", None)


def _floats(tensors: Sequence[Any]) -> Tensors:
    """Dense float32 tensors: a gradient by an embedding is sparse, and half precision overflows when squared."""
    return [tf.cast(tf.convert_to_tensor(tensor), tf.float32) for tensor in tensors]
