"""The curve of a metric over the epochs, averaged over the runs of a trial."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dlrun.analysis.record import RunRecord
from dlrun.tracking.journal import JOURNAL, last_attempt, read

__all__ = ["EpochCurves", "epoch_curves"]

_MOST_RUNS = 8  # of one trial: more journals would change no line that a person could tell from this one
_PREFIXES = ("restored_", "best_", "train_")


@dataclass(frozen=True)
class EpochCurves:
    """The epochs of some trials.

    Attributes:
        metric: the name of what the curves are of, among those that are measured each epoch.
        curves: one a trial, a value an epoch; empty where no epoch has the metric.
    """

    metric: str
    curves: Sequence[Sequence[float]]


def epoch_curves(trials: Iterable[Sequence[RunRecord]], metric: str) -> EpochCurves:
    """The curve of `metric` in each trial: of a test metric the validation curve, or the training's without one.

    A mean over the trial's finished runs, the first eight of them. A run that stopped early keeps its last value: else
    the mean would jump where a run drops out of it.
    """
    read_off = [[_epochs(run) for run in _finished(runs)[:_MOST_RUNS]] for runs in trials]
    base = next((metric.removeprefix(prefix) for prefix in _PREFIXES if metric.startswith(prefix)), metric)
    names = [base]
    if base.startswith("test_"):
        names = [f"val_{base.removeprefix('test_')}", base.removeprefix("test_")]
    found = (name for name in names if any(name in epoch for runs in read_off for epochs in runs for epoch in epochs))
    name = next(found, names[0])
    return EpochCurves(name, [_mean([_values(epochs, name) for epochs in runs]) for runs in read_off])


def _finished(runs: Sequence[RunRecord]) -> list[RunRecord]:
    return [run for run in runs if run.status == "finished"]


def _epochs(run: RunRecord) -> list[dict[str, float]]:
    events = last_attempt(read(run.path / JOURNAL))
    by_epoch = {int(event["epoch"]): event["metrics"] for event in events if event.event == "epoch"}
    return [by_epoch[epoch] for epoch in sorted(by_epoch)]


def _values(epochs: Iterable[dict[str, float]], name: str) -> list[float]:
    return [float(epoch[name]) for epoch in epochs if isinstance(epoch.get(name), int | float)]


def _mean(curves: Iterable[Sequence[float]]) -> list[float]:
    there = [curve for curve in curves if curve]
    length = max(map(len, there), default=0)
    return [sum(curve[min(at, len(curve) - 1)] for curve in there) / len(there) for at in range(length)]
