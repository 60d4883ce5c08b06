"""The script that people write: an MLP on digits with `model.fit`, with or without MLflow.

    python keras_script.py --seeds 1 --epochs 30 --tracking none|log_metric|autolog|autolog_model
    python keras_script.py --seeds 3 --epochs 20 --rates 0.001,0.01 --dropouts 0,0.3

Prints a JSON list, one entry a training: weights, rows, test accuracy and seconds.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from contextlib import nullcontext
from typing import Any

import keras
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

PART = 359  # rows to validate on, and rows to test on: a fifth each, rounded as dlrun rounds it


def main() -> None:
    """Train once a seed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--tracking", default="none")
    parser.add_argument("--rates", default="0.001")
    parser.add_argument("--dropouts", default="0")
    arguments = parser.parse_args()
    if arguments.tracking != "none":
        set_up_mlflow(arguments.tracking)
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    rates, dropouts = ([float(value) for value in text.split(",")] for text in (arguments.rates, arguments.dropouts))
    settings = itertools.product(rates, dropouts, seeds)
    found = [train(seed, arguments.epochs, arguments.tracking, rate, dropout) for rate, dropout, seed in settings]
    print(json.dumps(found))  # noqa: T201 - the answer


def train(seed: int, epochs: int, tracking: str, rate: float, dropout: float) -> dict[str, Any]:
    """One training; what came of it."""
    began = time.perf_counter()
    keras.utils.set_random_seed(seed)
    digits = load_digits()
    images, labels = digits.images[..., None].astype("float32") / 16.0, digits.target
    x, x_test, y, y_test = train_test_split(images, labels, test_size=PART, stratify=labels, random_state=0)
    x_train, x_valid, y_train, y_valid = train_test_split(x, y, test_size=PART, stratify=y, random_state=0)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Flatten(),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dropout(dropout),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dropout(dropout),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(optimizer=keras.optimizers.Adam(rate), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    with tracked(tracking) as callbacks:
        model.fit(
            x_train,
            y_train,
            batch_size=32,
            epochs=epochs,
            validation_data=(x_valid, y_valid),
            callbacks=callbacks,
            verbose=0,
        )
        _, accuracy = model.evaluate(x_test, y_test, verbose=0)
    rows = {"train": len(x_train), "validation": len(x_valid), "test": len(x_test)}
    seconds = time.perf_counter() - began
    return {"parameters": model.count_params(), "samples": rows, "test_accuracy": accuracy, "seconds": seconds}


def set_up_mlflow(tracking: str) -> None:
    """Log to a store beside the script's working directory, as dlrun does."""
    import mlflow

    mlflow.set_tracking_uri("sqlite:///mlflow.db")
    mlflow.set_experiment("benchmark")
    if tracking.startswith("autolog"):
        # mlflow.tensorflow.autolog() needs tensorboard, which TensorFlow does not bring; Keras 3's own does not.
        mlflow.keras.autolog(log_models=tracking == "autolog_model", silent=True)


def tracked(tracking: str) -> Any:
    """A context that gives the callbacks to train with."""
    if tracking != "log_metric":
        return nullcontext([])
    import mlflow

    class LogMetrics(keras.callbacks.Callback):
        """One call a metric an epoch."""

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            for name, value in (logs or {}).items():
                mlflow.log_metric(name, value, step=epoch)

    class Run:
        """An MLflow run that hands out the callback."""

        def __enter__(self) -> list[keras.callbacks.Callback]:
            mlflow.start_run()
            return [LogMetrics()]

        def __exit__(self, *_: object) -> None:
            mlflow.end_run()

    return Run()


if __name__ == "__main__":
    main()
