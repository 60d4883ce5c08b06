"""The leaderboard: trials ranked by a metric, each with its uncertainty and its distance from the best."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from dlrun.analysis.parts import distinct_parts, parts_of
from dlrun.analysis.ranking import At, Goal, best_of, checked_metric, default_metric, goal_of, value_of
from dlrun.analysis.record import RunRecord
from dlrun.analysis.row import Pairs, Row, difference_of, pairs_of
from dlrun.analysis.statistics import adjusted_to_best, paired_tests
from dlrun.analysis.trials import Trial, group, short_names, varying_keys
from dlrun.config.catalog import Catalog
from dlrun.config.replicates import REPLICATE_KEYS, SPLIT_KEYS
from dlrun.config.suggest import did_you_mean
from dlrun.errors import UserError

__all__ = ["Comparison", "Row", "compare"]

_SAY_WHAT = ("error", "bad_config")  # kinds of causes that are many things: what they say tells them apart
_NUMBER = re.compile(r"[-+]?\d[\d.]*(e[-+]?\d+)?")


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
    averaged: Mapping[str, str] = field(default_factory=dict)
    superseded: int = 0
    is_by: bool = False

    @property
    def rows(self) -> tuple[Row, ...]:
        """All trials."""
        return self.ranked + self.unranked

    @property
    def test_to_train(self) -> float:
        """Above 0 where some trial is repeated on several splits of the same rows: the largest of any row."""
        return max((row.test_to_train for row in self.ranked if row.ratio), default=0.0)


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
    reading = _Reading(metric, at, goal, _are_on_several_splits(trials))
    rows = [_row(trial, reading, tuple(rest)) for trial in trials]
    ranked = _compared_to_best(_ranked([row for row in rows if row.values], goal))
    return Comparison(
        metric=metric,
        at=at,
        goal=goal,
        columns={key: name for key, name in names.items() if key not in rest},
        ranked=tuple(ranked),
        unranked=tuple(sorted((row for row in rows if not row.values), key=lambda row: row.runs[0].status)),
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
    is_split: bool

    def of(self, run: RunRecord) -> float | None:
        return value_of(run, self.metric, self.at) if run.status == "finished" else None


def _row(trial: Trial, reading: _Reading, averaged: tuple[str, ...]) -> Row:
    read = ((replicate, reading.of(run)) for replicate, run in zip(trial.replicates, trial.runs, strict=True))
    values = {replicate: value for replicate, value in read if value is not None}
    return Row(
        settings=trial.settings,
        runs=trial.runs,
        replicates=trial.replicates,
        values=values,
        best=best_of(values.values(), reading.goal) if values else None,
        cause=None if len(values) == len(trial.runs) else _cause(trial.runs, reading),
        ratio=_test_to_train(trial.runs) if reading.is_split else 0.0,
        averaged=averaged,
    )


def _cause(runs: Sequence[RunRecord], reading: _Reading) -> str | None:
    """Why runs have no value: the commonest reason, each status counted where several runs are meant."""
    lacking = [run for run in runs if run.status != "finished"]
    if not lacking and any(run.is_dev_run for run in runs):
        return "a fast_dev_run has no score"
    if not lacking:
        return f"no {reading.metric}" if any(reading.of(run) is None for run in runs) else None
    reasons = [run.cause or (run.name if not run.spec else "") for run in lacking]
    kinds = reasons
    if len(set(reasons)) > 1:  # else no result need be read for it
        kinds = [_kind(run, reason) for run, reason in zip(lacking, reasons, strict=True)]
    kind, count = Counter(kinds).most_common(1)[0]
    alike = [text for text, each in zip(reasons, kinds, strict=True) if each == kind]
    if not alike[0]:
        return None
    reason = alike[0] if len(set(alike)) == 1 else f"such as {alike[0]}"
    return reason if count == len(lacking) else f"{reason} ({count} of {len(lacking)})"


def _kind(run: RunRecord, reason: str) -> str:
    """What causes have in common that are one: their kind; of errors, also what they say but for its numbers."""
    cause = run.result.get("cause")
    kind = str(cause.get("kind") or "") if isinstance(cause, Mapping) else ""
    return kind if kind and kind not in _SAY_WHAT else f"{kind} {_NUMBER.sub('#', reason)}"


def _ranked(rows: Sequence[Row], goal: Goal) -> list[Row]:
    sign = -1.0 if goal == "max" else 1.0
    return sorted(rows, key=lambda row: sign * row.mean)


def _compared_to_best(rows: Sequence[Row]) -> list[Row]:
    """`rows` with their gaps to the first of them and the adjusted p values of these."""
    if len(rows) < 2:
        return list(rows)
    first, *others = rows
    found = _gaps(others, first)
    tested = [place for place, (_, p) in enumerate(found) if p is not None]
    adjusted = dict(zip(tested, adjusted_to_best([found[place][1] or 0.0 for place in tested]), strict=True))
    return [
        first,
        *(replace(row, first=first, gap=found[place][0], p=adjusted.get(place)) for place, row in enumerate(others)),
    ]


def _gaps(rows: Sequence[Row], first: Row) -> list[tuple[float, float | None]]:
    """How far each row is from `first`, and p as `Row.difference` has it; all with the same number of pairs at once."""
    found: dict[int, tuple[float, float | None]] = {}
    alike: dict[tuple[int, float], dict[int, Pairs]] = {}
    for place, row in enumerate(rows):
        pairs = pairs_of(row, first)
        if pairs is not None and len(pairs.first) > 1:
            alike.setdefault((len(pairs.first), pairs.test_to_train), {})[place] = pairs
        else:
            each = difference_of(row, first)
            found[place] = (each.mean, each.p)
    for (_, overlap), members in alike.items():
        a = np.array([pairs.first for pairs in members.values()])
        b = np.array([pairs.second for pairs in members.values()])
        tests = paired_tests(a, b, overlap)
        found |= zip(members, zip(tests.mean.tolist(), tests.p.tolist(), strict=True), strict=True)
    return [found[place] for place in range(len(rows))]


def _are_on_several_splits(trials: Sequence[Trial]) -> bool:
    finished = (parts_of(run.spec) for trial in trials for run in trial.runs if run.status == "finished")
    return len({tuple(part.get(key) for key in SPLIT_KEYS) for part in distinct_parts(finished, "split")}) > 1


def _test_to_train(runs: Sequence[RunRecord]) -> float:
    """Rows tested over rows trained on, of a trial's finished runs; 0 where these are not known."""
    ratios = [
        float(samples["test"]) / float(samples["train"])
        for run in runs
        if run.status == "finished"
        and isinstance(samples := run.result.get("samples"), Mapping)
        and samples.get("train")
        and samples.get("test")
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
