"""Watch the layers of a model being called, in a model of any kind: functional, sequential or somebody's own class."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import keras

__all__ = ["Watch", "training_is", "watched", "watched_layers"]

Watch = Callable[[Any, Callable[[], Any]], Any]
"""Called with a layer and what runs it; must run it and hand back what it gives."""


def watched_layers(model: Any) -> list[Any]:
    """The layers that a model is made of, in order, without its inputs."""
    return [layer for layer in getattr(model, "layers", []) if not isinstance(layer, keras.layers.InputLayer)]


def training_is(model: Any, value: bool) -> dict[str, bool]:
    """The argument that tells a model whether it is trained; nothing for one whose `call` does not take it."""
    return {"training": value} if model._call_has_training_arg else {}  # as Keras's own training step asks


@contextlib.contextmanager
def watched(model: Any, watch: Watch) -> Iterator[None]:
    """Within the block, every call of a layer of `model` goes through `watch`."""
    layers = watched_layers(model)
    for layer in layers:
        object.__setattr__(layer, "call", _through(layer, layer.call, watch))  # Keras's own setter would track it
    try:
        yield
    finally:
        for layer in layers:
            object.__delattr__(layer, "call")


def _through(layer: Any, call: Callable[..., Any], watch: Watch) -> Callable[..., Any]:
    def called(*args: Any, **kwargs: Any) -> Any:
        return watch(layer, lambda: call(*args, **kwargs))

    return called
