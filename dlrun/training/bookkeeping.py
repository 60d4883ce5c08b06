"""What is noted at the end of every epoch, and what ends a training early for its own sake."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np

from dlrun.errors import ConfigError, Problem
from dlrun.training.causes import Cause, cause

__all__ = ["Bookkeeper", "Emit"]

Emit = Callable[[str, Mapping[str, Any]], object]
"""Told an event's name and its fields."""


class Bookkeeper(keras.callbacks.Callback):
    """Tells every epoch, knows the best one, stops a training that diverges, and sees when one is asked to stop.

    It must come first among the callbacks: it notes the learning rate that an epoch began with before another one
    changes it.

    A training diverges when a loss is no finite number, when the training loss is `divergence_factor` times that of
    the first epoch or that of guessing, or when weights are no finite numbers (the last step of an epoch can ruin them
    after the last loss was taken). A loss that is none is seen at the end of the block of steps in which it became so.
    The weights of the last good epoch are then the last good model. They are copied after every good epoch: a training
    step reads and writes every weight several times, so that one more reading an epoch costs next to nothing, also for
    a large model, and the memory is that of the weights once (Adam keeps them three times).

    Args:
        emit: called with `epoch` and its fields.
        monitor: the quantity that the best epoch is best in.
        better: `min` or `max`, which way that is.
        stop: the file that asks for an end after the epoch; the last callback acts on it.
        divergence_factor: how many times the first epoch's loss, or that of guessing, is too much; None: nothing is.
        guess: what guessing costs, None where that is not known: a first epoch may have gone wrong already.

    Attributes:
        history: name to values, one an epoch.
        best_epoch: from 1; None while no epoch had a finite value.
        good_epoch: the last epoch, from 1, that did not diverge; 0 before the first.
        diverged: what went wrong, of kind `nan` or `explosion`, or None.
        pruned: whether the stop file asks for its end.
    """

    sees_blocks = True
    STATE = ("history", "best_epoch", "good_epoch", "_good_weights", "_learning_rate")
    """The attributes that a resumed training needs back."""

    def __init__(
        self,
        emit: Emit,
        monitor: str,
        better: str,
        stop: Path,
        divergence_factor: float | None = None,
        guess: float | None = None,
    ) -> None:
        super().__init__()
        self.history: dict[str, list[float]] = {}
        self.monitor = monitor
        self.best_epoch: int | None = None
        self.good_epoch = 0
        self.diverged: Cause | None = None
        self.pruned = False
        self._emit = emit
        self._sign = 1.0 if better == "min" else -1.0
        self._stop = stop
        self._divergence_factor = divergence_factor
        self._guess = guess
        self._epoch = 0
        self._good_weights: list[Any] = []
        self._learning_rate = math.nan
        self._began = 0.0

    @property
    def epochs_run(self) -> int:
        """How many epochs have ended."""
        return len(self.history.get("loss", ()))

    def restore_good_weights(self) -> None:
        """Give the model the weights of `good_epoch`."""
        self.model.set_weights(self._good_weights)

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Copy the untrained weights: the last good model of a training that diverges in its first epoch."""
        self._good_weights = self.model.get_weights()

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Note the time, and the learning rate of the epoch's first step."""
        self._epoch = epoch
        self._began = time.perf_counter()
        self._learning_rate = float(np.asarray(self.model.optimizer.learning_rate))

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Stop at once when the loss is no number any more."""
        loss = float((logs or {}).get("loss", 0.0))
        if self.diverged is None and not math.isfinite(loss):
            self.diverged = cause("nan", f"loss became {loss} in epoch {self._epoch + 1}, by step {batch + 1}")
            self.model.stop_training = True

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Tell the epoch; stop where there is a reason to."""
        values = {name: float(value) for name, value in (logs or {}).items()}
        for name, value in values.items():
            self.history.setdefault(name, []).append(value)
        self._consider(epoch, values)
        self._guard(epoch, values)
        seconds = time.perf_counter() - self._began
        fields = {"epoch": epoch + 1, "metrics": values, "learning_rate": self._learning_rate, "seconds": seconds}
        self._emit("epoch", fields)
        if self.diverged is None and self._stop.exists():
            self.pruned = True
        if self.diverged is not None:
            self.model.stop_training = True

    def _consider(self, epoch: int, values: Mapping[str, float]) -> None:
        if self.monitor not in values:
            mend = f"There are: {', '.join(values)}."
            raise ConfigError([Problem("trainer.monitor", "must name something that is computed", self.monitor, mend)])
        value = self._sign * values[self.monitor]
        best = None if self.best_epoch is None else self._sign * self.history[self.monitor][self.best_epoch - 1]
        if math.isfinite(value) and (best is None or value < best):
            self.best_epoch = epoch + 1

    def _guard(self, epoch: int, values: Mapping[str, float]) -> None:
        self.diverged = self.diverged or self._fault(epoch, values)
        if self.diverged is not None:
            return
        weights = self.model.get_weights()
        if all(np.isfinite(weight).all() for weight in weights):
            self._good_weights, self.good_epoch = weights, epoch + 1
        else:
            self.diverged = cause("nan", f"weights became NaN or infinite in epoch {epoch + 1}")

    def _fault(self, epoch: int, values: Mapping[str, float]) -> Cause | None:
        for name in ("loss", "val_loss"):
            if not math.isfinite(values.get(name, 0.0)):
                return cause("nan", f"{name} became {values[name]} in epoch {epoch + 1}")
        first, factor = self.history["loss"][0], self._divergence_factor
        if factor is None:
            return None
        if self._guess is not None and values["loss"] > factor * self._guess:
            became = f"loss became {values['loss']:.4g} in epoch {epoch + 1}"
            return cause("explosion", f"{became}, where guessing costs {self._guess:.4g}")
        if values["loss"] > factor * first > 0:
            rose = f"loss rose from {first:.4g} in epoch 1"
            return cause("explosion", f"{rose} to {values['loss']:.4g} in epoch {epoch + 1}")
        return None
