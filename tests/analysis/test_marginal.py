"""The effect of one hyperparameter, averaged over the others, and where it depends on them."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from analysis.synthetic import Project
from dlrun.analysis.compare import Comparison, compare
from dlrun.analysis.interactions import interactions
from dlrun.analysis.marginal import adjusted_means, marginal_effect
from dlrun.analysis.record import RunRecord
from dlrun.analysis.runs import read_runs
from dlrun.cli.marginal import _trend, effect_in_words

RATES = list(enumerate((0.1, 0.2, 0.3)))
DROPOUTS = list(enumerate((0.0, 0.1, 0.2, 0.3, 0.4, 0.5)))
Table = dict[tuple[float, float], list[float]]


def made(table: Table, left_out: frozenset[tuple[float, float, int]] = frozenset()) -> Comparison:
    """The effect of the learning rate, of runs with these accuracies by learning rate and dropout, a seed each."""
    runs = [
        RunRecord(
            f"{rate}-{dropout}-{seed}",
            Path("nowhere"),
            "finished",
            spec={"seed": seed, "model.dropout": dropout, "optimizer.learning_rate": rate},
            metrics={"test_accuracy": value},
        )
        for (rate, dropout), values in table.items()
        for seed, value in enumerate(values)
        if (rate, dropout, seed) not in left_out
    ]
    return compare(runs, by=["learning_rate"])


def additive(noise: float = 0.0, rates: tuple[float, ...] = (0.1, 0.2, 0.3), seeds: int = 4) -> Table:
    """Accuracies that are a sum: 0.05 more for each step of the rate, something for each dropout and each seed."""
    chance = np.random.default_rng(5)
    return {
        (rate, dropout): [
            0.5 + 0.05 * step - 0.4 * dropout + 0.01 * seed + noise * float(chance.normal()) for seed in range(seeds)
        ]
        for step, rate in enumerate(rates)
        for dropout in (0.0, 0.5, 0.9)
    }


def test_means_of_a_whole_table_are_plain_ones() -> None:
    comparison = made(additive(noise=0.01))
    found = marginal_effect(comparison)
    assert [level.value for level in found.levels] == [0.3, 0.2, 0.1]
    assert [level.mean for level in found.levels] == pytest.approx([row.mean for row in comparison.ranked])
    assert (found.blocks, found.seeds, found.is_complete, found.is_blocked) == (12, 4, True, True)
    best, second, third = found.levels
    assert (best.difference, best.p) == (None, None)
    for level in (second, third):
        assert level.difference is not None and level.difference.n == 4, "seeds, and not blocks"
        assert level.p is not None and level.p < 0.01
        assert level.mean - best.mean == pytest.approx(level.difference.mean)


def test_a_value_that_lacks_the_hard_blocks_gains_nothing_by_it() -> None:
    """Exactly additive values: whatever is missing, the adjusted means differ by what they were made with."""
    missing = frozenset((0.1, dropout, seed) for dropout in (0.5, 0.9) for seed in range(4))
    comparison = made(additive(), missing)
    plain = {row.settings["optimizer.learning_rate"]: row.mean for row in comparison.ranked}
    assert plain[0.1] > plain[0.3], "its plain mean is the best, for it is of the easy blocks"
    found = marginal_effect(comparison)
    assert [level.value for level in found.levels] == [0.3, 0.2, 0.1]
    means = [level.mean for level in found.levels]
    assert np.diff(means) == pytest.approx([-0.05, -0.05])
    assert not found.is_complete
    assert found.trend is not None and found.trend.n == 4


def test_adjusted_means_are_those_of_a_regression() -> None:
    """Against ordinary least squares with a dummy for each level and block (numpy's), on an incomplete table."""
    chance = np.random.default_rng(3)
    table = chance.normal(size=(6, 4))
    there = chance.random((6, 4)) < 0.7
    there[0] = True
    rows, columns = np.nonzero(there)
    design = np.zeros((len(rows), 6 + 3))
    design[np.arange(len(rows)), rows] = 1
    for place, column in enumerate(columns):
        if column:
            design[place, 5 + column] = 1
    solved, *_ = np.linalg.lstsq(design, table[rows, columns], rcond=None)
    effects = np.array([0.0, *solved[6:]])
    found = adjusted_means([{row: table[row, level] for row in range(6) if there[row, level]} for level in range(4)])
    assert found == pytest.approx(list(solved[:6].mean() + effects))


def words(comparison: Comparison) -> str:
    return "\n".join(text for _, text in effect_in_words(marginal_effect(comparison), comparison))


def test_values_that_share_no_other_settings_are_not_told_apart() -> None:
    table = {(0.1, 0.0): [0.9, 0.91, 0.92], (0.2, 0.5): [0.7, 0.72, 0.71]}
    found = marginal_effect(made(table))
    assert not found.is_blocked
    assert [level.mean for level in found.levels] == pytest.approx([0.91, 0.71])
    second = found.levels[1]
    assert second.difference is not None and (second.difference.method, second.p) == ("none", None)
    assert second.difference.mean == pytest.approx(-0.2) and second.apart == ("dropout",)
    text = words(made(table))
    assert "It is ahead of 0.2 by 0.2000, with another dropout: which of them does it cannot be told." in text
    assert "learning_rate=0.2 has no run with the same dropout as 0.1" in text
    assert "within blocks" not in text and "p is" not in text


def test_of_values_that_are_tied_in_part_those_are_compared_that_are() -> None:
    table = {(0.1, 0.0): [0.9, 0.91, 0.93], (0.2, 0.0): [0.8, 0.83, 0.84], (0.3, 0.5): [0.7, 0.72, 0.71]}
    found = marginal_effect(made(table))
    assert [(level.value, level.p is None, level.apart) for level in found.levels[1:]] == [
        (0.2, False, ()),
        (0.3, True, ("dropout",)),
    ]
    text = words(made(table))
    assert "within blocks" in text and "learning_rate=0.3 has no run" in text


def test_a_value_tied_to_the_best_by_a_third_one_has_the_models_difference_and_no_p() -> None:
    """0.1 and 0.3 never met: each met 0.2. Half the dropout costs 0.3, which is not the learning rate's."""
    table = {
        (0.1, 0.0): [0.9, 0.91, 0.92],
        (0.2, 0.0): [0.8, 0.81, 0.82],
        (0.2, 0.5): [0.5, 0.51, 0.52],
        (0.3, 0.5): [0.4, 0.41, 0.42],
    }
    best, second, third = marginal_effect(made(table)).levels
    assert [best.value, second.value, third.value] == [0.1, 0.2, 0.3]
    assert third.difference is not None and third.difference.mean == pytest.approx(-0.2)
    assert (third.p, third.apart) == (None, ("dropout",))
    assert second.p is not None


def test_other_seeds_of_the_same_other_settings_are_compared_as_samples() -> None:
    table = {
        (rate, dropout): [0.5 + rate + 0.01 * s for s in range(6)] for rate in (0.1, 0.2) for dropout in (0.0, 0.5)
    }
    table |= {(0.3, 0.9): [0.1] * 6, (0.2, 0.9): [0.99] * 6}  # what only one of two has does not count
    gone = frozenset((rate, d, s) for rate, d in table for s in range(6) if (s < 3) == (rate == 0.1))
    gone |= {(0.1, 0.5, 5)}  # a seed that has not all of the settings would tilt the mean
    found = marginal_effect(made(table, gone))
    (level,) = [level for level in found.levels if level.value == 0.1]
    assert level.difference is not None and (level.difference.method, level.difference.n) == ("Welch", 2)
    assert level.difference.mean == pytest.approx(-0.1 + 0.035 - 0.01)


def sentence(table: Table, number: int = 1) -> str:
    comparison = made(table)
    return effect_in_words(marginal_effect(comparison), comparison)[number][1]


def test_a_trend_is_told_in_a_sentence() -> None:
    rising = additive(noise=0.01)
    assert sentence(rising).startswith("test_accuracy rises as learning_rate rises (Page's trend test over 4 seeds, ")
    middle = {(rate, d): [v - 3 * abs(rate - 0.2) for v in values] for (rate, d), values in rising.items()}
    assert sentence(middle) == "test_accuracy is best in between, at 0.2, and worse towards both ends."
    flat = {key: [0.9 + 0.01 * ((seed * 7 + int(key[0] * 10) * 5) % 4) for seed in range(4)] for key in rising}
    assert sentence(flat).startswith("No steady trend along learning_rate is seen (Page's trend test over 4 seeds")


def test_what_lies_between_is_not_best_unless_both_ends_are_clearly_worse() -> None:
    """The upper end is lower by less than luck."""
    noise = [0.0, 0.03, -0.03, 0.02]
    table = {
        (rate, 0.0): [mean + 0.01 * s + (noise[s] if rate == 0.3 else 0) for s in range(4)]
        for rate, mean in ((0.1, 0.5), (0.2, 0.9), (0.3, 0.895))
    }
    assert "best in between" not in words(made(table))


def test_an_end_that_is_clearly_better_within_blocks_is_not_called_worse() -> None:
    """0.2 has the best mean of the model, yet 0.1 is above it wherever the two meet."""
    found = marginal_effect(made({(rate, 0.0): [rate + 0.01 * s for s in range(3)] for rate in (0.1, 0.2, 0.3)}))
    ends = [found.levels[1], found.levels[2]]
    for level in ends:
        assert level.difference is not None
    better = tuple(replace(level, difference=replace(level.difference, mean=0.1), p=0.001) for level in ends)  # type: ignore[type-var]
    values = (0.2, 0.1, 0.3)
    levels = tuple(replace(level, value=v) for level, v in zip((found.levels[0], *better), values, strict=True))
    assert "worse towards both ends" not in _trend(replace(found, levels=levels))


def test_a_best_value_that_is_behind_where_both_meet_is_none() -> None:
    chance = np.random.default_rng(2)
    luck = 0.0005 * chance.normal(size=40)
    table: Table = {(0.1, 0.0): [], (0.2, 0.0): [], (0.3, 0.0): []}
    gone = set()
    for seed in range(40):
        has = {0.1: 0.90, 0.2: 0.91} if seed < 5 else {0.1: 0.90, 0.3: 0.80} if seed < 22 else {0.2: 0.90, 0.3: 0.88}
        for rate in (0.1, 0.2, 0.3):
            table[rate, 0.0].append(has.get(rate, 0.0) + luck[seed] * (rate != 0.2))
            gone |= set() if rate in has else {(rate, 0.0, seed)}
    text = words(made(table, frozenset(gone)))
    assert text.startswith("No best one: learning_rate=0.1 is ahead of 0.2 over all runs, but behind by 0.0")
    assert "ahead of 0.2 by -" not in text


def test_one_seed_is_one_seed_whatever_the_settings() -> None:
    table = {
        (rate, dropout / 20): [0.9 - rate / 10 + dropout / 1000] for rate in (0.1, 0.2, 0.3) for dropout in range(20)
    }
    found = marginal_effect(made(table))
    assert (found.blocks, found.seeds, found.trend) == (20, 1, None)
    assert [level.p for level in found.levels] == [None] * 3
    assert words(made(table)).splitlines()[0].endswith("by 0.0100: whether that is luck cannot be told from one seed.")


def test_folds_take_the_corrected_test() -> None:
    runs = [
        RunRecord(
            f"{rate}-{dropout}-{fold}",
            Path("nowhere"),
            "finished",
            spec={"seed": 0, "split.fold": fold, "model.dropout": dropout, "optimizer.learning_rate": rate},
            metrics={"test_accuracy": 0.9 + rate / 10 + noise * (1 + rate)},
            result={"samples": {"train": 1200, "test": 360}},
        )
        for rate in (0.1, 0.2)
        for dropout in (0.0, 0.5)
        for fold, noise in enumerate((0.0, 0.02, 0.01, 0.03, 0.01))
    ]
    _, level = marginal_effect(compare(runs, by=["learning_rate"])).levels
    assert level.difference is not None
    assert (level.difference.method, level.difference.n) == ("corrected t", 5)
    assert "Page" not in words(compare(runs, by=["learning_rate"])) and "over splits" in words(
        compare(runs, by=["learning_rate"])
    )


def test_thousands_of_values_that_share_nothing_are_found_so_at_once() -> None:
    """Each on its own blocks: an equation of 3,000 unknowns would be for nothing."""
    started = time.process_time()
    assert adjusted_means([{(level, seed): 0.5 for seed in range(3)} for level in range(3000)]) is None
    assert time.process_time() - started < 1


def test_texts_have_no_trend() -> None:
    comparison = made(additive(rates=(0.1, 0.2)))
    assert marginal_effect(comparison).trend is None


def test_a_lead_of_nothing_is_not_minus_nothing() -> None:
    assert "-0.0" not in sentence({(0.1, 0.0): [0.9, 0.8, 0.7], (0.2, 0.0): [0.9, 0.8, 0.7]}, 0)


def test_where_the_best_value_depends_on_another_key_that_is_named() -> None:
    chance = np.random.default_rng(1)
    table = {
        (rate, dropout): [
            0.8 + (0.1 if (rate == 0.1) == (dropout == 0) else 0) + 0.01 * chance.normal() for _ in range(6)
        ]
        for rate in (0.1, 0.2)
        for dropout in (0.0, 0.5)
    }
    comparison = made(table)
    (found,) = interactions(comparison)
    assert (found.other, found.name) == ("model.dropout", "dropout")
    assert set(found.best_at) == {(0.0, 0.1), (0.5, 0.2)}
    assert "The best learning_rate depends on dropout: 0.1 at dropout=0, but 0.2 at dropout=0.5" in words(comparison)


@pytest.mark.parametrize(("seeds", "settings"), [(2, 6), (3, 10), (5, 6)])
def test_luck_of_a_seed_with_a_value_is_not_called_an_effect(seeds: int, settings: int) -> None:
    """A against A where a seed has its luck with each value, whatever the other settings: 300 tables."""
    chance = np.random.default_rng([seeds, settings])
    better = trends = 0
    for _ in range(300):
        luck = chance.normal(size=(3, 1, seeds)) + chance.normal(size=(3, settings, seeds))
        found = marginal_effect(made({(rate, d / 10): list(luck[i, d]) for i, rate in RATES for d in range(settings)}))
        better += any(level.p is not None and level.p < 0.05 for level in found.levels)
        trends += found.trend is not None and found.trend.p < 0.05
    assert better <= 0.05 * 300 + 2 * 3.8
    assert trends <= 0.05 * 300 + 2 * 3.8


def swapped(replicates: list[dict[str, int]], noise: list[float], batches: tuple[int, ...]) -> Comparison:
    """0.1 is ahead without dropout, 0.2 with it, at each of these replicates and batch sizes, by 0.1 and some noise."""
    runs = [
        RunRecord(
            f"{rate}-{dropout}-{batch}-{replicate}",
            Path("nowhere"),
            "finished",
            spec={**replicate, "model.dropout": dropout, "optimizer.learning_rate": rate, "trainer.batch": batch},
            metrics={"test_accuracy": 0.8 + (0.1 + noise[at] + batch / 1e4) * ((rate == 0.1) == (dropout == 0))},
            result={"samples": {"train": 100, "test": 100}},
        )
        for rate in (0.1, 0.2)
        for dropout in (0.0, 0.5)
        for batch in batches
        for at, replicate in enumerate(replicates)
    ]
    return compare(runs, by=["learning_rate"])


def test_an_interaction_is_tested_over_seeds_too() -> None:
    noise = [0.0, 0.002, 0.001, 0.003]
    batches = (16, 32, 64, 128)
    assert interactions(swapped([{"seed": seed} for seed in range(4)], noise, batches))
    assert not interactions(swapped([{"seed": 0}], noise, batches)), "sixteen blocks of one seed"
    assert not interactions(swapped([{"seed": 0}, {"seed": 1}], [-0.04, 0.04], batches)), "two seeds that disagree"


def test_an_interaction_over_folds_takes_the_corrected_test() -> None:
    noise = [0.0, 0.12, -0.05, 0.03, -0.02]
    assert interactions(swapped([{"seed": at} for at in range(5)], noise, (16,))), "as seeds the numbers are clear"
    assert not interactions(swapped([{"seed": 0, "split.fold": at} for at in range(5)], noise, (16,)))


def test_of_noise_no_effect_is_named_too_often() -> None:
    """400 tables in which no value is better: one is called worse in 5% of them at most, give or take chance."""
    chance = np.random.default_rng(11)
    better = 0
    for _ in range(400):
        noise = 0.1 * chance.normal(size=(3, 2, 4)) + chance.normal(size=(2, 4))
        comparison = made({(rate, dropout): list(noise[i, j]) for i, rate in RATES for j, dropout in DROPOUTS[:2]})
        better += any(level.p is not None and level.p < 0.05 for level in marginal_effect(comparison).levels)
    assert better <= 0.05 * 400 + 2 * 4.4  # 4.4 is the standard deviation of a count whose mean is 20


def test_of_noise_no_interaction_is_named_too_often() -> None:
    """At one dropout 0.1 is far better, at five others nothing is: that 0.1 is beaten there must not be claimed."""
    chance = np.random.default_rng(12)
    named = 0
    for _ in range(200):
        noise = chance.normal(size=(3, 6, 4))
        noise[0, 0] += 30
        comparison = made({(rate, dropout): list(noise[i, j]) for i, rate in RATES for j, dropout in DROPOUTS})
        named += bool(interactions(comparison))
    assert named <= 0.05 * 200 + 2 * 3.1


def test_what_diverged_is_a_row_and_no_level(project: Project) -> None:
    project.accuracies({0.001: [0.9, 0.91], 0.01: [0.8, 0.82]})
    project.run({"optimizer.learning_rate": 9.0}, {}, "diverged")
    comparison = compare(read_runs(project.work), by=["learning_rate"])
    assert [level.value for level in marginal_effect(comparison).levels] == [0.001, 0.01]
    assert [row.settings["optimizer.learning_rate"] for row in comparison.unranked] == [9.0]
    assert "Runs without a score are left out of all this: learning_rate=9 (1 diverged)." in words(comparison)
