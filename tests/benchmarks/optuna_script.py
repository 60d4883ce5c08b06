"""The script's trainings in an Optuna study over the same grid, each built, fitted and logged to MLflow anew.

python optuna_script.py '{"rate": [0.001, 0.01], "dropout": [0.0, 0.3], "seed": [0, 1]}' EPOCHS
"""

from __future__ import annotations

import json
import sys

import optuna
from keras_script import note, set_up_mlflow, train


def main(grid: str, epochs: str) -> None:
    """Try every point."""
    points: dict[str, list[float]] = json.loads(grid)
    set_up_mlflow("log_metric")

    def objective(trial: optuna.Trial) -> float:
        chosen = {name: trial.suggest_categorical(name, values) for name, values in points.items()}
        found = train(int(chosen["seed"]), int(epochs), "log_metric", chosen["rate"], chosen["dropout"])
        note(found)
        return float(found["test_accuracy"])

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    optuna.create_study(direction="maximize", sampler=optuna.samplers.GridSampler(points)).optimize(objective)


if __name__ == "__main__":
    main(*sys.argv[1:])
