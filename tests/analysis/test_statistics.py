"""Means and differences: golden numbers and agreement with scipy's own tests.

What they promise is measured in test_statistics_coverage.py and test_statistics_of_equals.py.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from dlrun.analysis.statistics import (
    adjusted_to_best,
    adjusted_to_best_rows,
    benjamini_hochberg,
    estimate,
    holm,
    holm_rows,
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
    assert found.warning is not None and found.warning.startswith("All 3 values are equal: ")
    assert estimate([1.0] * 120).method == "t"  # a bootstrap of nothing but 1.0 is not a number


def test_splits_widen_the_interval_as_nadeau_and_bengio_say() -> None:
    values = [0.90, 0.92, 0.94, 0.93, 0.91]
    plain, corrected = estimate(values), estimate(values, test_to_train=0.25)
    assert corrected.method == "corrected t"
    assert corrected.high is not None and plain.high is not None
    ratio = (corrected.high - corrected.mean) / (plain.high - plain.mean)
    assert ratio == pytest.approx(math.sqrt((1 / 5 + 0.25) / (1 / 5)))


def test_bootstrap_from_a_hundred_replicates_follows_skew() -> None:
    sample = np.random.default_rng(3).exponential(size=100)
    found = estimate(list(sample))
    assert found.method == "BCa"
    assert found.low is not None and found.high is not None
    assert found.high - found.mean > found.mean - found.low
    assert estimate(list(sample)) == found  # the same answer each time
    assert estimate(list(sample[:99])).method == "t"


def test_bootstrap_is_scipys() -> None:
    sample = np.random.default_rng(4).exponential(size=100)
    found = estimate(list(sample))
    expected = stats.bootstrap((sample,), np.mean, method="BCa", rng=0).confidence_interval
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


def test_two_seeds_get_an_interval_and_a_warning() -> None:
    found = estimate([0.91, 0.93])
    half = 12.706205 * 0.01  # t[0.975, 1 df]; the standard error of two values is half their distance
    assert (found.low, found.high) == pytest.approx((0.92 - half, 0.92 + half), abs=1e-6)
    for each in (found, paired_difference([0.9, 0.8], [0.7, 0.7]), unpaired_difference([0.9, 0.8], [0.7, 0.75])):
        assert each.warning is not None and each.warning.startswith("Two ")
        assert each.low is not None
    assert estimate([0.91]).warning == "One value says nothing about spread: there is no interval."
    assert estimate([0.91, 0.92, 0.93]).warning is None


def test_student_1908_golden() -> None:
    # Hours of sleep gained with two drugs (Student, 1908, Biometrika 6, page 20): t = 4.06 with 9 degrees of freedom;
    # unpaired, R's help page of t.test has t = 1.8608, p 0.07939 and the interval -0.2055 to 3.3655 by Welch's test.
    first = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
    second = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
    paired, apart = paired_difference(first, second), unpaired_difference(first, second)
    assert paired.mean / (paired.sd / math.sqrt(10)) == pytest.approx(4.0621, abs=5e-5)
    assert paired.p == pytest.approx(0.002833, abs=5e-7)
    assert (paired.low, paired.high) == pytest.approx((0.7001142, 2.4598858), abs=5e-8)
    assert apart.p == pytest.approx(0.07939, abs=5e-6)
    assert (apart.low, apart.high) == pytest.approx((-0.2054832, 3.3654832), abs=5e-8)


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


def test_unpaired_splits_widen_the_interval_as_paired_ones() -> None:
    """Each variance of a mean is (1/n + n_test/n_train) s^2; with samples alike the error grows by one factor."""
    a, b = [0.91, 0.94, 0.92, 0.95, 0.90], [0.90, 0.93, 0.91, 0.94, 0.89]
    plain, corrected = unpaired_difference(a, b), unpaired_difference(a, b, 0.25)
    assert (plain.method, corrected.method) == ("Welch", "corrected Welch")
    widths = [each.high - each.low for each in (plain, corrected) if each.high is not None and each.low is not None]
    assert widths[1] / widths[0] == pytest.approx(((1 / 5 + 0.25) / (1 / 5)) ** 0.5)
    assert corrected.sd == pytest.approx(plain.sd) and corrected.mean == plain.mean


def test_unpaired_values_all_alike_have_no_test() -> None:
    found = unpaired_difference([0.9] * 5, [0.8] * 5)
    assert (found.n, found.p, found.method) == (5, None, "none")
    assert found.warning is not None and found.warning.startswith("The values of each are all equal")


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


def test_benjamini_hochberg_golden() -> None:
    # The fifteen p values of Benjamini & Hochberg (1995), page 295: four are called at 5%, Holm calls three.
    p = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459]
    p += [0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0]
    assert sum(value <= 0.05 for value in benjamini_hochberg(p)) == 4
    assert sum(value <= 0.05 for value in holm(p)) == 3
    assert benjamini_hochberg(p) == pytest.approx(list(stats.false_discovery_control(p)))
    assert benjamini_hochberg([]) == []


def test_corrections_of_many_rows_are_those_of_each() -> None:
    rows = np.random.default_rng(6).random((50, 4)) ** 3
    np.testing.assert_allclose(holm_rows(rows), [holm(row) for row in rows.tolist()])
    np.testing.assert_allclose(adjusted_to_best_rows(rows), [adjusted_to_best(row) for row in rows.tolist()])


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
