"""The input pipeline that people tune by hand: a folder of images, `tf.data`, and `model.fit`.

    python images_script.py --folder DIR --size 64 --batch 128 --shuffled 4096 --epochs 3 --cache none|file ...

File names are shuffled, files read and decoded in parallel, batched. With `--cache file` the decoded images are kept in
a file, and shuffled in a buffer. Prints JSON: seconds of each epoch, and the accuracy.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

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
    for name in ("size", "batch", "shuffled", "epochs"):
        parser.add_argument(f"--{name}", type=int, required=True)
    for name in ("train", "validation"):
        parser.add_argument(f"--{name}", type=float, required=True)
    parser.add_argument("--cache", default="none")
    arguments = parser.parse_args()
    keras.utils.set_random_seed(0)
    files = sorted(arguments.folder.glob("*/*.jpg"))
    random.Random(0).shuffle(files)
    cut, behind = (int(len(files) * share) for share in (arguments.train, arguments.train + arguments.validation))
    train, validation = batches(files[:cut], "train", arguments), batches(files[cut:behind], "validation", arguments)
    size = arguments.size
    layers = [keras.Input((size, size, 3)), keras.layers.Rescaling(1 / 255)]
    layers += [keras.layers.Conv2D(8, 3, padding="same", activation="relu"), keras.layers.MaxPooling2D()]
    layers += [keras.layers.Flatten(), keras.layers.Dense(16, activation="relu")]
    model = keras.Sequential([*layers, keras.layers.Dense(1, activation="sigmoid")])
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"], steps_per_execution=STEPS_PER_EXECUTION)
    clock = Clock()
    history = model.fit(train, epochs=arguments.epochs, validation_data=validation, callbacks=[clock], verbose=0)
    accuracy = history.history["val_accuracy"][-1]
    print(json.dumps({"seconds": clock.seconds, "val_accuracy": accuracy}))  # noqa: T201 - the answer


def batches(files: list[Path], part: str, arguments: argparse.Namespace) -> tf.data.Dataset:
    """The batches of a part, in another order each epoch where it is the training's."""
    names, labels = [str(path) for path in files], [float(path.parent.name == "stripes") for path in files]
    samples = tf.data.Dataset.from_tensor_slices((names, labels))
    shuffles, keeps = part == "train", arguments.cache == "file"
    if shuffles and not keeps:
        samples = samples.shuffle(len(files))
    samples = samples.map(lambda name, label: (decoded(name, arguments.size), label), num_parallel_calls=AUTOTUNE)
    if keeps:
        samples = samples.cache(str(arguments.folder.parent / f"{part}.cache"))
        samples = samples.shuffle(arguments.shuffled) if shuffles else samples
    floats = samples.batch(arguments.batch).map(lambda x, y: (tf.cast(x, tf.float32), y[:, tf.newaxis]), AUTOTUNE)
    return floats.prefetch(AUTOTUNE)


def decoded(name: Any, size: int) -> Any:
    """The bytes of an image."""
    image = tf.io.decode_jpeg(tf.io.read_file(name), channels=3)
    image.set_shape((size, size, 3))
    return image


if __name__ == "__main__":
    main()
