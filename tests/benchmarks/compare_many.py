"""Ten thousand runs answered: `dlrun compare` from the index against `mlflow.search_runs` of the same runs.

Both sides in this process, imports done and the index warm. MLflow gives a table of the runs; ours also groups them
into trials, ranks these and compares each with the best.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any

import click

from tests.benchmarks.timing import Bench

_RATES = [10 ** (-4 + step / 10) for step in range(20)]
_DROPOUTS = [step / 20 for step in range(10)]
_UNITS = [8 * step for step in range(1, 11)]
_SEEDS = range(5)
_BEGIN = 1_767_225_600.0  # seconds since 1970
_NAMES = ("loss", "accuracy", "val_loss", "val_accuracy")


@dataclass(frozen=True)
class _Run:
    """One of the runs: what varies in it, and what came of it."""

    id: str
    settings: dict[str, Any]
    metrics: dict[str, float]


def measure(bench: Bench) -> None:
    """Print how long the leaderboard of 10,000 runs takes, and how long their table takes MLflow."""
    from dlrun.analysis.index import INDEX

    work = bench.folder / "compare"
    runs = list(_runs(bench.small))
    _write_directories(work, runs)
    began = time.perf_counter()
    _compared(work)
    click.echo(f"\ncompare: {len(runs):,} runs, read and indexed in {time.perf_counter() - began:.1f} s")
    store = _write_store(work, runs)
    _check_equal(runs, _compared(work), _searched(store))
    sides: dict[str, Callable[[], object]] = {
        "dlrun compare runs --top 20 --json": lambda: _compared(work, "--top", "20"),
        "dlrun compare runs --json": lambda: _compared(work),
        "mlflow.search_runs": lambda: _searched(store),
    }
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(bench.repeats):
        for name, side in sides.items():
            began = time.perf_counter()
            side()
            seconds[name].append(time.perf_counter() - began)
    slow = median(seconds["mlflow.search_runs"])
    for name, taken in seconds.items():
        click.echo(f"  {name:36} {median(taken):6.2f} s   {slow / median(taken):5.1f}x")
    click.echo(f"  the index takes {(work / 'runs' / INDEX).stat().st_size / 1e6:.1f} MB")


def _runs(small: bool) -> Iterator[_Run]:
    """A grid of 2,000 settings, five seeds each; values that look like accuracies, without chance."""
    grid = list(product(_RATES, _DROPOUTS, _UNITS, _SEEDS))
    for number, (rate, dropout, units, seed) in enumerate(grid[:: 20 if small else 1]):
        accuracy = 0.9 - abs(rate - 1e-3) - dropout / 20 + units / 2000 + (number * 7919 % 1000) / 20_000
        metrics = {
            f"{prefix}{name}": (accuracy if name.endswith("accuracy") else 1 - accuracy) + place / 100
            for place, prefix in enumerate(("", "best_", "restored_"))
            for name in _NAMES
        } | {"test_accuracy": accuracy, "test_loss": 1 - accuracy}
        settings = {"optimizer.learning_rate": rate, "model.dropout": dropout, "model.hidden": [units], "seed": seed}
        yield _Run(f"{number:016x}", settings, metrics)


def _write_directories(work: Path, runs: list[_Run]) -> None:
    from tests.analysis.synthetic import spec_with

    for number, run in enumerate(runs):
        folder = work / "runs" / run.id
        folder.mkdir(parents=True)
        started = _BEGIN + number
        first = {"seq": 0, "time": started, "event": "start", "name": run.id, "crc": "00000000"}
        (folder / "spec.json").write_text(json.dumps(spec_with(run.settings), indent=2))
        (folder / "journal.jsonl").write_text(json.dumps(first) + "\n")
        (folder / "result.json").write_text(json.dumps(_result(run, started), indent=2))


def _result(run: _Run, started: float) -> dict[str, Any]:
    return {
        "id": run.id,
        "name": " ".join(f"{key}={value}" for key, value in run.settings.items()),
        "status": "finished",
        "task": "multiclass",
        "metrics": run.metrics,
        "best_epoch": 18,
        "kept_epoch": 18,
        "epochs_run": 20,
        "monitor": "val_loss",
        "parameters": 9000,
        "samples": {"train": 1077, "validation": 360, "test": 360},
        "durations": {"data_seconds": 0.01, "train_seconds": 1.0, "total_seconds": 1.0 + len(run.metrics) / 100},
        "fast_dev_run": False,
        "engine": {"name": "fused", "why": "all data is held in memory"},
        "cause": None,
        "started": started,
    }


def _compared(work: Path, *words: str) -> list[dict[str, Any]]:
    """What `dlrun compare runs --json` prints, as it is printed in this process."""
    from click.testing import CliRunner

    from dlrun.cli import compare

    found = CliRunner().invoke(compare.command, [str(work / "runs"), "--json", *words], catch_exceptions=False)
    rows: list[dict[str, Any]] = json.loads(found.output)
    return rows


def _write_store(work: Path, runs: list[_Run]) -> str:
    """The same runs in an MLflow store of sqlite; the rows are put in by SQL, for MLflow takes minutes for them."""
    import mlflow

    uri = f"sqlite:///{work / 'mlflow.db'}"
    experiment = mlflow.MlflowClient(uri).create_experiment("many", artifact_location=str(work / "artifacts"))
    with sqlite3.connect(work / "mlflow.db") as store:
        for number, run in enumerate(runs):
            moment = int((_BEGIN + number) * 1000)
            store.execute(
                "insert into runs (run_uuid, name, experiment_id, status, start_time, end_time, lifecycle_stage,"
                " artifact_uri, user_id, source_type, source_name, entry_point_name, source_version)"
                " values (?, ?, ?, 'FINISHED', ?, ?, 'active', '', '', 'LOCAL', '', '', '')",
                (run.id, run.id, experiment, moment, moment + 1000),
            )
            store.executemany(
                "insert into params values (?, ?, ?)",
                [(key, json.dumps(value), run.id) for key, value in run.settings.items()],
            )
            for table in ("metrics", "latest_metrics"):
                store.executemany(
                    f"insert into {table} (key, value, timestamp, step, is_nan, run_uuid) values (?, ?, ?, 0, 0, ?)",
                    [(key, value, moment, run.id) for key, value in run.metrics.items()],
                )
            tags = {"mlflow.runName": run.id, "dlrun.run_id": run.id, "dlrun.status": "finished"}
            store.executemany(
                "insert into tags (key, value, run_uuid) values (?, ?, ?)",
                [(key, value, run.id) for key, value in tags.items()],
            )
    return uri


def _searched(uri: str) -> Any:
    import mlflow

    mlflow.set_tracking_uri(uri)
    return mlflow.search_runs(experiment_names=["many"], max_results=50_000)


def _check_equal(runs: list[_Run], ours: list[dict[str, Any]], theirs: Any) -> None:
    """Both have every run, and the mean of every trial is the same, to the bit but for the order of a sum."""
    values = dict(zip(theirs["run_id"], theirs["metrics.test_accuracy"], strict=True))
    assert set(values) == {run.id for run in runs} == {run for row in ours for run in row["runs"]}
    for row in ours:
        found = [values[run] for run in row["runs"]]
        assert abs(row["mean"] - sum(found) / len(found)) < 1e-12, row
