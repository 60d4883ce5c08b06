"""Training from a folder of images that stays on the disk, against a hand-tuned `tf.data` script: an epoch, warm."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import median
from typing import Any

import click
import numpy as np
from PIL import Image

from tests.benchmarks.timing import Bench, interleaved, report, spent

__all__ = ["measure", "write_images"]

SCRIPT = str(Path(__file__).with_name("images_script.py"))
_IMAGES, _FEW, _SIZE, _EPOCHS = 50_000, 4_000, 64, 3
_BATCH, _SHUFFLED = 128, 4096
_CLASSES = ("discs", "stripes")
_DIFFERENT = 500  # images of a class; they repeat, so that the folder is written fast
_TRAIN, _VALIDATION = 0.64, 0.16  # of the images, as split=holdout leaves them
_LEAST_ACCURACY = 0.9


def write_images(folder: Path, images: int, size: int = _SIZE) -> None:
    """A folder of images of two classes: a disc or stripes, in noise."""
    random = np.random.default_rng(0)
    y, x = np.mgrid[:size, :size]
    for name in _CLASSES:
        (folder / name).mkdir(parents=True, exist_ok=True)
        contents = []
        for _ in range(min(_DIFFERENT, images // 2)):
            shift = random.integers(-size // 4, size // 4, 2)
            disc = (y - size / 2 - shift[0]) ** 2 + (x - size / 2 - shift[1]) ** 2 < (size / 5) ** 2
            lit = disc if name == "discs" else (y + shift[0]) // 6 % 2 == 0
            pixels = random.integers(0, 150, (size, size, 3)) + 100 * lit[:, :, np.newaxis]
            path = folder / "made.jpg"
            Image.fromarray(pixels.astype(np.uint8)).save(path, quality=90)
            contents.append(path.read_bytes())
            path.unlink()
        for number in range(images // 2):
            (folder / name / f"{number:06}.jpg").write_bytes(contents[number % len(contents)])


def measure(bench: Bench) -> None:
    """Print the table."""
    place, images = bench.place("images"), _FEW if bench.small else _IMAGES
    write_images(place / "photos", images)

    def dlrun(window: str, repetition: int) -> float:
        words = ["data=images", "data.path=photos", "data.stream=true", f"trainer.shuffle_window={window}"]
        words += ["model=cnn", "model.filters=[8]", "model.hidden=[16]", "model.dropout=0", f"name=window{window}"]
        words += [f"trainer.batch_size={_BATCH}", f"trainer.epochs={_EPOCHS}", "callback=[]", "preflight=none"]
        spent(["-m", "dlrun", *words, "tracking=none", f"seed={repetition}"], place)
        return _epoch(_newest(place))

    def script(cache: str) -> float:
        for old in place.glob("*.cache*"):
            old.unlink()
        words = [SCRIPT, "--folder", str(place / "photos"), "--epochs", str(_EPOCHS), "--batch", str(_BATCH)]
        words += ["--size", str(_SIZE), "--shuffled", str(_SHUFFLED), "--cache", cache]
        words += ["--train", str(_TRAIN), "--validation", str(_VALIDATION)]
        return _epoch(json.loads(spent(words, place)[1].splitlines()[-1]))

    sides = {
        "tf.data, decode_jpeg": lambda _: script("none"),
        "tf.data, .cache(file)": lambda _: script("file"),
        f"dlrun, shuffle_window={_SHUFFLED}": lambda i: dlrun(str(_SHUFFLED), i),
        "dlrun, all images shuffled": lambda i: dlrun("null", i),
    }
    seconds = interleaved(sides, bench.repeats)
    title = f"An epoch of {int(images * _TRAIN):,} images of {_SIZE} x {_SIZE}, the first one aside"
    report(title, seconds, list(sides)[:2])
    peaks = {each["name"]: each["cost"]["peak_memory_bytes"] / 1e6 for each in _results(place)}
    held = images * _SIZE * _SIZE * 3 * 4 / 1e6
    told = ", ".join(f"{peak:.0f} MB ({name})" for name, peak in peaks.items())
    click.echo(f"  peak memory of dlrun: {told}; the images as float32 are {held:.0f} MB")


def _results(place: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted(place.glob("runs/*/result.json"))]


def _newest(place: Path) -> dict[str, Any]:
    journal = max(place.glob("runs/*/journal.jsonl"), key=lambda path: path.stat().st_mtime)
    epochs = [each for each in map(json.loads, journal.read_text().splitlines()) if each["event"] == "epoch"]
    return {"seconds": [each["seconds"] for each in epochs], "val_accuracy": epochs[-1]["metrics"]["val_accuracy"]}


def _epoch(found: dict[str, Any]) -> float:
    """Seconds of an epoch after the first, which traces and fills the cache; every side must have learned."""
    assert found["val_accuracy"] > _LEAST_ACCURACY, found
    return median(found["seconds"][1:])
