"""How often the 95% intervals hold the true mean, and the tests keep their level, by simulation with fixed seeds.

`pytest -rP tests/analysis/test_statistics_coverage.py` prints the tables of docs/statistics.md; the full one of the
bootstrap is slow.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from dlrun.analysis.statistics import (
    ALPHA,
    bca_intervals,
    estimate,
    jonckheere_trend,
    mann_whitney,
    mean_intervals,
    page_trend,
    paired_difference,
    paired_effect,
    paired_equivalence,
    paired_tests,
    proportion,
    theil_sen,
    unpaired_difference,
    wilcoxon,
)

NOMINAL = 1 - ALPHA
Draw = Callable[[np.random.Generator, tuple[int, int]], np.ndarray]


@dataclass(frozen=True)
class Population:
    """What replicates are drawn from."""

    name: str
    mean: float
    draw: Draw


NORMAL = Population("normal", 0.9, lambda rng, size: rng.normal(0.9, 0.02, size))
SKEWED = (
    Population("beta(38, 2), as accuracies near 0.95", 0.95, lambda rng, size: rng.beta(38, 2, size)),
    Population("beta(9, 0.5), as accuracies near 1", 9 / 9.5, lambda rng, size: rng.beta(9, 0.5, size)),
    Population("exponential", 1.0, lambda rng, size: rng.exponential(1.0, size)),
    Population("lognormal", math.exp(0.5), lambda rng, size: rng.lognormal(0.0, 1.0, size)),
    Population("two-point, 2 in 3 right", 0.65, lambda rng, size: (rng.random(size) < 0.65).astype(float)),
    Population("two-point, 9 in 10 right", 0.9, lambda rng, size: (rng.random(size) < 0.9).astype(float)),
)


def coverage_of_t(population: Population, n: int, samples: int) -> float:
    """Share of `samples` of size `n` whose t interval holds the mean."""
    return 1 - sum(missed_by_t(population, n, samples))


def coverage_of_bca(population: Population, n: int, samples: int, resamples: int) -> float:
    """The same of the bootstrap."""
    return 1 - sum(missed_by_bca(population, n, samples, resamples))


def missed_by_t(population: Population, n: int, samples: int) -> tuple[float, float]:
    """Shares of intervals that lie below the mean, and above it."""
    drawn = population.draw(np.random.default_rng(n), (samples, n))
    return missed(population, *mean_intervals(drawn)[1:])


def missed_by_bca(population: Population, n: int, samples: int, resamples: int) -> tuple[float, float]:
    """The same of the bootstrap; where all values are equal, its ends are that value."""
    drawn = population.draw(np.random.default_rng(n), (samples, n))
    low, high, varied = drawn[:, 0].copy(), drawn[:, 0].copy(), np.ptp(drawn, axis=1) > 0
    low[varied], high[varied] = bca_intervals(drawn[varied], resamples)
    return missed(population, low, high)


def missed(population: Population, low: np.ndarray, high: np.ndarray) -> tuple[float, float]:
    rounding = 1e-9  # an end that is the mean itself
    return float(np.mean(high < population.mean - rounding)), float(np.mean(low > population.mean + rounding))


def show(title: str, sizes: tuple[int, ...], rows: dict[str, list[float]]) -> None:
    lines = [title, f"{'':40}" + "".join(f"n={n:<6}" for n in sizes)]
    lines += [f"{name:40}" + "".join(f"{share:<8.1%}" for share in shares) for name, shares in rows.items()]
    print("\n".join(lines))  # noqa: T201 - for docs/statistics.md


@pytest.mark.parametrize("n", [3, 5, 10, 20])
def test_t_intervals_cover_95_percent_of_normal_means(n: int) -> None:
    assert coverage_of_t(NORMAL, n, 20_000) == pytest.approx(NOMINAL, abs=0.006)  # 4 standard errors; 1.5 is asked


@pytest.mark.parametrize("n", [3, 10])
def test_what_is_simulated_is_what_is_told(n: int) -> None:
    drawn = NORMAL.draw(np.random.default_rng(0), (20, n))
    _, low, high = mean_intervals(drawn)
    told = [estimate(list(sample)) for sample in drawn]
    assert [(each.low, each.high) for each in told] == list(zip(low, high, strict=True))
    tests = paired_tests(drawn[:10], drawn[10:])
    each = [paired_difference(list(a), list(b)) for a, b in zip(drawn[:10], drawn[10:], strict=True)]
    assert [(one.p, one.low, one.probability) for one in each] == list(
        zip(tests.p, tests.low, tests.probability, strict=True)
    )


def test_t_intervals_of_skewed_means() -> None:
    sizes = (2, 3, 5, 10, 20, 50)
    rows = {each.name: [coverage_of_t(each, n, 10_000) for n in sizes] for each in (NORMAL, *SKEWED)}
    show("Student's t", sizes, rows)
    exponential, beta = rows["exponential"], rows["beta(38, 2), as accuracies near 0.95"]
    assert 0.86 < exponential[1] < 0.90  # below what is promised: so the documents say
    assert exponential[2:] == sorted(exponential[2:])
    assert all(share > 0.915 for share in beta)


def test_bootstrap_intervals_at_a_hundred() -> None:
    """Where `estimate` begins to use them."""
    populations = (NORMAL, SKEWED[1], SKEWED[2])
    rows = {each.name: [coverage_of_bca(each, 100, 300, 999)] for each in populations}
    show("BCa bootstrap, 300 samples", (100,), rows)
    assert all(share == pytest.approx(0.945, abs=0.039) for (share,) in rows.values())  # 3 standard errors


@pytest.mark.slow
def test_table_of_bootstrap_intervals() -> None:
    sizes = (20, 30, 50, 100)
    populations = (NORMAL, *SKEWED)
    t = {each.name: [missed_by_t(each, n, 4000) for n in sizes] for each in populations}
    bca = {each.name: [missed_by_bca(each, n, 4000, 1999) for n in sizes] for each in populations}
    for title, missed_by in (("Student's t", t), ("BCa bootstrap", bca)):
        covered = {name: [1 - sum(both) for both in row] for name, row in missed_by.items()}
        show(f"{title}, 4,000 samples", sizes, covered)
        ends = {name: [row[-1][0], row[-1][1]] for name, row in missed_by.items()}
        show(f"{title}, {sizes[-1]} values: too low, too high", (sizes[-1], sizes[-1]), ends)
    for name in (NORMAL.name, "exponential", "beta(38, 2), as accuracies near 0.95"):
        assert sum(bca[name][0]) > sum(t[name][0])  # why the bootstrap does not begin at 20
    for name in ("exponential", "beta(38, 2), as accuracies near 0.95"):
        (below, above), (below_t, above_t) = bca[name][-1], t[name][-1]
        assert abs(below - above) < abs(below_t - above_t) / 2  # what it is for
        assert below + above == pytest.approx(below_t + above_t, abs=0.01)


def test_paired_test_keeps_its_level() -> None:
    rng = np.random.default_rng(2)
    samples = rng.normal(size=(2, 20_000, 5)) + rng.normal(size=(20_000, 5))  # a seed moves both alike
    assert np.mean(paired_tests(*samples).p < ALPHA) == pytest.approx(ALPHA, abs=0.006)


def test_corrected_test_keeps_its_level_where_splits_overlap() -> None:
    # Ten random splits of 100 rows, 20 of them tested: the scores of two equal learners are correlated across splits,
    # by n_test / (n_test + n_train) in the approximation that the correction makes.
    rng = np.random.default_rng(3)
    d = math.sqrt(0.2) * rng.normal(size=(20_000, 1)) + math.sqrt(0.8) * rng.normal(size=(20_000, 10))
    assert np.mean(paired_tests(d, np.zeros_like(d), test_to_train=0.25).p < ALPHA) <= 0.055
    assert np.mean(paired_tests(d, np.zeros_like(d)).p < ALPHA) > 0.2


def test_probability_of_being_better_is_calibrated() -> None:
    rng = np.random.default_rng(5)
    effect = rng.normal(scale=3, size=(20_000, 1))  # close to the flat prior that the probability assumes
    d = effect + rng.normal(size=(20_000, 5))
    told, true = paired_tests(d, np.zeros_like(d)).probability, effect[:, 0] > 0
    middling = (told > 0.6) & (told < 0.9)
    assert np.mean(true[middling]) == pytest.approx(np.mean(told[middling]), abs=0.03)


@pytest.mark.parametrize(
    ("trials", "spread", "right"), [(2, 0.3, 0.86), (10, 0.3, 0.77), (2, 1.0, 0.98), (10, 1.0, 0.95)]
)
def test_probability_of_being_better_flatters_a_chosen_best_and_small_differences(
    trials: int, spread: float, right: float
) -> None:
    """Where the best is said to be over 95% likely better than the second, as docs/statistics.md tells it."""
    rng = np.random.default_rng(trials)
    n = 300_000 // trials
    effect = rng.normal(scale=spread, size=(n, trials))
    samples = effect[..., None] + rng.normal(size=(n, trials, 5))
    order, at = np.argsort(-samples.mean(axis=-1), axis=-1), np.arange(n)
    first, second = order[:, 0], order[:, 1]
    told = paired_tests(samples[at, first], samples[at, second]).probability
    sure, true = told > 0.95, effect[at, first] > effect[at, second]
    assert np.mean(told[sure]) > 0.97
    assert np.mean(true[sure]) == pytest.approx(right, abs=0.02)


def test_tests_of_equals_keep_their_level() -> None:
    """Each test on values that are equal in distribution, rounded as accuracies are: p below 5% in 5% at most."""
    rng, found = np.random.default_rng(6), {}
    draws = [np.round(rng.normal(0.9, 0.01, (3, 6)) * 360) / 360 for _ in range(400)]
    for name, p in {
        "Wilcoxon": lambda a, b, c: wilcoxon(a, b).p,
        "Mann-Whitney": lambda a, b, c: mann_whitney(a, b).p,
        "Welch": lambda a, b, c: unpaired_difference(a, b).p,
        "Page": lambda a, b, c: page_trend([*zip(a, b, c, strict=True)]).p,
        "Jonckheere-Terpstra": lambda a, b, c: jonckheere_trend([a, b, c]).p,
    }.items():
        found[name] = float(np.mean([p(*each.tolist()) < ALPHA for each in draws]))
    assert all(share <= ALPHA + 0.033 for share in found.values())  # 3 standard errors


def test_equivalence_is_not_claimed_at_the_margin() -> None:
    rng = np.random.default_rng(7)
    claims = [paired_equivalence(list(d), [0.0] * 8, 0.01).is_equivalent for d in rng.normal(0.01, 0.01, (600, 8))]
    assert np.mean(claims) == pytest.approx(ALPHA, abs=0.027)


def test_intervals_of_shares_effects_and_slopes_cover() -> None:
    rng = np.random.default_rng(8)
    shares = [proportion(int(count), 12) for count in rng.binomial(12, 0.3, 400)]
    assert np.mean([each.low <= 0.3 <= each.high for each in shares]) == pytest.approx(0.95, abs=0.035)
    effects = [paired_effect(list(d), [0.0] * 6) for d in rng.normal(0.7, 1.0, (400, 6))]
    assert np.mean([each.low <= 0.7 <= each.high for each in effects]) == pytest.approx(0.95, abs=0.035)
    x = list(np.repeat([0.0, 1.0, 2.0, 3.0], 3))
    slopes = [theil_sen(x, list(2 * np.array(x) + noise)) for noise in rng.normal(size=(400, 12))]
    assert np.mean([each.low <= 2.0 <= each.high for each in slopes]) == pytest.approx(0.95, abs=0.035)
