"""Tests of ranks, counts, trends and equivalence, effect sizes and power: published tables and scipy."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from dlrun.analysis.statistics import (
    dominance,
    estimate,
    hedges_correction,
    jonckheere_trend,
    least_p,
    mann_whitney,
    page_trend,
    paired_difference,
    paired_effect,
    paired_equivalence,
    paired_power,
    proportion,
    proportion_difference,
    quantile_estimate,
    replicates_for,
    replicates_for_power,
    replicates_to_settle,
    sign_test,
    spearman,
    theil_sen,
    unpaired_effect,
    unpaired_equivalence,
    wilcoxon,
)

# Hamilton depression scale before and after a tranquilizer (Hollander & Wolfe, 1973, page 29)
BEFORE = [1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30]
AFTER = [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29]
# Permeability of membranes at term and at 12 to 26 weeks (Hollander & Wolfe, 1973, page 69)
TERM = [0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46]
EARLY = [1.15, 0.88, 0.90, 0.74, 1.21]
# Pieces finished by workers told nothing, roughly, exactly how they do (Hollander & Wolfe, 1999, example 6.2)
TOLD = [[40, 35, 38, 43, 44, 41], [38, 40, 47, 44, 40, 42], [48, 40, 45, 43, 46, 44]]


def test_wilcoxon_golden() -> None:
    found = wilcoxon(BEFORE, AFTER, "greater")
    assert (found.statistic, found.p) == (40, pytest.approx(0.01953125))  # 10 of 512 orders
    assert found.method == "Wilcoxon, exact"
    assert wilcoxon(BEFORE, AFTER).p == pytest.approx(0.0390625)


@pytest.mark.parametrize("alternative", ["two-sided", "greater", "less"])
def test_wilcoxon_with_ties_counts_every_sign(alternative: str) -> None:
    rng = np.random.default_rng(0)
    for n in (3, 6, 10):
        d = rng.integers(-3, 5, n).astype(float)  # zeros too
        kept = d[d != 0]
        expected = stats.wilcoxon(kept, alternative=alternative, method=stats.PermutationMethod(n_resamples=2**n))
        found = wilcoxon(list(d + 0.7), [0.7] * n, alternative)  # type: ignore[arg-type]
        assert found.p == pytest.approx(expected.pvalue)
        assert (found.n, found.dropped) == (len(kept), n - len(kept))


def test_equal_steps_in_the_last_digit_are_ties() -> None:
    # 0.97 - 0.96 and 0.96 - 0.95 differ in their last bits; as accuracies they are one step each
    found = wilcoxon([0.97, 0.96, 0.95, 0.99], [0.96, 0.95, 0.96, 0.97])
    assert found.statistic == 2 + 2 + 4


def test_pairs_that_all_agree_show_nothing() -> None:
    for test in (wilcoxon, sign_test):
        found = test([0.5, 0.6], [0.5, 0.6])
        assert (found.p, found.n, found.dropped) == (1.0, 0, 2)
        assert found.warning == "None of 2 pairs differs: there is nothing to rank."


def test_sign_test_golden() -> None:
    found = sign_test([1.0] * 7 + [0.0], [0.5] * 8, "greater")
    assert (found.statistic, found.p) == (7, pytest.approx(9 / 256))


def test_mann_whitney_golden() -> None:
    found = mann_whitney(TERM, EARLY, "greater")
    assert (found.statistic, found.n) == (35, 5)
    assert found.p == pytest.approx(0.1272, abs=5e-5)


@pytest.mark.parametrize("alternative", ["two-sided", "greater", "less"])
def test_mann_whitney_with_ties_counts_every_choice(alternative: str) -> None:
    rng = np.random.default_rng(1)
    for m, n in ((2, 3), (4, 4), (5, 3)):
        a, b = rng.integers(0, 4, m).astype(float), rng.integers(1, 5, n).astype(float)
        every = stats.PermutationMethod(n_resamples=math.comb(m + n, m))
        expected = stats.mannwhitneyu(a, b, alternative=alternative, method=every)
        found = mann_whitney(list(a), list(b), alternative)  # type: ignore[arg-type]
        assert (found.statistic, found.p) == pytest.approx((expected.statistic, expected.pvalue))


def test_many_values_take_the_normal_approximation() -> None:
    a, b = np.random.default_rng(2).normal(size=(2, 60))
    assert wilcoxon(list(a), list(b)).method == "Wilcoxon, normal approximation"
    assert wilcoxon(list(a), list(b)).p == pytest.approx(stats.wilcoxon(a, b, method="asymptotic").pvalue)
    assert mann_whitney(list(a), list(b)).p == pytest.approx(stats.mannwhitneyu(a, b, method="asymptotic").pvalue)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 6])
def test_least_p_is_what_the_clearest_result_gives(n: int) -> None:
    high, low = [1.0 + step / 10 for step in range(n)], [step / 100 for step in range(n)]
    for alternative in ("two-sided", "greater"):
        for test, name in ((wilcoxon, "Wilcoxon"), (sign_test, "sign")):
            least = least_p(name, (n,), alternative)  # type: ignore[arg-type]
            assert test(high, low, alternative).p == pytest.approx(least)  # type: ignore[arg-type]
        least = least_p("Mann-Whitney", (n, n), alternative)  # type: ignore[arg-type]
        assert mann_whitney(high, low, alternative).p == pytest.approx(least)  # type: ignore[arg-type]
        for other in (n, n + 2):
            found = proportion_difference((n, n), (0, other), alternative)  # type: ignore[arg-type]
            assert found.p == pytest.approx(found.least_p)
    assert jonckheere_trend([low, high, [10 + value for value in low]]).p == pytest.approx(
        least_p("Jonckheere-Terpstra", (n, n, n))
    )
    if n > 1:
        rising = page_trend([[1, 2, 3]] * n, "rising")
        assert rising.p == pytest.approx(rising.least_p) == 1 / 6**n
    if n > 2:
        assert spearman(low, high).p == pytest.approx(least_p("Spearman", (n,)))
    assert least_p("t", (n,)) == 0.0


def test_too_few_for_a_test_is_said() -> None:
    found = wilcoxon([0.9, 0.8, 0.7, 0.6], [0.5, 0.5, 0.5, 0.5])
    assert found.least_p == 0.125
    assert found.warning == ("4 pairs that differ cannot give a p below 0.125, whatever the values are; it takes 6.")
    assert wilcoxon([0.9, 0.8, 0.7, 0.6, 0.5], [0.1] * 5, "greater").warning is None  # 0.031


def test_replicates_that_a_rule_needs() -> None:
    # least p one-sided 0.0625, 0.031, 0.016 at 4, 5, 6 pairs
    assert [replicates_for("Wilcoxon", rules=rules, alternative="greater") for rules in (1, 2, 3, 4)] == [5, 6, 6, 7]
    assert replicates_for("Mann-Whitney") == 4  # 2 / 70
    assert replicates_for("Fisher", alternative="greater") == 3  # 1 / 20
    assert replicates_for("Page", levels=3) == 3
    assert replicates_for("t") == 2


def test_wilson_golden() -> None:
    # Newcombe (1998), Statistics in Medicine 17, 857-872, table I, method 3
    golden = {
        (81, 263): (0.2553, 0.3662),
        (15, 148): (0.0624, 0.1605),
        (0, 20): (0.0, 0.1611),
        (1, 29): (0.0061, 0.1718),
    }
    for (count, n), ends in golden.items():
        found = proportion(count, n)
        assert (found.low, found.high) == pytest.approx(ends, abs=5e-5)
    assert proportion(1, 2).warning is not None


def test_newcombe_golden() -> None:
    # Newcombe (1998), Statistics in Medicine 17, 873-890, table II, method 10
    golden = {
        ((56, 70), (48, 80)): (0.0524, 0.3339),
        ((9, 10), (3, 10)): (0.1705, 0.8090),
        ((6, 7), (2, 7)): (0.0582, 0.8062),
        ((5, 56), (0, 29)): (-0.0381, 0.1926),
        ((0, 10), (0, 20)): (-0.1611, 0.2775),
        ((10, 10), (0, 20)): (0.6791, 1.0),
    }
    for (first, second), ends in golden.items():
        found = proportion_difference(first, second)
        assert (found.low, found.high) == pytest.approx(ends, abs=5e-5)


def test_fisher_golden() -> None:
    # The lady tasting tea (Fisher, 1935, chapter 2): all eight cups right is 1 in 70, six of them 17 in 70
    assert proportion_difference((4, 4), (0, 4), "greater").p == pytest.approx(1 / 70)
    assert proportion_difference((3, 4), (1, 4), "greater").p == pytest.approx(17 / 70)
    assert proportion_difference((3, 4), (1, 4)).p == pytest.approx(34 / 70)
    assert proportion_difference((2, 2), (0, 2)).warning is not None


@pytest.mark.parametrize(("count", "n"), [(-1, 3), (4, 3), (0, 0)])
def test_a_count_beyond_its_cases_is_refused(count: int, n: int) -> None:
    with pytest.raises(ValueError, match="a count must be between"):
        proportion(count, n)


def test_median_interval_golden() -> None:
    # Order statistics 2 and 9 of ten values: 97.9% (Conover, 1999, section 3.2); six values, first and last: 96.9%
    ten = quantile_estimate([float(value) for value in range(1, 11)])
    assert (ten.value, ten.low, ten.high) == (5.5, 2, 9)
    six = quantile_estimate([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    assert (six.low, six.high) == (1, 6)
    five = quantile_estimate([1.0, 2.0, 3.0, 4.0, 5.0])
    assert (five.low, five.high, five.method) == (None, None, "none")
    assert five.warning == "5 values are too few for a 95% interval of this quantile: it takes about 6."


def test_equivalence_is_two_tests_of_scipy() -> None:
    rng = np.random.default_rng(3)
    for shift in (0.0, 0.02, -0.1):
        a, b = rng.normal(0.9, 0.01, 8), rng.normal(0.9 + shift, 0.01, 8)
        margin = 0.02
        above = stats.ttest_1samp(a - b, -margin, alternative="greater").pvalue
        below = stats.ttest_1samp(a - b, margin, alternative="less").pvalue
        found = paired_equivalence(list(a), list(b), margin)
        interval = stats.ttest_rel(a, b).confidence_interval(0.9)
        assert found.p == pytest.approx(max(above, below))
        assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
        assert found.is_equivalent == (interval.low > -margin and interval.high < margin)
        apart = unpaired_equivalence(list(a), list(b), margin)
        above = stats.ttest_ind(a + margin, b, equal_var=False, alternative="greater").pvalue
        below = stats.ttest_ind(a - margin, b, equal_var=False, alternative="less").pvalue
        assert apart.p == pytest.approx(max(above, below))


def test_equivalence_golden() -> None:
    # Lakens (2017), the example of two independent samples: t(182) = -2.69, p = 0.004
    def sample(mean: float, sd: float, n: int) -> list[float]:
        values = stats.norm.ppf((np.arange(n) + 0.5) / n)
        return list(mean + sd * (values - values.mean()) / values.std(ddof=1))

    margin = 0.43 * math.sqrt((0.95**2 + 0.83**2) / 2)
    found = unpaired_equivalence(sample(5.25, 0.95, 95), sample(5.22, 0.83, 89), margin)
    assert found.p == pytest.approx(0.004, abs=5e-4)


def test_equivalence_needs_a_margin_and_two_pairs() -> None:
    with pytest.raises(ValueError, match="a margin must be above 0"):
        paired_equivalence([1.0, 2.0], [1.0, 2.0], 0.0)
    assert paired_equivalence([1.0], [1.0], 0.1).p is None
    assert not paired_equivalence([1.0], [1.0], 0.1).is_equivalent
    same = paired_equivalence([0.5, 0.6, 0.7], [0.5, 0.6, 0.7], 0.1)
    assert (same.p, same.method) == (0.125, "sign")  # no certainty from three pairs


def test_page_golden() -> None:
    # Page (1963), table 2: least L at 5% for three conditions and 2 to 6 rankings
    critical = {2: 28, 3: 41, 4: 54, 5: 66, 6: 79}
    orders = list(itertools.permutations((1.0, 2.0, 3.0)))
    weights = {order: sum(place * rank for place, rank in enumerate(order, start=1)) for order in orders}
    for rows, limit in critical.items():
        found = {}
        for choice in itertools.combinations_with_replacement(orders, rows):
            found[sum(weights[order] for order in choice)] = choice
        assert page_trend(found[limit], "rising").p <= 0.05 < page_trend(found[limit - 1], "rising").p


def test_page_both_ways() -> None:
    table = [[1, 2, 3, 4], [1, 3, 2, 4], [2, 1, 3, 4]]
    rising, falling = page_trend(table, "rising"), page_trend([row[::-1] for row in table], "falling")
    assert rising.p == pytest.approx(falling.p)
    assert rising.effect == pytest.approx(-falling.effect)
    assert rising.effect == pytest.approx(np.mean([stats.spearmanr(row, range(4)).statistic for row in table]))
    assert page_trend(table).p == pytest.approx(2 * rising.p)
    with pytest.raises(ValueError, match="a table needs"):
        page_trend([[1, 2], [1, 2]])


def test_jonckheere_golden() -> None:
    # Hollander & Wolfe (1999), example 6.2: J = 79, J* = 2.02; table A.13 without ties: P(J >= 79) = 0.0231
    found = jonckheere_trend(TOLD, "rising")
    assert found.statistic == 79
    assert found.p == pytest.approx(stats.norm.sf(2.02), rel=0.07)  # J* there is not corrected for the ties
    ranked = [[1, 3, 4, 6, 11, 15], [2, 5, 8, 9, 12, 18], [7, 10, 13, 14, 16, 17]]
    free = jonckheere_trend(ranked, "rising")
    assert (free.statistic, free.p) == (79, pytest.approx(0.0231, abs=5e-5))
    assert free.method == "Jonckheere-Terpstra, exact"


def test_jonckheere_with_ties_is_kendalls() -> None:
    # Kendall's S of group and value is the same count; its normal approximation corrects for ties in both
    levels = [level for level, group in enumerate(TOLD) for _ in group]
    expected = stats.kendalltau(levels, [value for group in TOLD for value in group], method="asymptotic")
    assert jonckheere_trend(TOLD).p == pytest.approx(expected.pvalue)


def test_jonckheere_counts_every_order() -> None:
    sizes, values = (1, 2, 2), np.random.default_rng(5).permutation(5).astype(float)

    def statistic(order: tuple[float, ...]) -> int:
        a, b, c = order[:1], order[1:3], order[3:]
        return sum(y > x for g, h in ((a, b), (a, c), (b, c)) for x in g for y in h)

    every = [statistic(order) for order in itertools.permutations(values)]
    groups = np.split(values, np.cumsum(sizes)[:-1])
    found = jonckheere_trend([list(group) for group in groups], "falling")
    assert found.p == pytest.approx(np.mean(np.array(every) <= found.statistic))


def test_spearman_golden() -> None:
    # Exact one-sided chances at five points: rho 1 is 1 of 120 orders, 0.9 or more five of them (Olds, 1938)
    perfect, near = spearman([1, 2, 3, 4, 5], [2, 4, 6, 8, 9]), spearman([1, 2, 3, 4, 5], [1, 2, 3, 5, 4])
    assert (perfect.rho, perfect.p) == (pytest.approx(1.0), pytest.approx(2 / 120))
    assert (near.rho, near.p) == (pytest.approx(0.9), pytest.approx(10 / 120))
    assert spearman([1, 2, 3], [1, 2, 3]).low is None
    assert spearman([1, 2, 3, 4], [1, 1, 1, 1]).p == 1.0
    x, y = np.random.default_rng(7).normal(size=(2, 30))
    found, expected = spearman(list(x), list(y)), stats.spearmanr(x, y)
    assert found.rho == pytest.approx(expected.statistic)
    assert found.p == pytest.approx(expected.pvalue, abs=0.02)
    assert found.method == "Spearman, orders drawn at random"


def test_theil_sen_is_scipys_and_ignores_an_outlier() -> None:
    x, y = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0], [0.1, 1.0, 2.1, 2.9, 4.0, 5.1, 6.0, 90.0]
    found, expected = theil_sen(x, y), stats.theilslopes(y, x)
    assert (found.slope, found.low, found.high) == pytest.approx(expected[0:1] + expected[2:4])
    assert found.slope == pytest.approx(1.0, abs=0.05)
    assert found.warning is None
    assert theil_sen(x[:4], y[:4]).warning is not None
    with pytest.raises(ValueError, match="x must vary"):
        theil_sen([1.0, 1.0, 1.0], [1.0, 2.0, 3.0])


def test_hedges_correction_golden() -> None:
    # Closed forms at 2 and 4 degrees of freedom, and Hedges's (1981) own approximation 1 - 3 / (4 m - 1)
    assert hedges_correction(2) == pytest.approx(1 / math.sqrt(math.pi))
    assert hedges_correction(4) == pytest.approx(math.sqrt(2 / math.pi))
    for m in (10, 50):
        assert hedges_correction(m) == pytest.approx(1 - 3 / (4 * m - 1), abs=4e-4)


def test_effect_sizes_invert_the_noncentral_t() -> None:
    a, b = [0.97, 0.96, 0.98, 0.95, 0.99], [0.95, 0.955, 0.96, 0.95, 0.955]
    for found, t, freedom, share in (
        (paired_effect(a, b), stats.ttest_rel(a, b).statistic, 4, 1 / 5),
        (unpaired_effect(a, b[:4]), stats.ttest_ind(a, b[:4]).statistic, 7, 1 / 5 + 1 / 4),
    ):
        assert found.d is not None and found.low is not None and found.high is not None
        assert found.d == pytest.approx(t * math.sqrt(share))
        assert found.g == pytest.approx(found.d * hedges_correction(freedom))
        assert stats.nct.sf(t, freedom, found.low / math.sqrt(share)) == pytest.approx(0.025, abs=1e-6)
        assert stats.nct.cdf(t, freedom, found.high / math.sqrt(share)) == pytest.approx(0.025, abs=1e-6)
    assert paired_effect([0.5, 0.6], [0.4, 0.5]).warning is not None
    assert paired_effect([0.5, 0.6, 0.7], [0.4, 0.5, 0.6]).d is None
    assert unpaired_effect([0.5], [0.4]).d is None


def test_cliffs_delta_golden() -> None:
    # Data of Hogarty & Kromrey (1999); delta and interval as on the help page of cliff.delta in R's effsize
    found = dominance([10, 10, 20, 20, 20, 30, 30, 30, 40, 50], [10, 20, 30, 40, 40, 50])
    assert (found.delta, found.superiority) == (-0.25, 0.375)
    assert (found.low, found.high) == pytest.approx((-0.7265846, 0.3890062), abs=5e-8)


def test_all_above_is_no_certainty() -> None:
    above = dominance([4, 5, 6], [1, 2, 3])
    assert (above.delta, above.high) == (1.0, 1.0)
    assert above.low is not None and above.low < 0.0  # three against three: 1 in 20 by luck alone
    below = dominance([1, 2, 3], [4, 5, 6])
    assert (below.low, below.high) == (-1.0, -above.low)
    assert dominance([1], [2, 3]).low is None


def test_power_golden() -> None:
    # Paired t-test, effect 0.5, 80%: 33.37 pairs (R's power.t.test, type paired); 27 one-sided
    assert replicates_for_power(0.5) == 34
    assert paired_power(0.5, 34) == pytest.approx(0.8078, abs=5e-5)
    assert replicates_for_power(0.5, alternative="greater") == 27
    assert paired_power(0.0, 10) == pytest.approx(0.05)
    assert replicates_for_power(0.0) is None
    assert replicates_for_power(-0.5, alternative="greater") is None
    assert replicates_for_power(-0.5, alternative="less") == 27
    assert paired_power(0.5, 10_000, test_to_train=0.25) < 0.2  # splits of the same rows tell no more


def test_replicates_that_settle_have_the_power() -> None:
    found = paired_difference([0.1, 0.0, 0.2, 0.1], [0.0, 0.1, 0.1, 0.05])
    needed = replicates_to_settle(found)
    assert needed is not None
    assert paired_power(found.mean / found.sd, needed) == pytest.approx(0.8, abs=0.02)


def test_power_is_what_simulation_finds() -> None:
    d = np.random.default_rng(8).normal(0.8, 1.0, (20_000, 8))
    hits = np.mean(stats.ttest_1samp(d, 0.0, axis=-1).pvalue < 0.05)
    assert paired_power(0.8, 8) == pytest.approx(hits, abs=0.01)


def test_every_result_names_its_method() -> None:
    a, b = [0.9, 0.8, 0.7], [0.5, 0.6, 0.4]
    results = [estimate(a), paired_difference(a, b), wilcoxon(a, b), sign_test(a, b), mann_whitney(a, b)]
    results += [quantile_estimate(a), paired_equivalence(a, b, 0.1), unpaired_equivalence(a, b, 0.1), spearman(a, b)]
    results += [paired_effect(a, b), unpaired_effect(a, b), dominance(a, b), theil_sen(a, b), proportion(1, 3)]
    results += [page_trend([a, b]), jonckheere_trend([a, b, a]), proportion_difference((1, 3), (2, 3))]
    assert all(each.method and (each.warning is None or each.warning.endswith(".")) for each in results)
