"""24 trials of a small MLP, learning rate x dropout x seed, against a loop that builds and fits a model for each."""

from __future__ import annotations

import json
from pathlib import Path

import click

from tests.benchmarks.one_run import dlrun_words
from tests.benchmarks.timing import Bench, Sides, interleaved, medians, report, spent

__all__ = ["measure"]

SCRIPT = str(Path(__file__).with_name("keras_script.py"))
_EPOCHS = 20
_RATES, _DROPOUTS, _SEEDS = ("0.0005", "0.001", "0.002", "0.004"), ("0.1", "0.3"), 3
_TRIALS = len(_RATES) * len(_DROPOUTS) * _SEEDS
_LOOP, _OURS = "model.fit in a loop", "dlrun -m, tracked"


def measure(bench: Bench) -> None:
    """Print the table of whole commands, and the trials alone: without imports, planning and the store."""
    place = bench.place("sweep")
    spent(dlrun_words("seed=999", epochs=1), place)  # makes the store
    alone: dict[str, list[float]] = {_LOOP: [], _OURS: []}

    def dlrun(repetition: int) -> float:
        first = 100 * repetition
        seeds = ",".join(map(str, range(first, first + _SEEDS)))  # of its own: else nothing is run
        words = [f"optimizer.learning_rate={','.join(_RATES)}", f"model.dropout={','.join(_DROPOUTS)}"]
        seconds, _ = spent(dlrun_words(f"seed={seeds}", *words, epochs=_EPOCHS), place)
        alone[_OURS].append(_from_first_to_last(place))
        return seconds

    def loop(_: int) -> float:
        words = [SCRIPT, "--epochs", str(_EPOCHS), "--seeds", str(_SEEDS)]
        words += ["--rates", ",".join(_RATES), "--dropouts", ",".join(_DROPOUTS)]
        seconds, printed = spent(words, place)
        found = json.loads(printed.splitlines()[-1])
        assert len(found) == _TRIALS, len(found)
        alone[_LOOP].append(sum(each["seconds"] for each in found))
        return seconds

    sides: Sides = {_LOOP: loop, _OURS: dlrun}
    report(f"{_TRIALS} trials, {_EPOCHS} epochs each: whole commands", interleaved(sides, bench.repeats), [_OURS])
    report("The trials alone: from the first one's start to the last one's end", alone, [_OURS])
    click.echo(f"  dlrun: {medians(alone)[_OURS] / _TRIALS:.3f} s a trial")


def _from_first_to_last(place: Path) -> float:
    """Seconds between the beginning of the newest sweep's first run and the end of its last."""
    sweep = max(place.glob("sweeps/*/sweep.json"), key=lambda path: path.stat().st_mtime)
    runs = [run for trial in json.loads(sweep.read_text(encoding="utf-8"))["trials"] for run in trial["runs"]]
    results = [json.loads((place / "runs" / run / "result.json").read_text(encoding="utf-8")) for run in runs]
    assert len(results) == _TRIALS and all(each["status"] == "finished" for each in results)
    return float(max(each["ended"] for each in results) - min(each["started"] for each in results))
