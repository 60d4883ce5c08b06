"""One epoch of a training as Keras's `fit` goes through it, for engines that run their own steps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import keras

from dlrun.training.engine import Course

__all__ = ["Block", "Callbacks", "numbers", "one_epoch"]

Block = tuple[int, int]
"""The first step of a block, and the one behind its last."""

Logs = Mapping[str, Any]


class Callbacks(keras.callbacks.CallbackList):
    """The callbacks of a training, introduced to its model as `fit` does it; told once that training begins."""

    def __init__(self, callbacks: Sequence[Any], model: Any, course: Course) -> None:
        length = {"epochs": course.epochs, "steps": course.steps_per_epoch}
        super().__init__(list(callbacks), add_history=True, model=model, verbose=0, **length)
        self._begun = False

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Pass it on the first time: an epoch that is gone on with and the epochs after it are one training."""
        if not self._begun:
            self._begun = True
            super().on_train_begin(logs)


def one_epoch(
    model: Any,
    callbacks: Callbacks,
    epoch: int,
    blocks: Iterable[Block],
    train: Callable[[int, int], Logs],
    validate: Callable[[], Logs] | None,
) -> Logs:
    """Train for an epoch, validate, and call the callbacks where `fit` calls them. The metrics must be reset before.

    Args:
        epoch: from 0.
        blocks: the steps to do, in order.
        train: does the steps of one block; gives the epoch's metrics so far.
        validate: resets the metrics and gives those of validation, without `val_`; None where nothing is validated.

    Returns:
        The epoch's values, as `on_epoch_end` was told them.
    """
    callbacks.on_epoch_begin(epoch)
    logs: Logs = {}
    for first, behind in blocks:
        callbacks.on_train_batch_begin(first)
        logs = train(first, behind)
        callbacks.on_train_batch_end(behind - 1, logs)
        if model.stop_training:
            break
    values = dict(logs)
    if validate is not None:
        callbacks.on_test_begin()
        found = validate()
        callbacks.on_test_end(dict(found))
        values |= {f"val_{name}": value for name, value in found.items()}
    callbacks.on_epoch_end(epoch, values)
    return values


def numbers(logs: Logs) -> dict[str, float]:
    """Metrics as Python numbers."""
    return {name: float(value) for name, value in logs.items()}
