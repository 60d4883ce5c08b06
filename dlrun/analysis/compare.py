"""The leaderboard: trials ranked by a metric, each with its uncertainty and its distance from the best."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from dlrun.analysis.ranking import At, Goal, best_of, checked_metric, default_metric, goal_of, value_of
from dlrun.analysis.runs import RunRecord
from dlrun.analysis.statistics import (
    Difference,
    Estimate,
    adjusted_to_best,
    estimate,
    paired_difference,
    unpaired_difference,
)
from dlrun.analysis.trials import Trial, group, replicate_of, short_names, varying_keys
from dlrun.config.catalog import Catalog
from dlrun.config.spec import REPLICATE_KEYS
from dlrun.config.suggest import did_you_mean
from dlrun.errors import UserError

__all__ = ["Comparison", "Row", "compare"]

_SPLITS = ("split.seed", "split.fold")
_FEWEST_PAIRS = 2


@dataclass(frozen=True)
class Row:
    """A trial on the leaderboard.

    Attributes:
        settings: the varying keys and the trial's values (`trials.ABSENT` where its options have no such key).
        runs: its runs, one a replicate.
        values: the metric of its finished runs, by replicate.
        estimate: mean and interval; None where no run of it has the metric.
        best: its best replicate's value.
        difference: how much higher it is than the best trial; None for the best itself and without pairs.
        p: of the difference, adjusted for all comparisons; None where there is none.
        cause: why it, or a part of it, has no value; None when all is well.
    """

    settings: Mapping[str, Any]
    runs: tuple[RunRecord, ...]
    values: Mapping[Any, float]
    estimate: Estimate | None
    best: float | None
    difference: Difference | None = None
    p: float | None = None
    cause: str | None = None

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
        averaged: short names of the varying keys that rows are averaged over (`by`).
        superseded: runs left out because newer ones have the same settings, on other data or code.
    """

    metric: str
    at: At
    goal: Goal
    columns: Mapping[str, str]
    ranked: tuple[Row, ...]
    unranked: tuple[Row, ...]
    test_to_train: float = 0.0
    averaged: tuple[str, ...] = ()
    superseded: int = 0

    @property
    def rows(self) -> tuple[Row, ...]:
        """All trials."""
        return self.ranked + self.unranked


def compare(
    runs: Sequence[RunRecord],
    metric: str | None = None,
    catalog: Catalog | None = None,
    at: At = "kept",
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
    rows = [_row(trial, _Reading(metric, at, goal, overlap), rest) for trial in trials]
    ranked = _compared_to_best(_ranked([row for row in rows if row.estimate], goal), overlap)
    return Comparison(
        metric=metric,
        at=at,
        goal=goal,
        columns={key: name for key, name in names.items() if key not in rest},
        ranked=tuple(ranked),
        unranked=tuple(sorted((row for row in rows if not row.estimate), key=lambda row: row.runs[0].status)),
        test_to_train=overlap,
        averaged=tuple(names[key] for key in rest),
        superseded=sum(len(trial.superseded) for trial in trials),
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


def _row(trial: Trial, reading: _Reading, rest: Sequence[str]) -> Row:
    values = {replicate_of(run, rest): value for run in trial.runs if (value := reading.of(run)) is not None}
    return Row(
        settings=trial.settings,
        runs=trial.runs,
        values=values,
        estimate=estimate(list(values.values()), reading.test_to_train) if values else None,
        best=best_of(values.values(), reading.goal) if values else None,
        cause=_cause(trial.runs, reading),
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
    return sorted(rows, key=lambda row: sign * _mean(row))


def _compared_to_best(rows: Sequence[Row], overlap: float) -> list[Row]:
    if len(rows) < 2:
        return list(rows)
    first, *others = rows
    differences = [_difference(row, first, overlap) for row in others]
    p_values = [d.p for d in differences if d is not None and d.p is not None]
    adjusted = iter(adjusted_to_best(p_values))
    return [
        first,
        *(
            replace(row, difference=d, p=next(adjusted) if d is not None and d.p is not None else None)
            for row, d in zip(others, differences, strict=True)
        ),
    ]


def _difference(row: Row, first: Row, overlap: float) -> Difference | None:
    """`row` minus `first`: paired over the replicates that both have, unpaired where they share none."""
    shared = [replicate for replicate in row.values if replicate in first.values]
    if len(shared) >= _FEWEST_PAIRS or (shared and min(len(row.values), len(first.values)) == 1):
        a, b = ([each.values[replicate] for replicate in shared] for each in (row, first))
        return paired_difference(a, b, overlap)
    return unpaired_difference(list(row.values.values()), list(first.values.values()))


def _test_to_train(trials: Sequence[Trial]) -> float:
    """Rows tested over rows trained on, where trials are repeated on other splits of the same rows; else 0."""
    finished = [[run for run in trial.runs if run.status == "finished"] for trial in trials]
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


def _mean(row: Row) -> float:
    assert row.estimate is not None
    return row.estimate.mean


def _with_varied(keys: Sequence[str], varied: Sequence[str], runs: Sequence[RunRecord]) -> list[str]:
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
