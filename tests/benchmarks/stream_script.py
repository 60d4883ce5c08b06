"""The input pipeline that people tune by hand: a CSV in shards, `tf.data`, and `model.fit`.

    python stream_script.py --folder DIR --features 64 --batch 1024 --shuffled-lines 131072 --epochs 4 --cache none|file

Lines are read from four shards in parallel, shuffled, batched, and parsed a batch at a time. With `--cache file` the
parsed batches are kept in a file, and their order is shuffled. Prints JSON: seconds of each epoch, and the accuracy.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

CLASSES = 3
SHUFFLED_BATCHES = 128
STEPS_PER_EXECUTION = 32
AUTOTUNE = tf.data.AUTOTUNE


class Clock(keras.callbacks.Callback):
    """Seconds of each epoch, validation included."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Note the time."""
        self._began = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Note how long it was."""
        self.seconds.append(time.perf_counter() - self._began)


def main() -> None:
    """Train, and print what came of it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--features", type=int, required=True)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--shuffled-lines", type=int, required=True)
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--cache", default="none")
    arguments = parser.parse_args()
    keras.utils.set_random_seed(0)
    width = arguments.features
    train, validation = batches("train", arguments), batches("validation", arguments)
    layers = [keras.Input((width,)), keras.layers.Dense(64, activation="relu")]
    model = keras.Sequential([*layers, keras.layers.Dense(CLASSES, activation="softmax")])
    model.compile(
        "adam", "sparse_categorical_crossentropy", metrics=["accuracy"], steps_per_execution=STEPS_PER_EXECUTION
    )
    clock = Clock()
    history = model.fit(train, epochs=arguments.epochs, validation_data=validation, callbacks=[clock], verbose=0)
    accuracy = history.history["val_accuracy"][-1]
    print(json.dumps({"seconds": clock.seconds, "val_accuracy": accuracy}))  # noqa: T201 - the answer


def batches(part: str, arguments: argparse.Namespace) -> tf.data.Dataset:
    """The batches of a part, in another order each epoch where it is the training's."""
    folder, width, cache = arguments.folder, arguments.features, arguments.cache
    shards = sorted(map(str, folder.glob(f"{part}-*.csv")))
    lines = tf.data.Dataset.from_tensor_slices(shards).interleave(
        tf.data.TextLineDataset, cycle_length=len(shards), num_parallel_calls=AUTOTUNE
    )
    shuffles = part == "train"
    if shuffles and cache == "none":
        lines = lines.shuffle(arguments.shuffled_lines)
    parsed = lines.batch(arguments.batch).map(lambda text: parse(text, width), num_parallel_calls=AUTOTUNE)
    if cache == "file":
        parsed = parsed.cache(str(folder / f"{part}.cache"))
        parsed = parsed.shuffle(SHUFFLED_BATCHES) if shuffles else parsed
    return parsed.prefetch(AUTOTUNE)


def parse(lines: Any, width: int) -> tuple[Any, Any]:
    """Samples and labels of a batch of lines."""
    *columns, label = tf.io.decode_csv(lines, [0.0] * width + [0])
    return tf.stack(columns, axis=1), label


if __name__ == "__main__":
    main()
