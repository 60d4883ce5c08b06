"""Look into the model between its epochs, and tell what is seen, without touching what is trained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from dlrun.training.bookkeeping import Emit
from dlrun.training.engine import BEGINNING, Course, Position, columns
from dlrun.training.look import looker, weights_of

__all__ = ["Probing"]

_ROWS = 256  # enough for shares to the percent, few enough to cost a step or two


class Probing(keras.callbacks.Callback):
    """Tells what the probes measure before the first epoch and after each, on rows that stay the same.

    It must come right behind the bookkeeper, before a callback that changes the learning rate. The rows are the first
    256 of the first epoch's order. Dropout is off, as it is where a model is used.

    Args:
        probes: by name; see any in `dlrun.probes`.
        course: what is trained on.
        emit: told a `probe` event a probe and epoch: epoch, from 0 for the untrained model, the probe's name, and its
            values by layer.
        start: where the training begins. An epoch that is gone on with in its middle has no weights to compare with.
    """

    def __init__(self, probes: Mapping[str, Any], course: Course, emit: Emit, start: Position = BEGINNING) -> None:
        super().__init__()
        self._probes = probes
        self._course = course
        self._emit = emit
        self._start = start
        self._comparing = {name for name, probe in probes.items() if getattr(probe, "compares_epochs", False)}
        self._before: dict[str, list[Any]] = {}
        self._rows: tuple[Any, ...] = ()

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Take the rows; tell what the untrained model is like."""
        rows = self._course.train
        chosen = self._course.order(0)[:_ROWS]
        self._rows = tuple(tf.convert_to_tensor(column[chosen]) for column in columns(rows))
        self._keep_weights()
        if self._start == BEGINNING:
            self._tell(0, set(self._probes) - self._comparing)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Tell what the model is like now."""
        torn = self._start.step > 0 and epoch == self._start.epoch
        self._tell(epoch + 1, set(self._probes) - self._comparing if torn else set(self._probes))
        self._keep_weights()

    def _keep_weights(self) -> None:
        if self._comparing:
            weights = weights_of(self.model).items()
            self._before = {name: [tf.cast(each.value, tf.float32) + 0.0 for each in layer] for name, layer in weights}

    def _tell(self, epoch: int, names: set[str]) -> None:
        found = looker(self.model, self._probes)(self._rows, self._before)
        for name in (name for name in found if name in names):
            values = {layer: float(value) for layer, value in found[name].items()}
            if values:
                self._emit("probe", {"epoch": epoch, "probe": name, "values": values})
            elif epoch == 0:
                text = f"probe {name} sees nothing: no layer that the model calls ends in what it looks at"
                self._emit("warning", {"text": text})
