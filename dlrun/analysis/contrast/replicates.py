"""How sure a difference between two runs is: what the other runs of their two trials say."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from dlrun.analysis.contrast.settings import Flat, settings_of
from dlrun.analysis.ranking import Goal, goal_of, value_of
from dlrun.analysis.runs import RunRecord
from dlrun.analysis.statistics import (
    ALPHA,
    Difference,
    Estimate,
    estimate,
    paired_difference,
    replicates_to_settle,
    unpaired_difference,
)
from dlrun.analysis.trials import repetition_of, replicate_of
from dlrun.config.catalog import Catalog
from dlrun.config.replicates import SPLIT_KEYS

__all__ = ["Pool", "Sureness", "sureness"]

_TELLING = ("data.option", "model.option", "optimizer.option", "optimizer.learning_rate", "trainer.epochs")
Values = Mapping[tuple[Hashable, ...], float]


@dataclass(frozen=True)
class Sureness:
    """What is known of the difference between two trials.

    Attributes:
        metric: what they are compared by.
        goal: which direction is better.
        first: the first trial's values by replicate.
        difference: the second's mean less the first's; None where neither pairs nor two values each are there.
        is_paired: whether the same seeds and splits of both were held against each other.
        more: about how many more replicates would settle it; None where it is settled, or none would do.
        over: what the replicates are: `seed` or `split`.
        confounds: whether what a split did and what the setting did cannot be told apart: the two are on different
            splits, and one of them on one alone.
    """

    metric: str
    goal: Goal
    first: Values
    second: Values
    difference: Difference | None
    is_paired: bool
    more: int | None
    over: str = "seed"
    confounds: bool = False

    @property
    def pairs(self) -> int:
        """Replicates that both have."""
        return len(self.first.keys() & self.second.keys())

    @property
    def is_settled(self) -> bool:
        """Whether the difference is beyond what luck does."""
        return self.difference is not None and self.difference.p is not None and self.difference.p < ALPHA

    @property
    def probability(self) -> float | None:
        """That the second is better than the first in truth."""
        if self.difference is None or self.difference.probability is None:
            return None
        return self.difference.probability if self.goal == "max" else 1 - self.difference.probability

    def estimates(self) -> tuple[Estimate | None, Estimate | None]:
        """The means of both trials, each with its interval."""
        found = [estimate(list(values.values())) if values else None for values in (self.first, self.second)]
        return found[0], found[1]


class Pool:
    """The finished runs among which repetitions are looked for."""

    def __init__(self, runs: Sequence[RunRecord], catalog: Catalog) -> None:
        self._catalog = catalog
        self._alike: dict[tuple[str, ...], list[RunRecord]] = {}
        for run in runs:
            if run.status == "finished" and run.spec and not run.is_dev_run:
                self._alike.setdefault(_roughly(run.spec), []).append(run)

    def like(self, spec: Flat, digest: str | None) -> list[RunRecord]:
        """The runs of the trial that `spec` is of, on the data of that digest, older ones first; one a replicate."""
        settings = settings_of(spec, self._catalog)
        alike = self._alike.get(_roughly(spec), ())
        same = [run for run in alike if settings_of(run.spec, self._catalog) == settings]
        here = [run for run in same if run.digest in (digest, None)]
        newest = {replicate_of(run): run for run in sorted(here, key=lambda run: run.started or 0.0)}
        return list(newest.values())


def sureness(
    first: Sequence[RunRecord], second: Sequence[RunRecord], metric: str, catalog: Catalog | None = None
) -> Sureness:
    """Hold the runs of two trials against each other."""
    goal = goal_of(metric, catalog)
    a, b = (_values(runs, metric) for runs in (first, second))
    shared = [replicate for replicate in a if replicate in b]
    if len(shared) >= 2 or (shared and min(len(a), len(b)) == 1):
        overlap = _test_to_train([run for run in (*first, *second) if repetition_of(run) in shared])
        over = "split" if overlap else "seed"
        difference = paired_difference([b[each] for each in shared], [a[each] for each in shared], overlap)
        return Sureness(metric, goal, a, b, difference, True, _more(difference, overlap), over)
    splits = [
        {_split_of(run) for run in runs if repetition_of(run) in values} for runs, values in ((first, a), (second, b))
    ]
    overlap = _test_to_train([*first, *second]) if min(map(len, splits)) > 1 else 0.0
    over = "split" if overlap else "seed"
    if min(len(a), len(b)) < 2:
        return Sureness(metric, goal, a, b, None, False, None, over)
    difference = unpaired_difference(list(b.values()), list(a.values()), overlap)
    if splits[0] != splits[1] and min(map(len, splits)) == 1:
        known = replace(difference, low=None, high=None, p=None, probability=None, method="none", warning=None)
        return Sureness(metric, goal, a, b, known, False, None, over, confounds=True)
    return Sureness(metric, goal, a, b, difference, False, _more(difference, overlap), over)


def _split_of(run: RunRecord) -> tuple[Any, ...]:
    return tuple(run.spec.get(key) for key in SPLIT_KEYS)


def _roughly(spec: Flat) -> tuple[str, ...]:
    """A few settings, by which ten thousand runs come down to those that are worth a whole look."""
    return tuple(str(spec.get(key)) for key in _TELLING)


def _values(runs: Sequence[RunRecord], metric: str) -> dict[tuple[Hashable, ...], float]:
    """Of each repetition the value; the mean of its inner folds where it has some."""
    found: dict[tuple[Hashable, ...], list[float]] = {}
    for run in runs:
        if (value := value_of(run, metric)) is not None:
            found.setdefault(repetition_of(run), []).append(value)
    return {repetition: sum(values) / len(values) for repetition, values in found.items()}


def _more(difference: Difference, overlap: float) -> int | None:
    if difference.p is None or difference.p < ALPHA:
        return None
    needed = replicates_to_settle(difference, test_to_train=overlap)
    return None if needed is None else max(1, needed - difference.n)


def _test_to_train(runs: Sequence[RunRecord]) -> float:
    """Rows tested over rows trained on where the runs are on several splits of the same rows; else 0."""
    if len({_split_of(run) for run in runs}) < 2:
        return 0.0
    samples = [each for run in runs if isinstance(each := run.result.get("samples"), Mapping)]
    ratios = [float(each["test"]) / float(each["train"]) for each in samples if each.get("train") and each.get("test")]
    return sum(ratios) / len(ratios) if ratios else 0.0
