"""One tracked run of a small MLP, start to finish, against the script that people write."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from tests.benchmarks.timing import Bench, Sides, interleaved, report, spent

__all__ = ["EPOCHS", "SCRIPT", "dlrun_words", "measure"]

EPOCHS = 30
SCRIPT = str(Path(__file__).with_name("keras_script.py"))
_PLAIN, _AUTOLOG = "model.fit", "model.fit + autolog"
_LEAST_ACCURACY, _MOST_APART = 0.93, 0.04


def dlrun_words(*words: str, epochs: int = EPOCHS) -> list[str]:
    """The words of a dlrun that trains what the script trains."""
    flag = ["-m"] if any("," in word for word in words) else []
    return ["-m", "dlrun", *flag, "data=digits", "model=mlp", "callback=[]", f"trainer.epochs={epochs}", *words]


def measure(bench: Bench) -> None:
    """Print the table."""
    _assert_equal(bench)
    store = bench.place("one_run")  # dlrun's and the scripts' stores are there already when time is taken
    own, theirs = store / "dlrun", store / "script"

    def script(tracking: str, seed: int) -> float:
        theirs.mkdir(exist_ok=True)
        words = [SCRIPT, "--epochs", str(EPOCHS), "--first-seed", str(seed), "--tracking", tracking]
        return spent(words, theirs)[0]

    def dlrun(seed: int, *words: str, directory: Path = own) -> float:
        directory.mkdir(exist_ok=True)
        return spent(dlrun_words(f"seed={seed}", *words), directory)[0]  # a seed of its own: else nothing is run

    script("log_metric", 0)
    dlrun(1000)
    sides: Sides = {
        _PLAIN: lambda i: script("none", i),
        "dlrun": lambda i: dlrun(i),
        "dlrun, tracking=none": lambda i: dlrun(100 + i, "tracking=none"),
        "dlrun, no store yet": lambda i: dlrun(i, directory=store / f"fresh-{i}"),
        "model.fit + log_metric": lambda i: script("log_metric", i),
        _AUTOLOG: lambda i: script("autolog", i),
        "model.fit + autolog and its model": lambda i: script("autolog_model", i),
    }
    title = f"One run, MLP 64-64 on digits, {EPOCHS} epochs, from start to finish"
    report(title, interleaved(sides, bench.repeats), [_PLAIN, _AUTOLOG])
    click.echo("  autolog is mlflow.keras.autolog(log_models=False); mlflow.tensorflow.autolog() needs tensorboard.")


def _assert_equal(bench: Bench) -> None:
    """Both train the same network on as many rows, and both learn: orders and starting weights are each one's own."""
    place = bench.place("equal")
    spent(dlrun_words("tracking=none"), place)
    (result,) = place.glob("runs/*/result.json")
    own: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
    (theirs,) = json.loads(spent([SCRIPT, "--epochs", str(EPOCHS)], place)[1].splitlines()[-1])
    for name in ("parameters", "samples"):
        assert own[name] == theirs[name], (own[name], theirs[name])
    accuracies = own["metrics"]["test_accuracy"], theirs["test_accuracy"]
    assert min(accuracies) > _LEAST_ACCURACY and abs(accuracies[0] - accuracies[1]) < _MOST_APART, accuracies
    click.echo(
        f"\nSame network, {own['parameters']} weights; test accuracy {accuracies[0]:.3f} and {accuracies[1]:.3f}"
    )
