"""The script that people write: an MLP or a CNN on digits with `model.fit`, with or without MLflow.

    python keras_script.py --seeds 1 --epochs 30 --tracking none|log_metric|autolog|autolog_model
    python keras_script.py --seeds 3 --epochs 20 --rates 0.001,0.01 --dropouts 0,0.3 --model cnn

Prints a JSON list, one entry a training: settings, weights, rows, test accuracy and seconds.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import keras
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

PART = 359  # rows to validate on, and rows to test on: a fifth each, rounded as dlrun rounds it
BATCH = 32


def main() -> None:
    """Train once a seed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--tracking", default="none")
    parser.add_argument("--rates", default="0.001")
    parser.add_argument("--dropouts", default="0")
    parser.add_argument("--model", default="mlp", choices=["mlp", "cnn"])
    arguments = parser.parse_args()
    if arguments.tracking != "none":
        set_up_mlflow(arguments.tracking)
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    rates, dropouts = ([float(value) for value in text.split(",")] for text in (arguments.rates, arguments.dropouts))
    settings = itertools.product(rates, dropouts, seeds)
    found = [
        train(seed, arguments.epochs, arguments.tracking, rate, dropout, arguments.model)
        for rate, dropout, seed in settings
    ]
    print(json.dumps(found))  # noqa: T201 - the answer


def train(seed: int, epochs: int, tracking: str, rate: float, dropout: float, kind: str = "mlp") -> dict[str, Any]:
    """One training; what came of it."""
    began = time.perf_counter()
    keras.utils.set_random_seed(seed)
    parts = data()
    model = compiled(kind, rate, dropout)
    with tracked(tracking) as callbacks:
        x, y = parts["train"]
        options = {"batch_size": BATCH, "epochs": epochs, "validation_data": parts["validation"], "verbose": 0}
        model.fit(x, y, callbacks=callbacks, **options)
        found = outcome(model, parts)
    return found | {"settings": [rate, dropout, seed], "seconds": time.perf_counter() - began}


def data() -> dict[str, tuple[Any, Any]]:
    """Images and labels of each part."""
    digits = load_digits()
    images, labels = digits.images[..., None].astype("float32") / 16.0, digits.target
    x, x_test, y, y_test = train_test_split(images, labels, test_size=PART, stratify=labels, random_state=0)
    x_train, x_valid, y_train, y_valid = train_test_split(x, y, test_size=PART, stratify=y, random_state=0)
    return {"train": (x_train, y_train), "validation": (x_valid, y_valid), "test": (x_test, y_test)}


def compiled(kind: str, rate: float, dropout: float) -> keras.Model:
    """The network that `model=mlp` or `model=cnn` of dlrun is, ready to be trained."""
    layers = keras.layers
    hidden: list[keras.Layer] = []
    if kind == "cnn":
        for filters in (32, 64):
            hidden += [layers.Conv2D(filters, 3, padding="same", activation="relu")]
            hidden += [layers.MaxPooling2D(2, padding="same")]
    hidden.append(layers.Flatten())
    for _ in range(2 if kind == "mlp" else 1):
        hidden += [layers.Dense(64, activation="relu"), layers.Dropout(dropout)]
    model = keras.Sequential([keras.Input((8, 8, 1)), *hidden, layers.Dense(10, activation="softmax")])
    model.compile(optimizer=keras.optimizers.Adam(rate), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def outcome(model: keras.Model, parts: dict[str, tuple[Any, Any]]) -> dict[str, Any]:
    """What a training is compared by."""
    _, accuracy = model.evaluate(*parts["test"], verbose=0)
    rows = {name: len(y) for name, (_, y) in parts.items()}
    return {"parameters": model.count_params(), "samples": rows, "test_accuracy": accuracy}


def note(found: dict[str, Any]) -> None:
    """Append it to found.jsonl, for scripts whose own output says something else."""
    with Path("found.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(found) + "\n")


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
