"""What a model or a callback asks of the engine that trains."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import keras

__all__ = ["has_own_step", "looking_at_batches"]

_BATCH_HOOKS = (
    "on_batch_begin",
    "on_batch_end",
    "on_train_batch_begin",
    "on_train_batch_end",
    "on_test_batch_begin",
    "on_test_batch_end",
)


def has_own_step(model: Any) -> bool:
    """Whether a model does its steps otherwise than Keras's models do: what they return is then its own affair."""
    kind = type(model)
    return isinstance(model, keras.Model) and any(
        getattr(kind, step) is not getattr(keras.Model, step) for step in ("train_step", "test_step")
    )


def looking_at_batches(callbacks: Iterable[Any]) -> list[str]:
    """The class names of callbacks that want to be called for every batch.

    One that says `sees_blocks = True` is content with being called once a block of steps.
    """
    return [type(callback).__name__ for callback in callbacks if _looks_at_batches(callback)]


def _looks_at_batches(callback: Any) -> bool:
    if getattr(callback, "sees_blocks", False):
        return False
    if isinstance(callback, keras.callbacks.ModelCheckpoint) and callback.save_freq == "epoch":
        return False  # its batch hook does nothing then
    kind = type(callback)
    return any(getattr(kind, hook) is not getattr(keras.callbacks.Callback, hook) for hook in _BATCH_HOOKS)
