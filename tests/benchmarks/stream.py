"""Training from a CSV file that stays on the disk, against a hand-tuned `tf.data` script: an epoch, warm."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import median
from typing import Any

import click
import numpy as np

from tests.benchmarks.timing import Bench, interleaved, report, spent

__all__ = ["measure", "write_csv"]

SCRIPT = str(Path(__file__).with_name("stream_script.py"))
_ROWS, _FEATURES, _EPOCHS = 480_000, 64, 4
_SHARES = {"train": 0.64, "validation": 0.16}  # of the rows, as split=holdout leaves them
_SHARDS = 4
_BATCH, _SHUFFLED_LINES = 1024, 131_072
_LEAST_ACCURACY = 0.9
_DIFFERENT = 20_000  # rows; they repeat, so that the file is written fast


def write_csv(path: Path, rows: int, features: int = _FEATURES, header: bool = True) -> None:
    """A CSV of numbers with a label of three classes that follows from them."""
    random = np.random.default_rng(0)
    x = random.normal(size=(_DIFFERENT, features))
    label = np.digitize(x @ random.normal(size=features), [-5, 5])
    lines = [",".join(f"{v:.6f}" for v in row) + f",{each}\n" for row, each in zip(x, label, strict=True)]
    with path.open("w", encoding="ascii") as file:
        if header:
            file.write(",".join([*(f"x{place}" for place in range(features)), "y"]) + "\n")
        for first in range(0, rows, _DIFFERENT):
            file.writelines(lines[: rows - first])


def measure(bench: Bench) -> None:
    """Print the table."""
    place = bench.place("stream")
    write_csv(place / "data.csv", _ROWS)
    for part, share in _SHARES.items():
        for shard in range(_SHARDS):
            write_csv(place / f"{part}-{shard}.csv", int(_ROWS * share / _SHARDS), header=False)

    def dlrun(window: str, repetition: int) -> float:
        words = ["data=csv", "data.path=data.csv", "data.stream=true", f"trainer.shuffle_window={window}"]
        words += ["model=mlp", "model.hidden=[64]", f"trainer.batch_size={_BATCH}", f"trainer.epochs={_EPOCHS}"]
        words += ["callback=[]", "tracking=none", f"seed={repetition}"]
        spent(["-m", "dlrun", *words], place)
        return _epoch(_newest(place))

    def script(cache: str) -> float:
        for old in place.glob("*.cache*"):
            old.unlink()
        words = [SCRIPT, "--folder", str(place), "--features", str(_FEATURES), "--epochs", str(_EPOCHS)]
        words += ["--batch", str(_BATCH), "--shuffled-lines", str(_SHUFFLED_LINES)]
        return _epoch(json.loads(spent([*words, "--cache", cache], place)[1].splitlines()[-1]))

    window = str(_SHUFFLED_LINES)
    sides = {
        "tf.data, decode_csv": lambda _: script("none"),
        "tf.data, .cache(file)": lambda _: script("file"),
        f"dlrun, shuffle_window={window}": lambda i: dlrun(window, i),
        "dlrun, all rows shuffled": lambda i: dlrun("null", i),
    }
    seconds = interleaved(sides, bench.repeats)
    title = f"An epoch of {int(_ROWS * _SHARES['train']):,} rows of {_FEATURES} numbers from a CSV, the first one aside"
    report(title, seconds, list(sides)[:2])
    click.echo("  the scripts shuffle 131,072 lines, and 128 whole batches of their cache; dlrun shuffles rows")


def _newest(place: Path) -> dict[str, Any]:
    journal = max(place.glob("runs/*/journal.jsonl"), key=lambda path: path.stat().st_mtime)
    epochs = [each for each in map(json.loads, journal.read_text().splitlines()) if each["event"] == "epoch"]
    return {"seconds": [each["seconds"] for each in epochs], "val_accuracy": epochs[-1]["metrics"]["val_accuracy"]}


def _epoch(found: dict[str, Any]) -> float:
    """Seconds of an epoch after the first, which traces, parses and fills the cache; every side must have learned."""
    assert found["val_accuracy"] > _LEAST_ACCURACY, found
    return median(found["seconds"][1:])
