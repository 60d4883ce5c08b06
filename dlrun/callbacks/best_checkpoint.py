"""Keep the best epoch's weights in a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np

__all__ = ["BestCheckpoint"]

_SUFFIX = ".weights.h5"


class BestCheckpoint(keras.callbacks.ModelCheckpoint):
    """Writes the weights at every improvement, and gives the model the best ones back when training ends.

    `keras.callbacks.ModelCheckpoint` writes them and leaves the model with the last epoch's.

    Args:
        filepath: the file, ending in `.weights.h5`.
        monitor: the quantity that says which epoch is best.
        mode: `min`, `max`, or `auto` for what Keras knows of the quantity.

    Attributes:
        path: the file.
        best_epoch: the best epoch so far, from 0; None before the first one.
    """

    def __init__(self, filepath: str, monitor: str = "val_loss", mode: str = "auto") -> None:
        self.path = filepath
        aside = filepath.removesuffix(_SUFFIX) + f".writing{_SUFFIX}"
        super().__init__(aside, monitor, save_best_only=True, save_weights_only=True, mode=mode)
        self.best_epoch: int | None = None

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Write the weights if the epoch is the best so far, and they are numbers: whole or not at all."""
        if not all(np.isfinite(weight).all() for weight in self.model.get_weights()):
            return
        before = self.best
        super().on_epoch_end(epoch, logs)
        if self.best is not before:
            Path(self.filepath).replace(self.path)
            self.best_epoch = epoch

    def on_train_end(self, logs: Mapping[str, Any] | None = None) -> None:
        """Go back to the best weights."""
        if self.best_epoch is not None:
            self.model.load_weights(self.path)
