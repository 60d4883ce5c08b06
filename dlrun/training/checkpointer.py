"""The last of the callbacks: writes checkpoints, puts a resumed training's state back, and stops on signals."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from dlrun.training.atomic import storage_errors
from dlrun.training.bookkeeping import Bookkeeper, Emit
from dlrun.training.checkpoint import Checkpoint, Checkpoints
from dlrun.training.engine import Course, Position
from dlrun.training.interrupts import Interrupts
from dlrun.training.state import (
    Member,
    capture,
    check_callbacks,
    restore_callbacks,
    restore_metrics,
    restore_model,
)
from dlrun.training.statefile import Unwritable

__all__ = ["Checkpointer", "Safety"]

_LARGEST_SHARE = 0.05  # of the time of a training that may go into writing checkpoints


@dataclass(frozen=True)
class Safety:
    """How a training is kept safe from kills.

    Attributes:
        checkpoints: where its state is written; None where it is not.
        every_seconds: how old the last checkpoint may become.
        origin: what the training runs on, written into each checkpoint.
        interrupts: signals that ask for an end.
        resumed: where it goes on; None at its beginning.
        emit: told a `warning` in words that a user should know, and a `checkpoint` before it is written.
    """

    checkpoints: Checkpoints | None
    every_seconds: float
    origin: Mapping[str, Any]
    interrupts: Interrupts
    resumed: Checkpoint | None
    emit: Emit


class Checkpointer(keras.callbacks.Callback):
    """Writes a checkpoint at the end of a block or an epoch when the last one is too old, at signals and at the end.

    It must come last among the callbacks: the state at the end of an epoch is what they all left, and a resumed one's
    is put back after their `on_train_begin`, in which Keras's callbacks clear theirs. The checkpoint at the end is
    written before `on_train_end`, in which they give the model its best weights: a longer training goes on from the
    last ones. A training shorter than `every_seconds` writes none; it begins again from its seed as fast.

    A state with weights that are no finite numbers is never written.

    Args:
        keeper: the bookkeeper, the first of the callbacks.
        members: all callbacks that have state, by name, the keeper included.
        course: what is trained.
        safety: where to write, how often, and from where the training goes on.
    """

    sees_blocks = True

    def __init__(self, keeper: Bookkeeper, members: Mapping[str, Member], course: Course, safety: Safety) -> None:
        super().__init__()
        self._keeper = keeper
        self._members = members
        self._course = course
        self._safety = safety
        self._epoch = 0
        self._seconds_a_write = 0.0
        self._began = self._last = 0.0

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Put everything back: a callback may have acted on the weights or the learning rate in its own.

        Raises:
            ConfigError: a callback's state is none that can be written.
        """
        self._began = self._last = time.monotonic()
        if (resumed := self._safety.resumed) is not None:
            restore_model(self.model, resumed.state)
            for name in restore_callbacks(self._members, resumed.state):
                text = (
                    f"{name} does not say what its state is (`_state_` in its option file): it begins anew, and the"
                    " result may differ from that of an uninterrupted run"
                )
                self._safety.emit("warning", {"text": text})
        if self._safety.checkpoints is not None:
            check_callbacks(self._members)  # now, not when the first checkpoint is due

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """In a begun epoch put everything back: Keras has reset the metrics, and a callback may have acted anew."""
        self._epoch = epoch
        resumed = self._safety.resumed
        if resumed is not None and resumed.position.step and epoch == resumed.position.epoch:
            restore_model(self.model, resumed.state)
            restore_metrics(self.model, resumed.state)
            restore_callbacks(self._members, resumed.state)

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """At the end of a block: write a checkpoint when one is due, stop when a signal asks for it."""
        if batch + 1 < self._course.steps_per_epoch and (self._is_due() or self._safety.interrupts.is_asked):
            self._write(Position(self._epoch, batch + 1))
            self._safety.interrupts.act()

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """At the end of an epoch the same; and a checkpoint of the end, where it was long in coming."""
        stopped = bool(self.model.stop_training)
        if self._keeper.pruned:
            self.model.stop_training = True
        is_last = self.model.stop_training or epoch + 1 >= self._course.epochs
        if self._is_due() or self._safety.interrupts.is_asked or (is_last and self._was_long()):
            self._write(Position(epoch + 1), stopped)
        self._safety.interrupts.act()

    def _is_due(self) -> bool:
        age, every = time.monotonic() - self._last, self._safety.every_seconds
        return age >= every and (self._seconds_a_write <= _LARGEST_SHARE * age or every == 0)

    def _was_long(self) -> bool:
        """Whether beginning again would cost more than a checkpoint is worth."""
        checkpoints = self._safety.checkpoints
        long = time.monotonic() - self._began >= self._safety.every_seconds
        return long or (checkpoints is not None and checkpoints.exist())

    def _write(self, position: Position, stopped: bool = False) -> None:
        checkpoints = self._safety.checkpoints
        if checkpoints is None or self._keeper.diverged is not None:
            return
        began = time.monotonic()
        with storage_errors(checkpoints.folder):
            state = capture(self.model, self._members, inside_epoch=position.step > 0)
        if all(np.isfinite(value).all() for value in state["model"]):
            # First the journal, which is forced to the disk: a checkpoint must not know epochs that it does not.
            self._safety.emit("checkpoint", {"epoch": position.epoch, "step": position.step})
            try:
                checkpoints.write(Checkpoint(position, state, self._safety.origin, stopped))
            except Unwritable:  # it has become so since the training began
                check_callbacks(self._members)
                raise
        self._last = time.monotonic()
        self._seconds_a_write = self._last - began
