"""A model on paper: layers, shapes, parameters, operations and memory, told without a number of it being made.

The model is built with variables that have a shape and no value, and its training step is drawn as a graph that is
never run. So a model of a hundred gigabytes is looked at as easily as a small one.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras.src.backend.common import global_state

from dlrun.config.catalog import Catalog
from dlrun.data.prepare import Part, Prepared
from dlrun.errors import Problem
from dlrun.models.build import build_model
from dlrun.models.layer_calls import training_is, watched, watched_layers
from dlrun.training.objective import Horizon, build_objective
from dlrun.workflows.flops import flops_of, needed
from dlrun.workflows.liveness import peak_bytes

__all__ = ["Blueprint", "LayerFigures", "Memory", "draw"]

_HORIZON = Horizon(steps_per_epoch=1, epochs=1)


@dataclass(frozen=True)
class LayerFigures:
    """A layer as `dlrun check` lists it.

    Attributes:
        name: Keras's name for it, made from its path in the config.
        path: where in the config it stands; None in a model written in Python.
        kind: its class; of an activation its function.
        output: the shape of what it gives for one sample; None where the size is open.
        parameters: numbers in it, learned or not.
        flops: floating-point operations for one sample, forward.
    """

    name: str
    path: str | None
    kind: str
    output: tuple[int | None, ...]
    parameters: int
    flops: int


@dataclass(frozen=True)
class Memory:
    """Bytes that a training step needs, estimated from shapes; TensorFlow itself comes on top.

    Attributes:
        weights: all parameters.
        gradients: one for each trainable parameter.
        optimizer: what the optimizer keeps of each parameter.
        activations: the tensors of one batch's forward and backward pass where they are most.
        update: what changing the weights takes for a moment: two numbers for each of the largest one.
    """

    weights: int
    gradients: int
    optimizer: int
    activations: int
    update: int

    @property
    def total(self) -> int:
        """All of it."""
        return self.weights + self.gradients + self.optimizer + self.activations + self.update


@dataclass(frozen=True)
class Blueprint:
    """What can be told of a model without building it.

    Attributes:
        flops: floating-point operations for one sample, forward.
        step_flops: of a training step: forward and backward, for `rows` samples.
        rows: of a training step.
        findings: what is questionable about the shapes.
    """

    layers: tuple[LayerFigures, ...]
    parameters: int
    trainable: int
    flops: int
    step_flops: int
    rows: int
    memory: Memory
    findings: tuple[Problem, ...]


def draw(
    spec: Mapping[str, Any],
    catalog: Catalog,
    prepared: Prepared,
    batch: Part,
    paths: Mapping[str, str],
) -> Blueprint:
    """Look at the model of a spec.

    Args:
        batch: the samples of one training step.
        paths: where in the config a layer of this name stands.

    Raises:
        ConfigError: the model is wrong, or a layer cannot take the data that it gets.
    """
    x, y = np.asarray(batch.x), batch.y
    objective = build_objective(spec, catalog, _HORIZON)
    with _valueless():
        model = build_model(spec, catalog, prepared.input_shape, prepared.outputs, prepared.front)
        _lay_out(objective.optimizer, model.trainable_variables)
        calls = _Calls()
        with watched(model, calls.note):
            forward, operations = _drawn(model, (1, *x.shape[1:]), str(x.dtype))
        step_flops, peak = _step(model, objective.loss, x, y)
        return Blueprint(
            layers=tuple(calls.figures(model, forward, operations, paths)),
            parameters=model.count_params(),
            trainable=sum(math.prod(v.shape) for v in model.trainable_variables),
            flops=flops_of(operations, forward),
            step_flops=step_flops,
            rows=len(x),
            memory=_memory(model, objective.optimizer, peak),
            findings=tuple(_over_one_pixel(model, paths)),
        )


def _memory(model: Any, optimizer: Any, peak: int) -> Memory:
    return Memory(
        weights=sum(_bytes(v) for v in model.variables),
        gradients=sum(_bytes(v) for v in model.trainable_variables),
        optimizer=sum(_bytes(v) for v in optimizer.variables),
        activations=peak,
        update=2 * max(map(_bytes, model.trainable_variables), default=0),
    )


@contextlib.contextmanager
def _valueless() -> Iterator[None]:
    """Within the block, variables get no value; those made there are never given one."""
    before = list(global_state.get_global_attribute("uninitialized_variables", []))
    try:
        with keras.StatelessScope(initialize_variables=False):
            yield
    finally:
        global_state.set_global_attribute("uninitialized_variables", before)


def _lay_out(optimizer: Any, variables: Sequence[Any]) -> None:
    """Have an optimizer make its variables, without values as well."""
    object.__setattr__(optimizer, "_var_key", id)  # Keras's own key is one of the value, and there is none
    with tf.__internal__.FuncGraph("slots").as_default():  # Keras looks at each weight's value: here it is a symbol
        optimizer.build(variables)


def _kind(layer: Any) -> str:
    if isinstance(layer, keras.layers.Activation):
        return str(getattr(layer.activation, "__name__", type(layer).__name__))
    return type(layer).__name__


def _over_one_pixel(model: Any, paths: Mapping[str, str]) -> Iterator[Problem]:
    """The first layer that looks over an area where one pixel is left."""
    for layer in watched_layers(model):
        area = getattr(layer, "kernel_size", getattr(layer, "pool_size", ()))
        shape = getattr(getattr(layer, "input", None), "shape", ())
        if math.prod(area) > 1 and len(shape) == len(area) + 2 and all(size == 1 for size in shape[1:-1]):
            rule = f"should see more than one pixel: all but one of the {math.prod(area)} it looks at are padding"
            yield Problem(paths.get(layer.name, layer.name), rule, mend="Shrink the image less often before it.")
            return


def _placeholders(variables: Sequence[Any]) -> list[Any]:
    return [tf.compat.v1.placeholder(variable.dtype, variable.shape) for variable in variables]


def _drawn(model: Any, shape: tuple[int, ...], dtype: str) -> tuple[Any, set[Any]]:
    """The graph of a prediction, and the operations in it that are run."""
    graph = tf.__internal__.FuncGraph("prediction")
    with graph.as_default():
        weights = _placeholders(model.trainable_variables), _placeholders(model.non_trainable_variables)
        sample = tf.compat.v1.placeholder(dtype, shape)
        predicted, _ = model.stateless_call(*weights, sample, **training_is(model, False))
    return graph, needed([predicted])


def _step(model: Any, loss: Any, x: np.ndarray, y: np.ndarray) -> tuple[int, int]:
    """What a training step costs, less the update of the weights, and the bytes of its tensors at their most."""
    graph = tf.__internal__.FuncGraph("step")
    with graph.as_default():
        learned, others = _placeholders(model.trainable_variables), _placeholders(model.non_trainable_variables)
        sample = tf.compat.v1.placeholder(str(x.dtype), x.shape)
        label = tf.compat.v1.placeholder(str(y.dtype), y.shape)
        with tf.GradientTape() as tape:
            for tensor in learned:
                tape.watch(tensor)
            predicted, updated = model.stateless_call(learned, others, sample, **training_is(model, True))
            value = loss(label, predicted)
        gradients = [tf.convert_to_tensor(each) for each in tape.gradient(value, learned) if each is not None]
    run = needed([value, *gradients, *map(tf.convert_to_tensor, updated)])
    return flops_of(run, graph), peak_bytes([op for op in graph.get_operations() if op in run], gradients, graph)


def _bytes(variable: Any) -> int:
    return int(math.prod(variable.shape) * tf.as_dtype(variable.dtype).size)


class _Calls:
    """What each layer gives, and which operations of a graph are its own."""

    def __init__(self) -> None:
        self._operations: dict[int, list[Any]] = {}
        self._outputs: dict[int, tuple[int | None, ...]] = {}

    def note(self, layer: Any, run: Callable[[], Any]) -> Any:
        """Run a layer and note what it did."""
        graph = tf.compat.v1.get_default_graph()
        before = len(graph.get_operations())
        given = run()
        self._operations.setdefault(id(layer), []).extend(graph.get_operations()[before:])
        first = given[0] if isinstance(given, list | tuple) else given
        self._outputs[id(layer)] = tuple(getattr(first, "shape", ()))[1:]
        return given

    def figures(self, model: Any, graph: Any, run: set[Any], paths: Mapping[str, str]) -> Iterator[LayerFigures]:
        """The model's layers with what was noted of them in `graph`, of whose operations only `run` are run."""
        for layer in watched_layers(model):
            yield LayerFigures(
                name=layer.name,
                path=paths.get(layer.name),
                kind=_kind(layer),
                output=self._outputs.get(id(layer), ()),
                parameters=layer.count_params() if layer.built else 0,
                flops=flops_of(run.intersection(self._operations.get(id(layer), [])), graph),
            )
