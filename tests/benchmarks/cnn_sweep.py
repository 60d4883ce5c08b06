"""8 trials of a small CNN on digits, against a loop in one process, and against a process for each trial."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.benchmarks.peers import OURS, Grid, assert_alike, assert_logged, dlrun_sweep, report_alike, script
from tests.benchmarks.timing import Bench, Sides, spent

__all__ = ["measure"]

_LOOP, _UNTRACKED, _PROCESSES = "model.fit in a loop + MLflow", "model.fit in a loop", "a process a trial + MLflow"
_MODEL = ("model=cnn",)


def measure(bench: Bench) -> None:
    """Print the table."""
    grid = Grid((0.001, 0.002), (0.1,), 1, 2) if bench.small else Grid((1e-3, 2e-3), (0.1, 0.3), 2, 10)
    place, own = bench.place("cnn"), list[Mapping[str, Any]]()
    accuracies: dict[str, float] = {}

    def trainings(rates: str, dropouts: str, tracking: str, *seeds: str) -> tuple[float, list[Any]]:
        words = ["--model", "cnn", "--epochs", str(grid.epochs), "--tracking", tracking, *seeds]
        seconds, printed = spent([script("keras"), *words, "--rates", rates, "--dropouts", dropouts], place)
        return seconds, json.loads(printed.splitlines()[-1])

    def loop(name: str, tracking: str) -> float:
        rates, dropouts = (",".join(map(str, values)) for values in (grid.rates, grid.dropouts))
        seconds, found = trainings(rates, dropouts, tracking, "--seeds", str(grid.seeds))
        assert sorted(each["settings"] for each in found) == grid.points()
        accuracies[name] = assert_alike(found, own, bench.small)
        return seconds

    def processes() -> float:
        before = assert_logged(place, 0, grid.epochs)
        points = [
            trainings(str(rate), str(dropout), "log_metric", "--first-seed", str(seed))
            for rate, dropout, seed in grid.points()
        ]
        accuracies[_PROCESSES] = assert_alike([found for _, (found,) in points], own, bench.small)
        assert_logged(place, before + grid.trials, grid.epochs)
        return sum(seconds for seconds, _ in points)

    def ours(repetition: int) -> float:
        return dlrun_sweep(bench.place("cnn-own"), grid, 100 * (repetition + 1), own, *_MODEL)

    spent([script("keras"), "--epochs", "1", "--tracking", "log_metric"], place)  # makes the stores
    spent(["-m", "dlrun", "data=digits", "seed=999", "trainer.epochs=1"], bench.place("cnn-own"))
    sides: Sides = {
        OURS: ours,
        _UNTRACKED: lambda _: loop(_UNTRACKED, "none"),
        _LOOP: lambda _: loop(_LOOP, "log_metric"),
        _PROCESSES: lambda _: processes(),
    }
    report_alike(f"{grid.trials} trials of a small CNN on digits, {grid.epochs} epochs", sides, bench, accuracies)
