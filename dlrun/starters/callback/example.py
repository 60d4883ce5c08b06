"""A callback of our own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

__all__ = ["Example"]


class Example(keras.callbacks.Callback):
    """Stops when the validation loss is far above the training loss: the model learns by heart.

    Args:
        ratio: how many times the training loss is too far.
        patience: epochs in a row before it stops.

    Attributes:
        wait: epochs in a row so far.
    """

    def __init__(self, ratio: float = 1.5, patience: int = 5) -> None:
        super().__init__()
        self.ratio = ratio
        self.patience = patience
        self.wait = 0

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Count from 0."""
        self.wait = 0

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Compare the two losses; without a validation part there is nothing to compare."""
        losses = logs or {}
        if "val_loss" not in losses:
            return
        self.wait = self.wait + 1 if losses["val_loss"] > self.ratio * losses["loss"] else 0
        if self.wait >= self.patience:
            self.model.stop_training = True
