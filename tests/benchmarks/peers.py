"""32 trials of an MLP on digits, learning rate x dropout x seed, against four tools that people sweep with."""

from __future__ import annotations

import itertools
import json
import sqlite3
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.machinery import PathFinder
from pathlib import Path
from statistics import mean
from typing import Any

import click

from tests.benchmarks.timing import THREADS, Bench, Sides, interleaved, report, spent

__all__ = ["OURS", "Grid", "assert_alike", "assert_logged", "dlrun_sweep", "measure", "script"]

OURS = "dlrun -m"
PEERS = Path(__file__).resolve().parents[2] / ".peers"
_BASIC, _JOBLIB = "Hydra basic + MLflow", "joblib, two jobs + MLflow"
_TUNER, _OPTUNA = "KerasTuner, no MLflow", "Optuna + MLflow"
_LEAST_ACCURACY, _MOST_APART = 0.93, 0.03  # the test parts are not the same 359 rows
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}


@dataclass(frozen=True)
class Grid:
    """What is swept, and for how long each trial trains."""

    rates: Sequence[float]
    dropouts: Sequence[float]
    seeds: int
    epochs: int

    @property
    def trials(self) -> int:
        """How many there are."""
        return len(self.rates) * len(self.dropouts) * self.seeds

    def points(self) -> list[list[float]]:
        """Every setting, sorted."""
        return sorted(map(list, itertools.product(self.rates, self.dropouts, range(self.seeds))))

    def lists(self) -> dict[str, list[float]]:
        """The values of each key."""
        return {"rate": list(self.rates), "dropout": list(self.dropouts), "seed": list(range(self.seeds))}


def measure(bench: Bench) -> None:
    """Print the table; a peer that is not installed is left out, and said to be."""
    grid = Grid((5e-4, 1e-3, 2e-3, 4e-3), (0.0, 0.1, 0.2, 0.3), 2, 20)
    if bench.small:
        grid = Grid((0.001, 0.002), (0.1,), 1, 2)
    values = {key: ",".join(map(str, values)) for key, values in grid.lists().items()}
    hydra = ["-m", *(f"{key}={text}" for key, text in values.items()), f"epochs={grid.epochs}"]
    joblib = [*hydra, "hydra/launcher=joblib", f"hydra.launcher.n_jobs={THREADS}"]
    searched = [json.dumps(grid.lists()), str(grid.epochs)]

    def peer(name: str, *words: str, **variables: str) -> float:
        place = bench.place(name)
        (place / "found.jsonl").unlink(missing_ok=True)
        seconds, _ = spent(words, place, 0, PYTHONPATH=str(PEERS), **variables)
        found = [json.loads(line) for line in (place / "found.jsonl").read_text(encoding="utf-8").splitlines()]
        assert sorted(each["settings"] for each in found) == grid.points(), found
        accuracies[name] = assert_alike(found, own, bench.small)
        return seconds

    def logged(name: str, *words: str, **variables: str) -> float:
        place = bench.place(name)
        before = assert_logged(place, 0, grid.epochs)
        seconds = peer(name, *words, **variables)
        assert_logged(place, before + grid.trials, grid.epochs)
        return seconds

    def ours(repetition: int) -> float:
        return dlrun_sweep(bench.place(OURS), grid, 100 * (repetition + 1), own)

    own: list[Mapping[str, Any]] = []
    accuracies: dict[str, float] = {}
    sides: dict[str, Any] = {
        OURS: ours,
        _BASIC: lambda _: logged(_BASIC, script("hydra"), *hydra),
        _JOBLIB: lambda _: logged(_JOBLIB, script("hydra"), *joblib, **_ONE_THREAD),
        _TUNER: lambda _: peer(_TUNER, script("tuner"), *searched),
        _OPTUNA: lambda _: logged(_OPTUNA, script("optuna"), *searched),
    }
    needed = {_JOBLIB: "hydra_plugins.hydra_joblib_launcher", _TUNER: "keras_tuner", _OPTUNA: "optuna"}
    for name, module in needed.items():
        if not _is_installed(module):
            click.echo(f"\n{name}: left out, because {module} is not installed (make peers)")
            del sides[name]
    for name in {_BASIC, _JOBLIB, _OPTUNA} & set(sides):  # stores are there already when time is taken
        spent([script("keras"), "--epochs", "1", "--tracking", "log_metric"], bench.place(name))
    spent(["-m", "dlrun", "data=digits", "seed=999", "trainer.epochs=1"], bench.place(OURS))
    report_alike(f"{grid.trials} trials of an MLP 64-64 on digits, {grid.epochs} epochs", sides, bench, accuracies)


def report_alike(title: str, sides: Sides, bench: Bench, accuracies: Mapping[str, float]) -> None:
    """Take the times, and print them and what the results have in common."""
    seconds = interleaved(sides, bench.repeats)
    told = ", ".join(f"{name} {value:.3f}" for name, value in accuracies.items())
    click.echo(f"\nSame networks, rows, points and epochs; mean test accuracy of dlrun less that of the peer: {told}")
    report(f"{title}: whole commands, validation every epoch", seconds, [OURS])


def script(name: str) -> str:
    """The path of a peer's script."""
    return str(Path(__file__).with_name(f"{name}_script.py"))


def dlrun_sweep(place: Path, grid: Grid, first_seed: int, own: list[Mapping[str, Any]], *words: str) -> float:
    """Seconds of the sweep by dlrun, with seeds of its own, or nothing would be run; its results go into `own`."""
    seeds = ",".join(str(first_seed + seed) for seed in range(grid.seeds))
    lists = [f"optimizer.learning_rate={','.join(map(str, grid.rates))}", f"seed={seeds}"]
    lists.append(f"model.dropout={','.join(map(str, grid.dropouts))}")
    fixed = ["data=digits", "callback=[]", f"trainer.epochs={grid.epochs}"]
    seconds, _ = spent(["-m", "dlrun", "-m", *fixed, *lists, *words], place)
    newest = max(place.glob("sweeps/*/sweep.json"), key=lambda path: path.stat().st_mtime)
    runs = [run for trial in json.loads(newest.read_text(encoding="utf-8"))["trials"] for run in trial["runs"]]
    results = [json.loads((place / "runs" / run / "result.json").read_text(encoding="utf-8")) for run in runs]
    assert len(results) == grid.trials and all(each["status"] == "finished" for each in results)
    own[:] = [each | {"test_accuracy": each["metrics"]["test_accuracy"]} for each in results]
    return seconds


def assert_alike(found: Sequence[Mapping[str, Any]], own: Sequence[Mapping[str, Any]], small: bool = False) -> float:
    """Both trained the same network on as many rows, and learnt as much; says how far the mean accuracies are apart."""
    for name in ("parameters", "samples"):
        assert all(each[name] == own[0][name] for each in (*found, *own)), (found[0][name], own[0][name])
    theirs, ours = (mean(each["test_accuracy"] for each in side) for side in (found, own))
    assert small or (min(theirs, ours) > _LEAST_ACCURACY and abs(ours - theirs) < _MOST_APART), (ours, theirs)
    return ours - theirs


def assert_logged(place: Path, runs: int, epochs: int) -> int:
    """The store has so many finished runs, with a value of `val_loss` for each epoch; says how many it has."""
    with sqlite3.connect(f"file:{place / 'mlflow.db'}?mode=ro", uri=True) as store:
        query = (
            "select count(*) from metrics m join runs r on r.run_uuid = m.run_uuid"
            " where m.key = 'val_loss' and r.status = 'FINISHED' group by m.run_uuid"
        )
        counted = [count for (count,) in store.execute(query)].count(epochs)
    assert counted >= runs, (counted, runs)
    return counted


def _is_installed(module: str) -> bool:
    top, _, inner = module.partition(".")
    found = PathFinder.find_spec(top, [*sys.path, str(PEERS)])
    if found is None or not inner:
        return found is not None
    return PathFinder.find_spec(module, list(found.submodule_search_locations or ())) is not None
