"""How a sweep stands at this moment: what is counted, what is being trained, what is best, how long the rest takes."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import TYPE_CHECKING

from dlrun.analysis.ranking import best_of, goal_of, metric_for

if TYPE_CHECKING:
    from dlrun.sweeps.record import Sweep, Trial
    from dlrun.training.result import Result

__all__ = ["Best", "Running", "Standing"]

DONE = ("finished", "diverged", "failed", "pruned")
_RECENT = 32  # ends that the time left is told from
_CURVES = ("val_loss", "loss")


@dataclass
class Running:
    """A run that is being trained.

    Attributes:
        metric: which quantity `curve` is, empty before the first epoch.
        curve: epoch to value.
    """

    name: str
    attempt: int
    epoch: int = 0
    epochs: int = 0
    metric: str = ""
    curve: dict[int, float] = field(default_factory=dict)

    @property
    def share(self) -> float:
        """How much of it is done."""
        return min(self.epoch / self.epochs, 1.0) if self.epochs else 0.0


@dataclass(frozen=True)
class Best:
    """The best trial so far: the mean of the `n` runs of it that have finished."""

    name: str
    metric: str
    value: float
    n: int


class Standing:
    """Kept by whoever is told of the sweep; the times are those of a clock that nobody can set."""

    def __init__(self) -> None:
        self.title = ""
        self.counts: Counter[str] = Counter()
        self.running: dict[str, Running] = {}
        self.total = 0
        self.began = time.monotonic()
        self._names: dict[str, str] = {}
        self._trials: dict[str, Trial] = {}
        self._status: dict[str, str] = {}
        self._first: float | None = None
        self._ends: deque[float] = deque(maxlen=_RECENT)
        self._metric: str | None = None
        self._scores: dict[str, dict[str, float]] = {}

    @property
    def has_begun(self) -> bool:
        """Whether a run has been begun."""
        return self._first is not None

    @property
    def done(self) -> int:
        """How many runs have ended."""
        return sum(self.counts[status] for status in DONE)

    def name_of(self, run: str) -> str:
        """What varies in a run."""
        return self._names.get(run, run[:8])

    def begin(self, sweep: Sweep, finished: Sequence[Result]) -> None:
        """Take in the sweep, and what was done before."""
        self.title = sweep.name
        for trial in sweep.trials:
            for run in trial.runs:
                self._trials[run] = trial
                self._names[run] = sweep.names.get(run, trial.name)
                self.set_status(run, "queued")
        self.began = time.monotonic()
        for result in finished:
            self.set_status(result.id, result.status)
            self._consider(result)

    def add(self, run: str, name: str) -> None:
        """Take in a run that was added."""
        self._names[run] = name
        self.set_status(run, "queued")

    def set_status(self, run: str, status: str) -> None:
        """Count a run under another status."""
        before = self._status.get(run)
        if before is None:
            self.total += 1
        else:
            self.counts[before] -= 1
        self._status[run] = status
        self.counts[status] += 1
        if status != "running":
            self.running.pop(run, None)

    def start(self, run: str, attempt: int) -> None:
        """A run has begun."""
        self._first = self._first or time.monotonic()
        self.set_status(run, "running")
        self.running[run] = Running(self.name_of(run), attempt)

    def advance(self, run: str, epoch: int, epochs: int, metrics: Mapping[str, float]) -> None:
        """A run has finished an epoch."""
        if (running := self.running.get(run)) is None:
            return
        running.epoch, running.epochs = epoch, epochs
        running.metric = running.metric or next((name for name in _CURVES if name in metrics), "")
        if running.metric in metrics:
            running.curve[epoch] = metrics[running.metric]

    def end(self, result: Result) -> None:
        """A run has ended."""
        self.set_status(result.id, result.status)
        if result.status in DONE:
            self._ends.append(time.monotonic())
        self._consider(result)

    def best(self) -> Best | None:
        """The trial with the best mean over those of its runs that have finished."""
        if self._metric is None or not self._scores:
            return None
        means = {trial: fmean(values.values()) for trial, values in self._scores.items()}
        value = best_of(means.values(), goal_of(self._metric))
        trial = next(trial for trial, mean in means.items() if mean == value)
        runs = self._scores[trial]
        name = self.name_of(next(iter(runs))) if len(runs) == 1 else self._trials[next(iter(runs))].name
        return Best(name, self._metric, value, len(runs))

    def seconds_left(self) -> float | None:
        """How long the rest takes at the rate of the last ends; None where that cannot be told yet."""
        if self._first is None or self.done >= self.total:
            return None
        begun = sum(running.share for running in self.running.values())
        now, since = time.monotonic(), self._ends[0] if len(self._ends) == _RECENT else self._first
        ended = len(self._ends) - (len(self._ends) == _RECENT) + begun
        if ended < 0.05 or now <= since:
            return None
        return (self.total - self.done - begun) / ended * (now - since)

    def _consider(self, result: Result) -> None:
        if result.status != "finished" or result.fast_dev_run:
            return
        self._metric = self._metric or metric_for(result.task, result.metrics)
        value, trial = result.metrics.get(self._metric), self._trials.get(result.id)
        if value is not None and trial is not None:
            self._scores.setdefault(trial.id, {})[result.id] = value
