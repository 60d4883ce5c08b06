"""The first steps of a training, on real data and a model that is thrown away: what they show, how long they take."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dlrun.config.catalog import Catalog
from dlrun.data.prepare import Part, Prepared
from dlrun.errors import Problem
from dlrun.models.build import build_model
from dlrun.models.layer_calls import training_is, watched, watched_layers
from dlrun.training.choose import choose
from dlrun.training.course import course_of, horizon_of
from dlrun.training.engine import Course, Engine, columns
from dlrun.training.objective import Objective, build_objective

__all__ = ["FirstSteps", "Pace", "first_batch", "take"]

_SECONDS = 0.5  # of steps that are measured, after the tracing
_LONG_STEP_SECONDS = 5.0  # a step of which is measured once and no more
_EPOCHS = 3  # the first one traces


@dataclass(frozen=True)
class Pace:
    """How fast training goes, measured.

    Attributes:
        step_seconds: of one training step.
        validation_seconds: of the validation after an epoch.
        start_seconds: until the first step is done: the model built and traced.
        steps_per_epoch: updates of the weights in an epoch.
    """

    step_seconds: float
    validation_seconds: float
    start_seconds: float
    steps_per_epoch: int

    @property
    def epoch_seconds(self) -> float:
        """Of an epoch, its validation included."""
        return self.steps_per_epoch * self.step_seconds + self.validation_seconds

    def seconds(self, epochs: int) -> float:
        """Of a whole training, if nothing stops it early."""
        return self.start_seconds + epochs * self.epoch_seconds


@dataclass(frozen=True)
class FirstSteps:
    """What the first batch shows.

    Attributes:
        loss: of the untrained model on the first batch.
        findings: what is wrong or questionable there.
        pace: how fast training goes.
    """

    loss: float
    findings: tuple[Problem, ...]
    pace: Pace


def first_batch(prepared: Prepared, spec: Mapping[str, Any]) -> Part:
    """The rows of the first step of the first epoch."""
    course = course_of(prepared, spec)
    rows = course.order(0)[: course.rows_a_step]
    return Part(prepared.train.x[rows], prepared.train.y[rows])


def take(spec: Mapping[str, Any], catalog: Catalog, prepared: Prepared, paths: Mapping[str, str]) -> FirstSteps:
    """Build a model, take a step with the first batch, look at what came of it, and time some more steps.

    Args:
        spec: the run's.
        paths: where in the config a layer of this name stands.
    """
    began = time.perf_counter()
    keras.utils.set_random_seed(spec["seed"])  # for what has no seed of its own, as training does
    model = build_model(spec, catalog, prepared.input_shape, prepared.outputs, prepared.front)
    built = time.perf_counter() - began
    course = course_of(prepared, spec)
    batch = first_batch(prepared, spec)
    objective = _objective(_moving_at_once(spec), catalog, prepared)
    before = _gradients(model, objective, batch)
    objective.optimizer.apply_gradients(zip(before.values, model.trainable_variables, strict=True))
    after = _gradients(model, objective, batch)
    findings = (*_not_finite(before, model, paths), *_unmoved(before, after, model, paths))
    engine = choose(spec["trainer"]["engine"], course=course).engine
    pace = _pace(engine, model, _objective(spec, catalog, prepared), course, after.seconds)
    return FirstSteps(before.loss, findings, replace(pace, start_seconds=pace.start_seconds + built))


def _objective(spec: Mapping[str, Any], catalog: Catalog, prepared: Prepared) -> Objective:
    scale = None if prepared.target is None else prepared.target.scale
    objective = build_objective(spec, catalog, horizon_of(prepared, spec), scale)
    return replace(objective, structure=None)  # a program of its own: what compiling it costs is measured


def _moving_at_once(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    """The spec with an optimizer that changes the weights at every step: else the first one would show nothing."""
    node = {key: None if key == "gradient_accumulation_steps" else value for key, value in spec["optimizer"].items()}
    return {**spec, "optimizer": node}


@dataclass(frozen=True)
class _Gradients:
    """Of one batch: the loss and each layer's output without dropout, the gradients with it, the seconds it took."""

    loss: float
    outputs: dict[str, np.ndarray]
    values: list[Any]
    seconds: float


def _gradients(model: Any, objective: Objective, batch: Part) -> _Gradients:
    outputs: dict[str, np.ndarray] = {}

    def note(layer: Any, run: Any) -> Any:
        given = run()
        if hasattr(given, "numpy"):
            outputs[layer.name] = given.numpy()
        return given

    x, y = tf.convert_to_tensor(batch.x), tf.convert_to_tensor(batch.y)
    with watched(model, note):
        loss = float(objective.loss(y, model(x, **training_is(model, False))))
    began = time.perf_counter()
    with tf.GradientTape() as tape:
        value = objective.loss(y, model(x, **training_is(model, True))) + sum(model.losses)
    found = tape.gradient(value, model.trainable_variables)
    values = [tf.zeros(v.shape) if g is None else g for g, v in zip(found, model.trainable_variables, strict=True)]
    return _Gradients(loss, outputs, values, time.perf_counter() - began)


def _not_finite(seen: _Gradients, model: Any, paths: Mapping[str, str]) -> Iterator[Problem]:
    """The first layer that gives NaN or infinity; else a loss that is none."""
    for layer in watched_layers(model):
        given = seen.outputs.get(layer.name)
        if given is not None and not np.isfinite(given).all():
            share = 1 - float(np.isfinite(given).mean())
            rule = "should give finite numbers on the first batch"
            yield Problem(_key(layer, paths), rule, f"{share:.0%} NaN or infinity", "Scale the data or the weights.")
            return
    if not math.isfinite(seen.loss):
        yield Problem("loss", "should be finite on the first batch", str(seen.loss), "Try another loss or model.head.")


def _unmoved(before: _Gradients, after: _Gradients, model: Any, paths: Mapping[str, str]) -> Iterator[Problem]:
    """Layers that tell no sample from another, or that learn nothing, before the first step and after it.

    Both, because an output layer that starts at zero passes no gradient on before it has moved.
    """
    for layer in watched_layers(model):
        given = after.outputs.get(layer.name)
        if given is not None and len(given) > 1 and np.isfinite(given).all() and not np.ptp(given, axis=0).any():
            rule = f"should tell samples apart: it gives the same for all {len(given)} of the first batch"
            mend = "It may be saturated or dead: look at the initializer, the activation and the scale of the data."
            yield Problem(_key(layer, paths), rule, mend=mend)
            return
    still = {id(v) for v, *g in zip(model.trainable_variables, before.values, after.values, strict=True) if _zero(g)}
    stuck = [
        layer
        for layer in watched_layers(model)
        if layer.trainable_variables and all(id(variable) in still for variable in layer.trainable_variables)
    ]
    if stuck:
        more = f" (and {len(stuck) - 1} more like it)" if len(stuck) > 1 else ""
        rule = f"should learn: its gradient is exactly 0 on the first batch{more}"
        yield Problem(_key(stuck[0], paths), rule, mend="Look at the activation behind it, and at what it starts from.")


def _zero(gradients: Sequence[Any]) -> bool:
    return not any(np.any(tf.convert_to_tensor(gradient).numpy()) for gradient in gradients)


def _key(layer: Any, paths: Mapping[str, str]) -> str:
    return paths.get(layer.name, f"layer {layer.name}")


class _Clock(keras.callbacks.Callback):
    """Notes how long the steps and the validation of each epoch take."""

    def __init__(self) -> None:
        super().__init__()
        self.training: list[float] = []
        self.validation: list[float] = []

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._began, self._tested = time.perf_counter(), 0.0

    def on_test_begin(self, logs: Any = None) -> None:
        self._test_began = time.perf_counter()

    def on_test_end(self, logs: Any = None) -> None:
        self._tested = time.perf_counter() - self._test_began

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.training.append(time.perf_counter() - self._began - self._tested)
        self.validation.append(self._tested)


def _pace(engine: Engine, model: Any, objective: Objective, course: Course, seconds: float) -> Pace:
    """Time some steps.

    Args:
        engine: the one that will train.
        seconds: what one step took that was not traced.
    """
    steps, rows = course.steps_per_epoch, course.rows_a_step
    validated = 0 if course.validation is None else len(course.validation.x)
    if seconds > _LONG_STEP_SECONDS:
        return Pace(seconds, seconds * validated / rows / 3, 0.0, steps)  # forward alone is a third of a step
    few = min(steps, max(2, int(_SECONDS / seconds)))
    part = None if course.validation is None else _some(course.validation, few * rows)
    train = _some(course.train, few * rows)
    short = replace(course, train=train, validation=part, epochs=_EPOCHS, limit_batches=None)
    clock = _Clock()
    began = time.perf_counter()
    with engine.open(model, objective, short) as session:
        session.fit([clock])
    took = time.perf_counter() - began
    tested = min(clock.validation[1:]) * (validated / len(part.x) if part is not None else 0)
    start = took - sum(clock.training[1:]) - sum(clock.validation[1:])
    return Pace(min(clock.training[1:]) / short.steps_per_epoch, tested, start, steps)


def _some(rows: Any, most: int) -> Part:
    return Part(*(each[:most] for each in columns(rows)))
