"""The leaderboard and what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.synthetic import Project
from dlrun.analysis.compare import Comparison, compare
from dlrun.analysis.ranking import default_metric, goal_of, value_of
from dlrun.analysis.runs import RunRecord, read_runs
from dlrun.analysis.statistics import adjusted_to_best, paired_difference, unpaired_difference
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
    text = verdict(compared(project)).text
    assert text.endswith("level with the second: too close to call, and 2 seeds say no more yet.")


def test_that_no_number_of_seeds_would_do_takes_more_than_two(project: Project) -> None:
    project.accuracies({0.001: [0.9, 0.8, 0.7, 0.6, 0.5, 0.4], 0.01: [0.8, 0.9, 0.6, 0.7, 0.4, 0.5]})
    assert verdict(compared(project)).text.endswith(
        "and no reasonable number of seeds would settle so small a difference."
    )


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


def nested(project: Project, folds: int, inner_folds: int = 3) -> None:
    for rate in (0.001, 0.01):
        for fold in range(folds):
            for inner in range(inner_folds):
                settings = {"optimizer.learning_rate": rate, "split.option": "nested", "split.fold": fold}
                value = 0.9 + 0.02 * (fold % 2) + rate * (1 + fold + 0.1 * inner)
                project.run({**settings, "split.inner_fold": inner}, {"test_accuracy": value})


def test_inner_folds_are_averaged_in_their_outer_fold(project: Project) -> None:
    """Runs that are tested on the same rows are one piece of evidence about these rows, not three."""
    nested(project, 4)
    found = compared(project)
    assert [len(row.runs) for row in found.ranked] == [12, 12]
    best, other = found.ranked
    assert list(best.samples.values()) == pytest.approx([0.9 + 0.02 * (f % 2) + 0.01 * (1.1 + f) for f in range(4)])
    assert other.difference is not None and (other.difference.n, other.difference.method) == (4, "corrected t")
    assert best.estimate is not None and best.estimate.n == 4


def test_inner_folds_of_one_outer_fold_are_folds(project: Project) -> None:
    nested(project, 1)
    other = compared(project).ranked[1]
    assert other.difference is not None and (other.difference.n, other.difference.method) == (3, "corrected t")


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
        ("test_mape", "min"),
        ("val_msle", "min"),
        ("test_nll", "min"),
        ("best_val_sparse_categorical_crossentropy", "min"),
        ("test_brier", "min"),
        ("test_ece", "min"),
        ("precedence", "max"),
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


def several(project: Project, table: dict[float, dict[int, float]], **other: object) -> Comparison:
    """Runs with these accuracies by learning rate and seed."""
    for rate, values in table.items():
        for seed, value in values.items():
            project.run({"optimizer.learning_rate": rate, "seed": seed, **other}, {"test_accuracy": value})
    return compared(project)


def test_a_best_that_is_behind_on_the_seeds_both_have_is_none(project: Project) -> None:
    """0.1 has the higher mean by two seeds that 0.01 lacks; on the shared ones it is clearly worse."""
    lucky = {0: 0.800, 1: 0.801, 2: 0.799, 3: 0.99, 4: 0.99}
    told = verdict(several(project, {0.1: lucky, 0.01: {0: 0.830, 1: 0.832, 2: 0.8285}}))
    assert (told.settled, told.replicates_more) == (False, None)
    assert told.lead is not None and told.lead < 0 and told.p is not None and told.p < 0.001
    assert told.text.startswith("No best one: learning_rate=0.1 is ahead of learning_rate=0.01 on its own seeds, but ")
    assert "behind by 0.0302 on the 3 seeds that both have (p<0.001)" in told.text
    assert "-0.0" not in told.text


def test_a_rival_further_down_that_is_ahead_on_shared_seeds_is_named(project: Project) -> None:
    lucky = {0: 0.700, 1: 0.701, 2: 0.699, 3: 0.701, 4: 0.99, 5: 0.99, 6: 0.99, 7: 0.99}
    fair = {0: 0.830, 1: 0.832, 2: 0.8285, 3: 0.8312}
    lower = {seed: value - 0.004 - 0.001 * (seed % 2) for seed, value in lucky.items()}
    text = verdict(several(project, {0.1: lucky, 0.2: lower, 0.01: fair})).text
    assert text.startswith("Best: learning_rate=0.1. ")
    assert "On the seeds that both have, learning_rate=0.01 is ahead of it." in text
    assert "fewer or noisier" not in text


def test_runs_without_a_score_are_told_with_the_lead(project: Project) -> None:
    several(project, {0.1: {0: 0.95, 1: 0.952, 2: 0.9515}, 0.01: {0: 0.90, 1: 0.901, 2: 0.902, 3: 0.901}})
    for seed in (3, 4, 5):
        project.run({"optimizer.learning_rate": 0.1, "seed": seed}, {}, "diverged")
    project.run({"optimizer.learning_rate": 0.01, "seed": 4}, {}, "failed")
    project.run({"optimizer.learning_rate": 0.01, "seed": 5}, {}, "pruned")
    text = verdict(compared(project)).text
    assert "Of its 6 runs 3 diverged and have no score." in text
    assert text.endswith("Of the second's 6 runs 2 have no score: 1 failed, 1 pruned.")


def test_among_several_the_interval_is_said_to_be_of_two_alone(project: Project) -> None:
    project.accuracies({0.1: [0.91, 0.93, 0.92], 0.2: [0.90, 0.91, 0.93], 0.3: [0.81, 0.83, 0.82]})
    text = verdict(compared(project)).text
    assert "(taken alone, 95% interval " in text and "likely better; p=0.79 among 3 trials)" in text


def test_seeds_needed_count_all_that_is_compared(project: Project) -> None:
    """Of ten trials as close as the second each must show more than of two alone."""
    two = {0.001: [0.90, 0.93, 0.92], 0.01: [0.92, 0.92, 0.94]}
    project.accuracies(two)
    alone = verdict(compared(project)).replicates_more
    project.accuracies({1.0 + k: [value - 1e-9 * k for value in two[0.001]] for k in range(8)})
    among = verdict(compared(project)).replicates_more
    assert alone is not None and among is not None and among > 1.5 * alone


def test_a_difference_of_two_seeds_of_ten_says_so(project: Project) -> None:
    first = {seed: 0.9 + 0.001 * (seed % 3) for seed in range(10)}
    found = several(project, {0.1: first, 0.01: {seed: 0.88 + 0.0012 * (seed % 4) for seed in range(8, 18)}})
    (row,) = found.ranked[1:]
    assert row.shared_of == (2, 10)
    assert row.warning is not None
    assert row.warning.startswith("The difference is of the 2 seeds that both have, of 10. Two pairs: ")
    assert "over the 2 seeds that both have, of 10" in verdict(found).text
    assert found.ranked[0].warning is None


def test_one_split_each_and_different_ones_tell_nothing(project: Project) -> None:
    for seed in range(5):
        for rate, split, value in ((0.1, 0, 0.90 + 0.002 * (seed % 3)), (0.01, 1, 0.87 + 0.002 * ((seed + 1) % 3))):
            settings = {"optimizer.learning_rate": rate, "split.seed": split, "seed": seed}
            project.run(settings, {"test_accuracy": value})
    found = compared(project)
    (row,) = found.ranked[1:]
    assert row.p is None and row.difference is not None and row.difference.method == "none"
    assert row.difference.warning is not None and "different splits" in row.difference.warning
    told = verdict(found)
    assert told.settled is False and "one seed" not in told.text
    assert "whether that is luck cannot be told. They were tested on different splits" in told.text
    assert found.ranked[0].estimate is not None and found.ranked[0].estimate.method == "t"


def test_splits_that_do_not_match_take_the_corrected_test(project: Project) -> None:
    for number in range(10):
        for rate, first in ((0.1, 0), (0.01, 10)):
            settings = {"optimizer.learning_rate": rate, "split.seed": first + number}
            project.run(settings, {"test_accuracy": 0.9 - first / 400 + 0.01 * ((number * 7) % 10) / 10})
    (row,) = compared(project).ranked[1:]
    assert row.difference is not None and row.difference.method == "corrected Welch"
    plain = unpaired_difference(list(row.values.values()), list(compared(project).ranked[0].values.values()))
    assert row.p is not None and plain.p is not None and row.p > 10 * plain.p


def test_a_trial_on_several_splits_changes_nothing_for_the_others(project: Project) -> None:
    project.accuracies({rate: [rate + 0.001 * ((s * 3 + int(rate * 10)) % 4) for s in range(5)] for rate in (0.9, 0.8)})
    before = compared(project)
    for split in (1, 2):
        project.run({"optimizer.learning_rate": 0.1, "split.seed": split}, {"test_accuracy": 0.1 + split / 10})
    after = compared(project)
    assert [row.estimate for row in after.ranked[:2]] == [row.estimate for row in before.ranked]
    assert after.ranked[1].difference == before.ranked[1].difference
    assert after.ranked[2].estimate is not None and after.ranked[2].estimate.method == "corrected t"
    assert after.ranked[2].difference is not None and after.ranked[2].difference.p is None


def test_p_of_folds_is_that_of_the_corrected_test(project: Project) -> None:
    for rate in (0.001, 0.01):
        for fold, noise in enumerate((0.0, 0.02, 0.01, 0.03, 0.01)):
            settings = {"optimizer.learning_rate": rate, "split.option": "kfold", "split.fold": fold}
            project.run(settings, {"test_accuracy": 0.9 + rate + noise * (1 + 30 * rate)})
    found = compared(project)
    (row,) = found.ranked[1:]
    pairs = list(row.values.values()), list(found.ranked[0].values.values())
    corrected, plain = paired_difference(*pairs, 360 / 1077), paired_difference(*pairs)
    assert row.p == pytest.approx(corrected.p) and row.p != pytest.approx(plain.p)


def test_values_all_alike_are_not_one_seed(project: Project) -> None:
    found = several(project, {0.1: dict.fromkeys(range(5), 1.0), 0.01: dict.fromkeys(range(5, 10), 0.9)})
    text = verdict(found).text
    assert "one seed" not in text
    assert text.endswith("cannot be told. The values of each are all equal, so that their spread is not known.")


def test_several_keys_count_seeds_and_not_settings(project: Project) -> None:
    """Two seeds of eight other settings are two seeds: a difference as large as a seed's luck is not settled."""
    for seed in range(2):
        for dropout in (0.0, 0.5):
            for hidden in ([16], [64]):
                for beta in range(8):
                    luck = 0.02 * seed * (1 if dropout else -1)
                    settings = {"model.dropout": dropout, "model.hidden": hidden, "optimizer.beta_1": beta / 10}
                    value = 0.8 + dropout / 100 + luck + len(hidden) * hidden[0] / 1e5 + 1e-5 * ((seed + beta) % 3)
                    project.run({**settings, "seed": seed}, {"test_accuracy": value})
    found = compare(read_runs(project.work), by=["dropout", "hidden"])
    assert [len(row.values) for row in found.ranked] == [16] * 4
    assert [row.estimate.n for row in found.ranked if row.estimate] == [2] * 4
    assert [row.difference.n for row in found.ranked[1:] if row.difference] == [2] * 3
    one = compare([run for run in read_runs(project.work) if run.spec["seed"] == 0], by=["dropout", "hidden"])
    assert all(row.p is None for row in one.ranked)
    assert verdict(one).text.endswith("whether that is luck cannot be told from one seed.")
