"""A against A: trials that are the same, drawn from recorded runs, are not called better than one another.

recorded_runs.json holds what 40 seeds came to, and the command that trained them. A resampling draws the replicates of
every trial from the values of one setting: whatever is then called better is so by luck.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from analysis.synthetic import Project
from dlrun.analysis.compare import compare
from dlrun.analysis.ranking import Goal, goal_of
from dlrun.analysis.runs import read_runs
from dlrun.analysis.statistics import (
    ALPHA,
    adjusted_to_best,
    adjusted_to_best_rows,
    holm_rows,
    paired_difference,
    paired_tests,
    unpaired_difference,
)
from dlrun.analysis.verdict import verdict

RECORDED = json.loads((Path(__file__).parent / "recorded_runs.json").read_text(encoding="utf-8"))["values"]
RESAMPLINGS = 2000
NOISE = 3 * (ALPHA * (1 - ALPHA) / RESAMPLINGS) ** 0.5

each_setting = pytest.mark.parametrize("setting", RECORDED)


def resampled(setting: str, trials: int, n: int) -> np.ndarray:
    """(resamplings, trials, n), drawn with replacement: 40 values are too few for ten trials without."""
    rng = np.random.default_rng([trials, n])
    return rng.choice(RECORDED[setting], (RESAMPLINGS, trials, n))


def called_better(samples: np.ndarray, goal: Goal) -> tuple[np.ndarray, np.ndarray]:
    """The best trial of each resampling, and the adjusted p of each of its rivals: what `compare` does, all at once."""
    sign = -1.0 if goal == "max" else 1.0
    order = np.argsort(sign * samples.mean(axis=-1), axis=-1, kind="stable")
    ranked = np.take_along_axis(samples, order[..., None], axis=1)
    tests = paired_tests(ranked[:, 1:], np.broadcast_to(ranked[:, :1], ranked[:, 1:].shape))
    return order[:, 0], adjusted_to_best_rows(tests.p)


@each_setting
@pytest.mark.parametrize("trials", [2, 5, 10])
@pytest.mark.parametrize("n", [3, 5, 10])
def test_no_side_is_called_better(setting: str, trials: int, n: int) -> None:
    samples = resampled(setting, trials, n)
    best, p = called_better(samples, goal_of(setting.partition(".")[2]))
    claims = p.min(axis=-1) < ALPHA
    sides = Counter(best[claims].tolist())
    shares = [sides[trial] / RESAMPLINGS for trial in range(trials)]
    told = f"{setting}, {trials} trials of {n}: {claims.mean():.1%} any, {max(shares):.1%} the same one"
    print(told)  # noqa: T201 - for docs/statistics.md
    assert max(shares) <= ALPHA
    assert claims.mean() <= ALPHA + NOISE


def test_without_the_adjustment_luck_would_win() -> None:
    """That the test above can fail: Holm's alone does not know that the data chose the best."""
    samples = resampled("digits.test_loss", 10, 10)
    ranked = np.take_along_axis(samples, np.argsort(samples.mean(axis=-1), axis=-1)[..., None], axis=1)
    p = paired_tests(ranked[:, 1:], np.broadcast_to(ranked[:, :1], ranked[:, 1:].shape)).p
    assert np.mean(holm_rows(p).min(axis=-1) < ALPHA) > 2 * ALPHA
    assert np.mean(p.min(axis=-1) < ALPHA) > 4 * ALPHA


@each_setting
def test_no_side_is_called_better_where_seeds_do_not_match(setting: str) -> None:
    found = [unpaired_difference(a, b) for a, b in resampled(setting, 2, 5)[:1000].tolist()]
    better = [each.mean > 0 for each in found if each.p is not None and each.p < ALPHA]
    assert max(sum(better), len(better) - sum(better)) / 1000 <= ALPHA


@pytest.mark.parametrize(("trials", "n"), [(2, 3), (5, 5)])
def test_compare_says_what_is_counted_here(project: Project, trials: int, n: int) -> None:
    """Real comparisons of run directories, for a few resamplings."""
    samples = resampled("digits.test_loss", trials, n)[:20]  # accuracies tie, and either of two may then come first
    best, p = called_better(samples, "min")
    said = comparisons(project, samples)
    np.testing.assert_allclose([each[1] for each in said], p)
    assert [each[0] for each in said] == best.tolist()


@pytest.mark.slow
@pytest.mark.parametrize(("trials", "n"), [(2, 3), (2, 10), (5, 5), (10, 3)])
def test_compare_calls_no_side_better(project: Project, trials: int, n: int) -> None:
    said = comparisons(project, resampled("digits.test_loss", trials, n))
    settled = [best for best, _, is_settled in said if is_settled]
    assert max(Counter(settled).values(), default=0) / RESAMPLINGS <= ALPHA
    assert len(settled) / RESAMPLINGS <= ALPHA + NOISE


def comparisons(project: Project, samples: np.ndarray) -> list[tuple[int, list[float | None], bool | None]]:
    """The best trial, p of its rivals and whether it is settled, as `compare` has it for each resampling."""
    _, trials, n = samples.shape
    project.accuracies({float(trial + 1): [0.0] * n for trial in range(trials)})
    runs = read_runs(project.work)
    said = []
    for sample in samples:
        measured = [
            replace(run, metrics={"test_loss": float(sample[at])})
            for run in runs
            for at in [(round(run.spec["optimizer.learning_rate"]) - 1, int(run.spec["seed"]))]
        ]
        found = compare(measured, "test_loss")
        first = round(found.ranked[0].settings["optimizer.learning_rate"]) - 1
        said.append((first, [row.p for row in found.ranked[1:]], verdict(found).settled))
    return said


@pytest.mark.parametrize("trials", [2, 10])
def test_no_trial_is_called_worse_than_the_best_of_normal_equals(trials: int) -> None:
    """The same with normal values, one comparison at a time."""
    rng, claims = np.random.default_rng(4), 0
    for sample in rng.normal(size=(300, trials, 8)):
        ranked = sorted(sample.tolist(), key=lambda row: -sum(row))
        p = [found for row in ranked[1:] if (found := paired_difference(row, ranked[0]).p) is not None]
        claims += min(adjusted_to_best(p)) < ALPHA
    assert claims / 300 <= ALPHA + 0.038  # 3 standard errors
