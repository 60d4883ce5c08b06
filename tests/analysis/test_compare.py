"""The leaderboard and what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.synthetic import Project
from dlrun.analysis.compare import Comparison, compare
from dlrun.analysis.ranking import default_metric, goal_of, value_of
from dlrun.analysis.runs import RunRecord, read_runs
from dlrun.analysis.statistics import adjusted_to_best
from dlrun.analysis.verdict import decimals_of, settings_text, verdict
from dlrun.config.catalog import Catalog
from dlrun.errors import UserError


def compared(project: Project, metric: str | None = None) -> Comparison:
    return compare(read_runs(project.work), metric)


def test_rows_are_ranked_by_their_means(project: Project) -> None:
    project.accuracies({0.001: [0.90, 0.91, 0.92], 0.01: [0.95, 0.96, 0.97], 0.1: [0.5, 0.99, 0.5]})
    found = compared(project)
    assert (found.metric, found.goal) == ("test_accuracy", "max")
    assert found.columns == {"optimizer.learning_rate": "learning_rate"}
    assert [row.settings["optimizer.learning_rate"] for row in found.ranked] == [0.01, 0.001, 0.1]
    first, second, _ = found.ranked
    assert first.estimate is not None and first.estimate.mean == pytest.approx(0.96)
    assert (first.best, first.difference, first.p) == (0.97, None, None)
    assert second.difference is not None and second.difference.mean == pytest.approx(-0.05)


def test_losses_are_better_when_small(project: Project) -> None:
    project.accuracies({0.001: [0.90, 0.91], 0.01: [0.95, 0.97]})
    found = compared(project, "test_loss")
    assert found.goal == "min"
    assert found.ranked[0].settings["optimizer.learning_rate"] == 0.01
    assert found.ranked[0].best == pytest.approx(0.03)
    told = verdict(found)
    assert told.lead is not None and told.lead > 0
    assert told.low is not None and told.high is not None and told.low < told.lead < told.high
    assert told.probability is not None and told.probability > 0.5


def test_the_same_verdict_from_accuracy_and_error(project: Project) -> None:
    project.accuracies({0.001: [0.90, 0.91, 0.93], 0.01: [0.95, 0.97, 0.96]})
    up, down = verdict(compared(project)), verdict(compared(project, "test_loss"))
    assert up.lead == pytest.approx(down.lead)
    assert (up.low, up.high) == (pytest.approx(down.low), pytest.approx(down.high))
    assert up.probability == pytest.approx(down.probability)


def test_a_clear_winner(project: Project) -> None:
    project.accuracies({0.001: [0.90, 0.91, 0.92, 0.91], 0.01: [0.951, 0.96, 0.972, 0.961]})
    told = verdict(compared(project))
    assert told.settled
    assert told.replicates_more is None
    assert told.text.startswith("Best: learning_rate=0.01. It leads the second by 0.051 (95% interval 0.050 to 0.052; ")
    assert "too close" not in told.text


def test_too_close_to_call_says_how_many_seeds_more(project: Project) -> None:
    project.accuracies({0.001: [0.90, 0.93, 0.92], 0.01: [0.92, 0.92, 0.94]})
    told = verdict(compared(project))
    assert told.settled is False
    assert told.replicates_more is not None and 1 < told.replicates_more < 50
    assert told.text.endswith(f"too close to call; about {told.replicates_more} more seeds would settle it.")


def test_one_seed_each_is_no_evidence(project: Project) -> None:
    project.accuracies({0.001: [0.90], 0.01: [0.95]})
    told = verdict(compared(project))
    assert (told.settled, told.p) == (False, None)
    assert told.text.endswith("whether that is luck cannot be told from one seed.")


def test_equal_trials(project: Project) -> None:
    project.accuracies({0.001: [0.9, 0.8], 0.01: [0.9, 0.8]})
    assert "no reasonable number of seeds" in verdict(compared(project)).text


def test_pairs_are_matched_on_seed(project: Project) -> None:
    # By seed the second is 0.01 lower each time; in another order that would drown in the spread over seeds.
    project.accuracies({0.001: [0.60, 0.70, 0.80, 0.905], 0.01: [0.61, 0.71, 0.81, 0.92]})
    difference = compared(project).ranked[1].difference
    assert difference is not None and difference.method == "paired t"
    assert difference.p is not None and difference.p < 0.01


def test_trials_with_other_seeds_are_compared_unpaired(project: Project) -> None:
    for rate, seeds in ((0.001, (0, 1, 2)), (0.01, (3, 4, 5))):
        for seed in seeds:
            project.run({"optimizer.learning_rate": rate, "seed": seed}, {"test_accuracy": 0.9 + rate + seed / 1000})
    difference = compared(project).ranked[1].difference
    assert difference is not None and difference.method == "Welch"


def test_folds_take_the_corrected_test(project: Project) -> None:
    for rate in (0.001, 0.01):
        for fold, noise in enumerate((0.0, 0.02, 0.01, 0.03, 0.01)):
            settings = {"optimizer.learning_rate": rate, "split.option": "kfold", "split.fold": fold}
            samples = {"train": 1200, "validation": 240, "test": 360}
            project.run(settings, {"test_accuracy": 0.9 + noise * (1 + rate)}, samples=samples)
    found = compared(project)
    assert found.test_to_train == pytest.approx(0.3)
    assert found.ranked[0].estimate is not None and found.ranked[0].estimate.method == "corrected t"
    assert found.ranked[1].difference is not None and found.ranked[1].difference.method == "corrected t"


def test_runs_without_a_value_are_rows(project: Project) -> None:
    project.accuracies({0.001: [0.90, 0.91]})
    diverged = {"kind": "diverged", "message": "the loss was NaN at epoch 3"}
    project.run({"optimizer.learning_rate": 10.0, "seed": 0}, {"test_accuracy": 0.99}, "diverged", cause=diverged)
    project.run({"optimizer.learning_rate": 10.0, "seed": 1}, {}, "failed", cause=diverged)
    project.run({"optimizer.learning_rate": 1.0}, status=None)
    found = compared(project)
    assert len(found.ranked) == 1
    assert [dict(row.counts) for row in found.unranked] == [{"diverged": 1, "failed": 1}, {"interrupted": 1}]
    assert found.unranked[0].cause == "diverged: the loss was NaN at epoch 3"
    assert found.unranked[1].cause == "the process ended early"


def test_a_trial_with_a_failed_seed_is_ranked_by_the_others(project: Project) -> None:
    project.accuracies({0.001: [0.90, 0.91], 0.01: [0.8, 0.8, 0.8]})
    project.run({"optimizer.learning_rate": 0.001, "seed": 2}, {}, "failed")
    first = compared(project).ranked[0]
    assert (len(first.values), dict(first.counts)) == (2, {"finished": 2, "failed": 1})


def test_infinite_values_do_not_rank(project: Project) -> None:
    project.run({"seed": 0}, {"test_accuracy": float("nan")})
    found = compared(project)
    assert found.ranked == ()
    assert found.unranked[0].cause == "no test_accuracy"
    assert verdict(found).text == ""


def test_averaging_over_the_other_keys(project: Project) -> None:
    for rate in (0.001, 0.01):
        for dropout in (0.0, 0.5):
            project.run({"optimizer.learning_rate": rate, "model.dropout": dropout}, {"test_accuracy": rate + dropout})
    found = compare(read_runs(project.work), by=["learning_rate"])
    assert found.averaged == {"model.dropout": "dropout"}
    assert [len(row.values) for row in found.ranked] == [2, 2]
    with pytest.raises(UserError, match=r"--by must be a key that varies; got learning_rat.*--by learning_rate"):
        compare(read_runs(project.work), by=["learning_rat"])


def test_unknown_metric_names_the_nearest(project: Project) -> None:
    project.accuracies({0.001: [0.9]})
    with pytest.raises(UserError, match=r"got test_acuracy\. Did you mean --metric test_accuracy"):
        compared(project, "test_acuracy")


def run_with(metrics: dict[str, float], task: str = "multiclass", **result: int) -> RunRecord:
    return RunRecord("a", Path("a"), "finished", spec={"task": task}, metrics=metrics, result=result)


def test_default_metric_follows_the_task() -> None:
    every = {"loss": 1.0, "val_loss": 1.0, "test_loss": 1.0, "test_r2": 0.5, "test_accuracy": 0.9}
    assert default_metric([run_with(every)]) == "test_accuracy"
    assert default_metric([run_with(every, "regression")]) == "test_r2"
    assert default_metric([run_with({"test_loss": 1.0}, "regression")]) == "test_loss"
    assert default_metric([run_with({"loss": 1.0, "val_loss": 1.0})]) == "val_loss"
    assert default_metric([run_with({})]) == "test_accuracy"


@pytest.mark.parametrize(
    ("metric", "goal"),
    [
        ("test_accuracy", "max"),
        ("test_r2", "max"),
        ("best_val_loss", "min"),
        ("test_mean_squared_error", "min"),
        ("val_rmse", "min"),
        ("auc", "max"),
    ],
)
def test_direction(metric: str, goal: str, catalog: Catalog) -> None:
    assert goal_of(metric) == goal
    assert goal_of(metric, catalog) == goal


def test_epoch_of_a_validation_metric() -> None:
    metrics = {"val_loss": 0.5, "best_val_loss": 0.3, "test_loss": 0.4}
    kept_best = run_with(metrics, best_epoch=3, kept_epoch=3, epochs_run=9)
    kept_last = run_with(metrics, best_epoch=3, kept_epoch=9, epochs_run=9)
    assert value_of(kept_best, "val_loss") == 0.3
    assert value_of(kept_last, "val_loss") == 0.5
    assert value_of(kept_last, "val_loss", "best") == 0.3
    assert value_of(kept_best, "val_loss", "last") == 0.5
    assert value_of(kept_best, "test_loss", "last") == 0.4
    assert value_of(kept_best, "nothing") is None


def test_decimals_follow_the_uncertainty(project: Project) -> None:
    project.accuracies({0.001: [0.90, 0.91, 0.92]})
    assert decimals_of(compared(project)) == 3  # 0.025
    assert settings_text(compared(project).ranked[0], compared(project)) == "learning_rate=0.001 seed=0"


def test_p_of_all_rows_at_once_is_that_of_each_difference(project: Project) -> None:
    """Paired over five and over two seeds, equal pairs, one pair, and no pair at all."""
    project.accuracies(
        {
            0.1: [0.91, 0.93, 0.92, 0.95, 0.94],
            0.2: [0.90, 0.91, 0.93, 0.92, 0.94],
            0.3: [0.81, 0.83, 0.82, 0.85, 0.84],
            0.4: [0.50, 0.61],
            0.5: [0.70],
        }
    )
    for seed in (7, 8, 9):
        project.run({"optimizer.learning_rate": 0.6, "seed": seed}, {"test_accuracy": 0.6 + seed / 100})
    found = compared(project)
    others = found.ranked[1:]
    differences = [row.difference for row in others]
    assert [each.method for each in differences if each] == ["paired t", "sign", "none", "Welch", "paired t"]
    assert [row.gap for row in others] == pytest.approx([each.mean for each in differences if each])
    tested = [row for row in others if row.p is not None]
    p_values = [row.difference.p for row in tested if row.difference is not None and row.difference.p is not None]
    assert len(tested) == len(p_values) == 4
    assert [row.p for row in tested] == pytest.approx(adjusted_to_best(p_values))


def test_the_epoch_that_was_restored_is_told_by_its_own_name() -> None:
    metrics = {"val_loss": 0.5, "best_val_loss": 0.3, "restored_val_loss": 0.4}
    run = run_with(metrics, best_epoch=3, kept_epoch=5, epochs_run=9)
    assert [value_of(run, "val_loss", at) for at in ("restored", "best", "last")] == [0.4, 0.3, 0.5]
    assert (value_of(run, "restored_val_loss", "last"), value_of(run, "train_val_loss")) == (0.4, 0.4)
    assert goal_of("restored_val_loss") == "min"
