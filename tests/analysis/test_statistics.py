"""Golden numbers, agreement with scipy's own tests, and what the intervals and tests promise, by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from dlrun.analysis.statistics import (
    adjusted_to_best,
    estimate,
    holm,
    paired_difference,
    replicates_to_settle,
    unpaired_difference,
)


def test_one_replicate_has_no_interval() -> None:
    found = estimate([0.9])
    assert (found.mean, found.n, found.low, found.high, found.method) == (0.9, 1, None, None, "none")


def test_t_interval_golden() -> None:
    # mean 2, sd 1, t[0.975, 2 df] = 4.302653: 2 +- 4.302653 / sqrt(3)
    found = estimate([1.0, 2.0, 3.0])
    assert found.method == "t"
    assert found.low == pytest.approx(2 - 2.484138, abs=1e-6)
    assert found.high == pytest.approx(2 + 2.484138, abs=1e-6)


def test_equal_values_have_an_interval_of_no_width() -> None:
    found = estimate([0.1 + 0.2, 0.3, 0.3])  # apart by rounding alone
    assert found.high == found.low == pytest.approx(0.3)
    assert estimate([1.0] * 25).method == "t"  # a bootstrap of nothing but 1.0 is not a number


def test_splits_widen_the_interval_as_nadeau_and_bengio_say() -> None:
    values = [0.90, 0.92, 0.94, 0.93, 0.91]
    plain, corrected = estimate(values), estimate(values, test_to_train=0.25)
    assert corrected.method == "corrected t"
    assert corrected.high is not None and plain.high is not None
    ratio = (corrected.high - corrected.mean) / (plain.high - plain.mean)
    assert ratio == pytest.approx(math.sqrt((1 / 5 + 0.25) / (1 / 5)))


def test_bootstrap_from_twenty_replicates_follows_skew() -> None:
    sample = np.random.default_rng(3).exponential(size=20)
    found = estimate(list(sample))
    assert found.method == "BCa"
    assert found.low is not None and found.high is not None
    assert found.high - found.mean > found.mean - found.low
    assert estimate(list(sample)) == found  # the same answer each time


def test_paired_difference_is_scipys() -> None:
    a, b = [0.97, 0.96, 0.98, 0.95], [0.95, 0.955, 0.96, 0.95]
    found, expected = paired_difference(a, b), stats.ttest_rel(a, b)
    interval = expected.confidence_interval(0.95)
    assert found.p == pytest.approx(expected.pvalue)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
    assert found.probability == pytest.approx(1 - expected.pvalue / 2)


def test_unpaired_difference_is_welchs() -> None:
    a, b = [0.97, 0.96, 0.98, 0.95], [0.95, 0.9, 0.96]
    found, expected = unpaired_difference(a, b), stats.ttest_ind(a, b, equal_var=False)
    interval = expected.confidence_interval(0.95)
    assert found.p == pytest.approx(expected.pvalue)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))


def test_a_constant_difference_is_no_certainty() -> None:
    found = paired_difference([0.5, 0.6, 0.7], [0.4, 0.5, 0.6])
    assert found.method == "sign"
    assert found.p == 0.25
    assert found.low is None
    same = paired_difference([0.5, 0.6], [0.5, 0.6])
    assert (same.mean, same.p, same.probability) == (0.0, 1.0, 0.5)


def test_one_pair_has_no_test() -> None:
    assert paired_difference([0.5], [0.4]).p is None
    with pytest.raises(ValueError, match="pairs must match"):
        paired_difference([0.5], [0.4, 0.3])


def test_holm_golden() -> None:
    # Holm (1979) by hand: 4 * 0.005, 3 * 0.01, 2 * 0.03, and 0.04 kept from falling below 0.06
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([]) == []


def test_adjustment_to_a_best_chosen_by_the_data() -> None:
    assert adjusted_to_best([0.03]) == pytest.approx([0.03])  # two trials: nothing to adjust
    assert adjusted_to_best([0.001, 0.02]) == pytest.approx([0.003, 0.03])
    assert adjusted_to_best([0.5, 0.9]) == [1.0, 1.0]
    assert adjusted_to_best([]) == []


def test_replicates_to_settle() -> None:
    close = paired_difference([0.1, 0.0, 0.2, 0.1], [0.0, 0.1, 0.1, 0.05])
    needed = replicates_to_settle(close)
    assert needed is not None
    # the standard sample size of a paired t-test at this effect, power 0.8
    effect = abs(close.mean) / close.sd
    assert needed == pytest.approx((1.96 + 0.8416) ** 2 / effect**2, rel=0.15)
    assert replicates_to_settle(close, alpha=0.001) > needed  # type: ignore[operator]
    assert replicates_to_settle(paired_difference([1.0, 2.0], [1.0, 2.0])) is None
    assert replicates_to_settle(close, test_to_train=0.25) is None  # more splits of the same rows say no more
    assert replicates_to_settle(paired_difference([0.2, 0.3], [0.1, 0.2])) == 6  # 2 * 0.5**6 = 0.031


@pytest.mark.parametrize("n", [3, 8])
def test_t_intervals_cover_95_percent(n: int) -> None:
    rng = np.random.default_rng(0)
    found = [estimate(list(sample)) for sample in rng.normal(0.9, 0.02, (2000, n))]
    covered = np.mean([f.low <= 0.9 <= f.high for f in found if f.low is not None and f.high is not None])
    assert covered == pytest.approx(0.95, abs=0.012)  # 2.5 standard errors


def test_bootstrap_intervals_cover_about_95_percent() -> None:
    rng = np.random.default_rng(1)
    found = [estimate(list(sample)) for sample in rng.normal(0.9, 0.02, (150, 20))]
    covered = np.mean([f.low <= 0.9 <= f.high for f in found if f.low is not None and f.high is not None])
    assert 0.87 <= covered <= 0.99  # 93% is what BCa reaches at 20


def test_paired_test_keeps_its_level() -> None:
    rng = np.random.default_rng(2)
    samples = rng.normal(size=(2000, 2, 5)) + rng.normal(size=(2000, 1, 5))  # a seed moves both alike
    p = np.array([paired_difference(list(a), list(b)).p for a, b in samples], dtype=float)
    assert np.mean(p < 0.05) == pytest.approx(0.05, abs=0.013)


def test_corrected_test_keeps_its_level_where_splits_overlap() -> None:
    # Ten random splits of 100 rows, 20 of them tested: the scores of two equal learners are correlated across splits.
    rng = np.random.default_rng(3)
    shared = math.sqrt(0.2)  # correlation n_test / (n_test + n_train), the approximation that the correction makes
    corrected, naive = [], []
    for _ in range(1500):
        d = shared * rng.normal() + math.sqrt(1 - shared**2) * rng.normal(size=10)
        corrected.append(paired_difference(list(d), [0.0] * 10, test_to_train=0.25).p)
        naive.append(paired_difference(list(d), [0.0] * 10).p)
    assert np.mean(np.array(corrected, dtype=float) < 0.05) <= 0.065
    assert np.mean(np.array(naive, dtype=float) < 0.05) > 0.2


@pytest.mark.parametrize("trials", [2, 10])
def test_no_trial_is_called_worse_than_the_best_when_all_are_equal(trials: int) -> None:
    rng = np.random.default_rng(4)
    claims = holm_alone = 0
    for sample in rng.normal(size=(3000, trials, 8)):
        ranked = sorted(sample.tolist(), key=lambda row: -sum(row))
        p = [found for row in ranked[1:] if (found := paired_difference(row, ranked[0]).p) is not None]
        claims += min(adjusted_to_best(p)) < 0.05
        holm_alone += min(holm(p)) < 0.05
    assert claims / 3000 <= 0.062  # 0.05 and three standard errors
    if trials == 10:
        assert holm_alone / 3000 > 0.1  # why Holm's adjustment is not enough when the data chose the best


def test_probability_of_being_better_is_calibrated() -> None:
    rng = np.random.default_rng(5)
    told, true = [], []
    for _ in range(3000):
        effect = rng.normal(scale=3)  # close to the flat prior that the probability assumes
        d = effect + rng.normal(size=5)
        told.append(paired_difference(list(d), [0.0] * 5).probability)
        true.append(effect > 0)
    told_array, true_array = np.array(told, dtype=float), np.array(true)
    middling = (told_array > 0.6) & (told_array < 0.9)
    assert np.mean(true_array[middling]) == pytest.approx(np.mean(told_array[middling]), abs=0.08)
