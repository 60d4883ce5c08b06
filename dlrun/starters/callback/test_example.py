"""What the callback must do; run with pytest."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # the project, where dlrun looks for it too

import keras

from dlrun.starters.callback.example import Example


def epochs_until_it_stops(callback: Example, validation_losses: list[float]) -> int | None:
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.stop_training = False
    callback.set_model(model)
    callback.on_train_begin()
    for epoch, loss in enumerate(validation_losses):
        callback.on_epoch_end(epoch, {"loss": 1.0, "val_loss": loss})
        if model.stop_training:
            return epoch + 1
    return None


def test_it_stops_after_epochs_in_a_row() -> None:
    assert epochs_until_it_stops(Example(ratio=1.5, patience=2), [1.0, 2.0, 2.0, 2.0]) == 3


def test_a_good_epoch_between_them_starts_anew() -> None:
    assert epochs_until_it_stops(Example(ratio=1.5, patience=2), [2.0, 1.0, 2.0, 1.0]) is None


def test_without_a_validation_part_it_does_nothing() -> None:
    callback = Example(patience=1)
    callback.on_epoch_end(0, {"loss": 1.0})
    assert callback.wait == 0
