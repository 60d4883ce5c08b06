"""The script's trainings by KerasTuner: its grid search over the same points, with its own records and no MLflow.

python tuner_script.py '{"rate": [0.001, 0.01], "dropout": [0.0, 0.3], "seed": [0, 1]}' EPOCHS
"""

from __future__ import annotations

import json
import sys
from typing import Any

import keras
import keras_tuner
from keras_script import BATCH, compiled, data, note, outcome


class Training(keras_tuner.HyperModel):
    """How KerasTuner builds and fits a trial."""

    def __init__(self, grid: dict[str, list[float]], parts: dict[str, tuple[Any, Any]]) -> None:
        super().__init__()
        self._grid = grid
        self._parts = parts

    def build(self, hp: Any) -> keras.Model:
        """The model of a trial."""
        chosen = {name: hp.Choice(name, values, ordered=False) for name, values in self._grid.items()}
        keras.utils.set_random_seed(int(chosen["seed"]))
        return compiled("mlp", chosen["rate"], chosen["dropout"])

    def fit(self, hp: Any, model: keras.Model, *arguments: Any, **options: Any) -> Any:
        """Train it, and evaluate it on the test part as the other scripts do."""
        history = model.fit(*arguments, **options)
        note(outcome(model, self._parts) | {"settings": [hp.get(name) for name in ("rate", "dropout", "seed")]})
        return history


def main(grid: str, epochs: str) -> None:
    """Try every point."""
    parts = data()
    hypermodel = Training(json.loads(grid), parts)
    tuner = keras_tuner.GridSearch(hypermodel, objective="val_accuracy", directory="tuner", overwrite=True)
    x, y = parts["train"]
    options = {"batch_size": BATCH, "epochs": int(epochs), "validation_data": parts["validation"]}
    tuner.search(x, y, verbose=0, **options)


if __name__ == "__main__":
    main(*sys.argv[1:])
