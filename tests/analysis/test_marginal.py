"""The effect of one hyperparameter, averaged over the others, and where it depends on them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from analysis.synthetic import Project
from dlrun.analysis.compare import Comparison, compare
from dlrun.analysis.interactions import interactions
from dlrun.analysis.marginal import adjusted_means, marginal_effect
from dlrun.analysis.record import RunRecord
from dlrun.analysis.runs import read_runs
from dlrun.cli.marginal import effect_in_words

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
    assert (found.blocks, found.is_complete, found.is_blocked) == (12, True, True)
    best, second, third = found.levels
    assert (best.difference, best.p) == (None, None)
    for level in (second, third):
        assert level.difference is not None and level.difference.n == 12
        assert level.p is not None and level.p < 0.001
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
    assert found.trend is not None and found.trend_blocks == 4


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


def test_values_that_share_no_block_are_compared_as_they_are() -> None:
    table = {(0.1, 0.0): [0.9, 0.91, 0.92], (0.2, 0.5): [0.7, 0.72, 0.71]}
    found = marginal_effect(made(table))
    assert not found.is_blocked
    assert [level.mean for level in found.levels] == pytest.approx([0.91, 0.71])
    assert found.levels[1].difference is not None and found.levels[1].difference.method == "Welch"
    assert "nothing is compared within blocks" in effect_in_words(found, made(table))[-1][1]


def sentence(table: Table, number: int = 1) -> str:
    comparison = made(table)
    return effect_in_words(marginal_effect(comparison), comparison)[number][1]


def test_a_trend_is_told_in_a_sentence() -> None:
    rising = additive(noise=0.01)
    assert sentence(rising).startswith("test_accuracy rises as learning_rate rises (Page's trend test over 12 blocks, ")
    middle = {(rate, d): [v - 3 * abs(rate - 0.2) for v in values] for (rate, d), values in rising.items()}
    assert sentence(middle) == "test_accuracy is best in between, at 0.2, and worse towards both ends."
    flat = {key: [0.9 + 0.01 * ((seed * 7 + int(key[0] * 10) * 5) % 4) for seed in range(4)] for key in rising}
    assert sentence(flat).startswith("No steady trend along learning_rate is seen (Page's trend test over 12 blocks")


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
    words = [text for _, text in effect_in_words(marginal_effect(comparison), comparison)]
    assert any(
        "The best learning_rate depends on dropout: 0.1 at dropout=0, but 0.2 at dropout=0.5" in w for w in words
    )


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
