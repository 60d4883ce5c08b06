"""What forecasts without a model cost, on windows that are split by time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dlrun.data.guess import describe_guess, naive_losses
from dlrun.data.load import load
from dlrun.data.prepare import Part, prepare
from dlrun.data.splits.split import split_rows
from dlrun.planning import Planner

SEASON = 6


@pytest.fixture
def planner(work: Path) -> Planner:
    rng = np.random.default_rng(0)
    values = 10 * np.sin(2 * np.pi * np.arange(300) / SEASON) + rng.normal(size=300) + 50
    (work / "s.csv").write_text("y\n" + "".join(f"{value:.4f}\n" for value in values), encoding="utf-8")
    return Planner(work)


def test_the_season_is_told_and_no_row_is_in_two_parts(planner: Planner) -> None:
    words = ["data=series", "data.path=s.csv", "data.window=4", f"data.season={SEASON}", "model=lstm"]
    (run,) = planner.plan(words, sweep=False).runs
    assert run.spec["split"]["option"] == "time"
    dataset = load(run.spec["data"], planner.catalog)
    rows = split_rows(dataset, run.spec["split"], planner.catalog)
    prepared = prepare(run.spec, planner.catalog, dataset, rows)
    losses = naive_losses("mean_squared_error", prepared)
    scale = dataset.y[rows.train].std()
    for part in ("train", "validation", "test"):
        forecast, truth = dataset.naive["last value"][getattr(rows, part)], dataset.y[getattr(rows, part)]
        assert losses["last value"][part] == pytest.approx(np.mean(((forecast - truth) / scale) ** 2), rel=1e-4)
        assert losses["value of a season before"][part] < 0.1 < losses["last value"][part]
    assert describe_guess("mean_squared_error", prepared)["naive"] == losses
    assert dataset.spans is not None
    touched = [{row for first, last in dataset.spans[getattr(rows, part)] for row in range(first, last + 1)}
               for part in ("train", "validation", "test")]  # fmt: skip
    assert not touched[0] & touched[1] and not touched[1] & touched[2] and not touched[0] & touched[2]


def test_the_season_changes_no_run(planner: Planner) -> None:
    words = ["data=series", "data.path=s.csv", "data.window=4", "model=lstm"]
    ids = {
        planner.plan([*words, *more], sweep=False).runs[0].id for more in ([], ["data.season=6"], ["data.stream=true"])
    }
    assert len(ids) == 1


def test_scales_are_those_of_the_training_windows(planner: Planner) -> None:
    """Everything that only later parts see is changed: what is trained on stays the same to the bit."""
    words = ["data=series", "data.path=s.csv", "data.window=4", "model=lstm"]
    trained: list[Part] = []
    last = 0
    for factor in (1, 1000):
        values = np.loadtxt("s.csv", skiprows=1)
        if factor > 1:
            values[last:] *= factor
        Path("s.csv").write_text("y\n" + "".join(f"{value:.4f}\n" for value in values), encoding="utf-8")
        (run,) = planner.plan(words, sweep=False).runs
        dataset = load(run.spec["data"], planner.catalog)
        parts = split_rows(dataset, run.spec["split"], planner.catalog)
        assert dataset.spans is not None
        last = int(dataset.spans[parts.train].max()) + 1
        trained.append(prepare(run.spec, planner.catalog, dataset, parts).train)
    assert last < 250, "what was changed is there"
    np.testing.assert_array_equal(trained[0].x, trained[1].x)
    np.testing.assert_array_equal(trained[0].y, trained[1].y)
