"""The leaderboard: trials ranked by a metric, each with its uncertainty and its distance from the best."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from dlrun.analysis.parts import distinct_parts, parts_of
from dlrun.analysis.ranking import At, Goal, best_of, checked_metric, default_metric, goal_of, value_of
from dlrun.analysis.record import RunRecord
from dlrun.analysis.statistics import (
    Difference,
    Estimate,
    adjusted_to_best,
    estimate,
    paired_difference,
    paired_tests,
    unpaired_difference,
)
from dlrun.analysis.trials import Trial, group, short_names, varying_keys
from dlrun.config.catalog import Catalog
from dlrun.config.spec import REPLICATE_KEYS
from dlrun.config.suggest import did_you_mean
from dlrun.errors import UserError

__all__ = ["Comparison", "Row", "compare", "shared_values"]

_SPLITS = ("split.seed", "split.fold")
_FEWEST_PAIRS = 2


@dataclass(frozen=True)
class Row:
    """A trial on the leaderboard. What only the rows that are shown need is computed when it is asked for.

    Attributes:
        settings: the varying keys and the trial's values (`trials.ABSENT` where its options have no such key).
        runs: its runs, one a replicate.
        replicates: which repetition each of the runs is; under `by` with the settings that are averaged over.
        values: the metric of its finished runs, by replicate.
        best: its best replicate's value; None where no run of it has the metric.
        cause: why it, or a part of it, has no value; None when all is well.
        test_to_train: above 0 where replicates are splits of the same rows (see `statistics`).
        first: the best trial, where this is another one that has a value.
        gap: by how much its mean is above that of `first`, over the replicates that both have.
        p: of the difference to `first`, adjusted for all comparisons; None where there is none.
    """

    settings: Mapping[str, Any]
    runs: tuple[RunRecord, ...]
    replicates: tuple[Hashable, ...]
    values: Mapping[Hashable, float]
    best: float | None
    cause: str | None = None
    test_to_train: float = 0.0
    first: Row | None = field(default=None, repr=False, compare=False)
    gap: float | None = None
    p: float | None = None

    @cached_property
    def mean(self) -> float:
        """Of its values; not a number where it has none."""
        return math.fsum(self.values.values()) / len(self.values) if self.values else math.nan

    @cached_property
    def estimate(self) -> Estimate | None:
        """Mean and interval; None where no run of it has the metric."""
        return estimate(list(self.values.values()), self.test_to_train) if self.values else None

    @cached_property
    def difference(self) -> Difference | None:
        """How much higher it is than the best trial; None for the best itself and for what has no value."""
        if self.first is None:
            return None
        pairs = shared_values(self, self.first)
        if pairs is None:
            return unpaired_difference(list(self.values.values()), list(self.first.values.values()))
        return paired_difference(*pairs, self.test_to_train)

    @property
    def counts(self) -> Counter[str]:
        """How many runs have which status."""
        return Counter(run.status for run in self.runs)


@dataclass(frozen=True)
class Comparison:
    """Trials in the order of their means, those without a value last.

    Attributes:
        metric: the flat name of what they are ranked by.
        at: the epoch that training and validation metrics were read at.
        goal: which direction is better.
        columns: varying keys to short names, in the order of the config.
        ranked: trials with a mean, best first.
        unranked: trials without one: failed, diverged, pruned, interrupted, queued.
        test_to_train: above 0 where replicates are splits of the same rows (see `statistics`).
        averaged: the varying keys that rows are averaged over (`by`) to their short names.
        is_by: whether rows are of some of the varying keys only (`by`).
        superseded: runs left out because newer ones have the same settings, on other data or code.
    """

    metric: str
    at: At
    goal: Goal
    columns: Mapping[str, str]
    ranked: tuple[Row, ...]
    unranked: tuple[Row, ...]
    test_to_train: float = 0.0
    averaged: Mapping[str, str] = field(default_factory=dict)
    superseded: int = 0
    is_by: bool = False

    @property
    def rows(self) -> tuple[Row, ...]:
        """All trials."""
        return self.ranked + self.unranked


def compare(
    runs: Sequence[RunRecord],
    metric: str | None = None,
    catalog: Catalog | None = None,
    at: At = "restored",
    by: Sequence[str] | None = None,
    varied: Sequence[str] = (),
) -> Comparison:
    """Group runs into trials, rank the trials, and say how far each is from the best.

    Args:
        runs: at least one.
        metric: what to rank by; None takes the task's (see `ranking.default_metric`).
        catalog: tells which direction of a metric is better; None goes by the metric's name.
        at: the epoch of training and validation metrics (see `ranking.value_of`).
        by: keys, dotted or short, to group by; the other varying keys are averaged over.
        varied: keys as typed that have a column although all these runs may have one value of them: others will follow.

    Raises:
        UserError: no run has the metric, or a key in `by` does not vary.
    """
    metric = default_metric(runs) if metric is None else checked_metric(metric, runs, at)
    goal = goal_of(metric, catalog)
    keys = _with_varied(varying_keys(runs), varied, runs)
    names = short_names(keys)
    chosen = None if by is None else [_varying(word, names) for word in by]
    rest = [key for key in keys if chosen is not None and key not in chosen]
    trials = group(runs, keys, chosen)
    overlap = _test_to_train(trials)
    rows = [_row(trial, _Reading(metric, at, goal, overlap)) for trial in trials]
    ranked = _compared_to_best(_ranked([row for row in rows if row.values], goal), overlap)
    return Comparison(
        metric=metric,
        at=at,
        goal=goal,
        columns={key: name for key, name in names.items() if key not in rest},
        ranked=tuple(ranked),
        unranked=tuple(sorted((row for row in rows if not row.values), key=lambda row: row.runs[0].status)),
        test_to_train=overlap,
        averaged={key: names[key] for key in rest},
        superseded=sum(len(trial.superseded) for trial in trials),
        is_by=by is not None,
    )


@dataclass(frozen=True)
class _Reading:
    """How a number is read off a run."""

    metric: str
    at: At
    goal: Goal
    test_to_train: float

    def of(self, run: RunRecord) -> float | None:
        return value_of(run, self.metric, self.at) if run.status == "finished" else None


def _row(trial: Trial, reading: _Reading) -> Row:
    read = ((replicate, reading.of(run)) for replicate, run in zip(trial.replicates, trial.runs, strict=True))
    values = {replicate: value for replicate, value in read if value is not None}
    return Row(
        settings=trial.settings,
        runs=trial.runs,
        replicates=trial.replicates,
        values=values,
        best=best_of(values.values(), reading.goal) if values else None,
        cause=None if len(values) == len(trial.runs) else _cause(trial.runs, reading),
        test_to_train=reading.test_to_train,
    )


def _cause(runs: Sequence[RunRecord], reading: _Reading) -> str | None:
    """Why runs have no value: the commonest reason, each status counted where several runs are meant."""
    lacking = [run for run in runs if run.status != "finished"]
    if not lacking and any(run.is_dev_run for run in runs):
        return "a fast_dev_run has no score"
    if not lacking:
        return f"no {reading.metric}" if any(reading.of(run) is None for run in runs) else None
    reasons = Counter(run.cause or (run.name if not run.spec else "") for run in lacking)
    reason, count = reasons.most_common(1)[0]
    if not reason:
        return None
    return reason if count == len(lacking) else f"{reason} ({count} of {len(lacking)})"


def _ranked(rows: Sequence[Row], goal: Goal) -> list[Row]:
    sign = -1.0 if goal == "max" else 1.0
    return sorted(rows, key=lambda row: sign * row.mean)


def _compared_to_best(rows: Sequence[Row], overlap: float) -> list[Row]:
    """`rows` with their gaps to the first of them and the adjusted p values of these."""
    if len(rows) < 2:
        return list(rows)
    first, *others = rows
    found = _gaps(others, first, overlap)
    tested = [place for place, (_, p) in enumerate(found) if p is not None]
    adjusted = dict(zip(tested, adjusted_to_best([found[place][1] or 0.0 for place in tested]), strict=True))
    return [
        first,
        *(replace(row, first=first, gap=found[place][0], p=adjusted.get(place)) for place, row in enumerate(others)),
    ]


def _gaps(rows: Sequence[Row], first: Row, overlap: float) -> list[tuple[float, float | None]]:
    """How far each row is from `first`, and p as `Row.difference` has it; all with the same number of pairs at once."""
    found: dict[int, tuple[float, float | None]] = {}
    by_size: dict[int, dict[int, tuple[list[float], list[float]]]] = {}
    for place, row in enumerate(rows):
        pairs = shared_values(row, first)
        if pairs is not None and len(pairs[0]) >= _FEWEST_PAIRS:
            by_size.setdefault(len(pairs[0]), {})[place] = pairs
        elif pairs is not None:
            found[place] = (pairs[0][0] - pairs[1][0], None)
        else:
            each = unpaired_difference(list(row.values.values()), list(first.values.values()))
            found[place] = (each.mean, each.p)
    for alike in by_size.values():
        a, b = (np.array([pairs[side] for pairs in alike.values()]) for side in (0, 1))
        tests = paired_tests(a, b, overlap)
        found |= zip(alike, zip(tests.mean.tolist(), tests.p.tolist(), strict=True), strict=True)
    return [found[place] for place in range(len(rows))]


def shared_values(row: Row, other: Row) -> tuple[list[float], list[float]] | None:
    """The values of both at the replicates that both have; None where they are to be compared unpaired."""
    shared = [replicate for replicate in row.values if replicate in other.values]
    if len(shared) < _FEWEST_PAIRS and not (shared and min(len(row.values), len(other.values)) == 1):
        return None
    return [row.values[replicate] for replicate in shared], [other.values[replicate] for replicate in shared]


def _test_to_train(trials: Sequence[Trial]) -> float:
    """Rows tested over rows trained on, where trials are repeated on other splits of the same rows; else 0."""
    finished = [[run for run in trial.runs if run.status == "finished"] for trial in trials]
    if len(distinct_parts((parts_of(run.spec) for runs in finished for run in runs), "split")) < 2:
        return 0.0
    splits = ({tuple(run.spec.get(key) for key in _SPLITS) for run in runs} for runs in finished)
    if all(len(split) < 2 for split in splits):
        return 0.0
    ratios = [
        float(samples["test"]) / float(samples["train"])
        for runs in finished
        for run in runs
        if isinstance(samples := run.result.get("samples"), Mapping) and samples.get("train") and samples.get("test")
    ]
    return sum(ratios) / len(ratios) if ratios else 0.0


def _with_varied(keys: Sequence[str], varied: Sequence[str], runs: Sequence[RunRecord]) -> list[str]:
    if not varied:
        return list(keys)
    known = {key for run in runs for key in run.spec} - {*keys, *REPLICATE_KEYS}
    return [*keys, *(found for key in varied for found in (key, f"{key}.option") if found in known)]


def _varying(word: str, names: Mapping[str, str]) -> str:
    for key, name in names.items():
        if word in (key, name, key.removesuffix(".option")):
            return key
    shown = list(names.values())
    mend = did_you_mean(word, shown, shown="--by {}") or (
        f"What varies: {', '.join(shown)}." if shown else "Nothing varies among these runs."
    )
    raise UserError(f"--by must be a key that varies; got {word}. {mend}")
