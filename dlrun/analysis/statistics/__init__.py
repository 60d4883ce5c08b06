"""Means with their uncertainty, differences with theirs, and what it would take to tell two apart.

Every result names its method and says in `warning` what so small a sample cannot tell. What scipy has is scipy's;
docs/statistics.md says which test answers which question, and how well the intervals cover.
"""

from __future__ import annotations

from dlrun.analysis.statistics.attainable import Test, least_p, replicates_for
from dlrun.analysis.statistics.corrections import (
    adjusted_to_best,
    adjusted_to_best_rows,
    benjamini_hochberg,
    holm,
    holm_rows,
)
from dlrun.analysis.statistics.differences import Difference, paired_difference, unpaired_difference
from dlrun.analysis.statistics.effects import (
    Dominance,
    EffectSize,
    dominance,
    hedges_correction,
    paired_effect,
    unpaired_effect,
)
from dlrun.analysis.statistics.equivalence import Equivalence, paired_equivalence, unpaired_equivalence
from dlrun.analysis.statistics.intervals import (
    Estimate,
    QuantileEstimate,
    bca_intervals,
    estimate,
    quantile_estimate,
)
from dlrun.analysis.statistics.power import paired_power, replicates_for_power, replicates_to_settle
from dlrun.analysis.statistics.proportions import Proportion, ProportionDifference, proportion, proportion_difference
from dlrun.analysis.statistics.ranks import RankTest, mann_whitney, sign_test, wilcoxon
from dlrun.analysis.statistics.slopes import Correlation, Slope, spearman, theil_sen
from dlrun.analysis.statistics.student import ALPHA, Alternative, PairedTests, mean_intervals, paired_tests
from dlrun.analysis.statistics.trends import Direction, Trend, jonckheere_trend, page_trend

__all__ = [
    "ALPHA",
    "Alternative",
    "Correlation",
    "Difference",
    "Direction",
    "Dominance",
    "EffectSize",
    "Equivalence",
    "Estimate",
    "PairedTests",
    "Proportion",
    "ProportionDifference",
    "QuantileEstimate",
    "RankTest",
    "Slope",
    "Test",
    "Trend",
    "adjusted_to_best",
    "adjusted_to_best_rows",
    "bca_intervals",
    "benjamini_hochberg",
    "dominance",
    "estimate",
    "hedges_correction",
    "holm",
    "holm_rows",
    "jonckheere_trend",
    "least_p",
    "mann_whitney",
    "mean_intervals",
    "page_trend",
    "paired_difference",
    "paired_effect",
    "paired_equivalence",
    "paired_power",
    "paired_tests",
    "proportion",
    "proportion_difference",
    "quantile_estimate",
    "replicates_for",
    "replicates_for_power",
    "replicates_to_settle",
    "sign_test",
    "spearman",
    "theil_sen",
    "unpaired_difference",
    "unpaired_effect",
    "unpaired_equivalence",
    "wilcoxon",
]
