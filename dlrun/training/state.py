"""All that a training consists of, taken from Keras's objects and put back into them.

Weights, the states of seed generators, the optimizer's variables (slots, iterations, a learning rate that callbacks
set), metrics in the middle of an epoch, the global random states, and of each callback the attributes that its option
names in `_state_` and the files that it names in `_state_files_`. What TensorFlow's own stateful random operations
(`tf.random.uniform`) have counted cannot be read, and is no part of it; Keras's and dlrun's layers use none.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras.src.backend.common import global_state

from dlrun.errors import ConfigError, Problem
from dlrun.training import statefile

__all__ = [
    "Member",
    "Misfit",
    "capture",
    "check_callbacks",
    "fingerprint",
    "restore_callbacks",
    "restore_metrics",
    "restore_model",
]

_GLOBAL_SEEDS = "global_seed_generator"  # where Keras keeps the generator of layers and calls without a seed


class Misfit(ValueError):
    """A state is not of this model."""


@dataclass(frozen=True)
class Member:
    """A callback, and what of it is state.

    Attributes:
        callback: Keras's or ours.
        attributes: names of the attributes that are its state; None where nobody has said.
        files: names of the attributes that name files of its state.
    """

    callback: Any
    attributes: Sequence[str] | None
    files: Sequence[str] = ()


def capture(model: Any, members: Mapping[str, Member], inside_epoch: bool) -> dict[str, Any]:
    """The state of the training of `model`, of plain values and arrays.

    Args:
        members: all callbacks that have state, by name.
        inside_epoch: whether the values of the metrics count: they begin anew with each epoch.
    """
    seeds = global_state.get_global_attribute(_GLOBAL_SEEDS)
    return {
        "model": _values(model.variables),
        "optimizer": _values(model.optimizer.variables),
        "metrics": _values(model.metrics_variables) if inside_epoch else [],
        "global_seeds": None if seeds is None else _values([seeds.state])[0],
        "python_random": random.getstate(),
        "numpy_random": np.random.get_state(),
        "callbacks": {name: _attributes(member) for name, member in members.items()},
        "files": {name: _contents(member) for name, member in members.items() if member.files},
    }


def check_callbacks(members: Mapping[str, Member]) -> None:
    """See that the states of the callbacks can be written.

    Raises:
        ConfigError: an attribute in a `_state_` is not there, or is of a type that a checkpoint cannot give back.
    """
    for name, member in members.items():
        for attribute in member.attributes or ():
            key = f"{name}: _state_"
            if not hasattr(member.callback, attribute):
                rule, mend = "must name attributes that the callback has", "Give it a value in its __init__."
                raise ConfigError([Problem(key, rule, attribute, mend)])
            try:
                statefile.check({attribute: _plain(getattr(member.callback, attribute))})
            except statefile.Unwritable as error:
                rule = "must name attributes made of numbers, texts, arrays, lists, tuples and dicts"
                mend = "Keep it as a list or a dict, or train with checkpoint=none."
                raise ConfigError([Problem(key, rule, f"{error.path}, a {error.kind}", mend)]) from error


def restore_model(model: Any, state: Mapping[str, Any]) -> None:
    """Put weights, seeds and the optimizer's variables back.

    Raises:
        Misfit: they are not of this model; nothing was changed.
    """
    pairs = [*_pairs("weights", model.variables, state["model"])]
    pairs += _pairs("optimizer", model.optimizer.variables, state["optimizer"])
    for variable, value in pairs:
        variable.assign(value)


def restore_metrics(model: Any, state: Mapping[str, Any]) -> None:
    """Put the metrics of a begun epoch back."""
    for variable, value in _pairs("metrics", model.metrics_variables, state["metrics"]):
        variable.assign(value)


def restore_callbacks(members: Mapping[str, Member], state: Mapping[str, Any]) -> list[str]:
    """Put the states of callbacks and the global random states back.

    Returns:
        The names of the callbacks whose state nobody has declared.
    """
    for name, attributes in state["callbacks"].items():
        for attribute, value in attributes.items():
            setattr(members[name].callback, attribute, value)
    for name, contents in state["files"].items():
        for attribute, content in contents.items():
            _write(Path(getattr(members[name].callback, attribute)), content)
    random.setstate(state["python_random"])
    np.random.set_state(state["numpy_random"])
    if state["global_seeds"] is not None:
        keras.src.random.seed_generator.global_seed_generator().state.assign(state["global_seeds"])
    return [name for name, member in members.items() if member.attributes is None]


def fingerprint(model: Any) -> str:
    """The sha256 of the model's weights, trainable or not, in their order: types, shapes and bytes, no names."""
    digest = hashlib.sha256()
    for value in _values(model.weights):
        digest.update(f"{value.dtype.name} {value.shape}".encode())
        digest.update(np.ascontiguousarray(value).tobytes())
    return digest.hexdigest()


def _values(variables: Iterable[Any]) -> list[np.ndarray]:
    return [np.array(variable.numpy()) for variable in variables]  # a copy: the tensor may change under the array


def _pairs(what: str, variables: Sequence[Any], values: Sequence[Any]) -> list[tuple[Any, Any]]:
    shapes, kept = [tuple(variable.shape) for variable in variables], [value.shape for value in values]
    if shapes != kept:
        raise Misfit(f"its {what} are {len(kept)} arrays of other shapes than the model's {len(shapes)}")
    return list(zip(variables, values, strict=True))


def _attributes(member: Member) -> dict[str, Any]:
    return {name: _plain(getattr(member.callback, name)) for name in member.attributes or ()}


def _plain(value: Any) -> Any:
    """The value with tensors and variables as arrays."""
    if type(value) is dict:
        return {key: _plain(item) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(_plain(item) for item in value)
    if keras.ops.is_tensor(value) or isinstance(value, keras.Variable):
        return np.array(keras.ops.convert_to_numpy(value))
    return value


def _contents(member: Member) -> dict[str, np.ndarray | None]:
    found: dict[str, np.ndarray | None] = {}
    for name in member.files:
        path = Path(getattr(member.callback, name))
        found[name] = np.frombuffer(path.read_bytes(), np.uint8) if path.is_file() else None
    return found


def _write(path: Path, content: np.ndarray | None) -> None:
    if content is None:
        path.unlink(missing_ok=True)
        return
    aside = path.with_name(f".{path.name}")
    aside.write_bytes(content.tobytes())
    aside.replace(path)
