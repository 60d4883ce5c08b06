"""What a training came to, before it is written down as a run's result."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dlrun.errors import OutOfTime
from dlrun.training.by_class import Verdicts
from dlrun.training.causes import cause, cause_of
from dlrun.training.memory import peak_bytes
from dlrun.training.result import Result

__all__ = ["Moment", "Outcome", "flat_metrics"]


@dataclass(frozen=True)
class Moment:
    """A moment by the calendar, which may be set while a run trains, and by a clock that nobody can set.

    Attributes:
        date: in seconds since 1970.
        ticks: in seconds since some moment before.
    """

    date: float = field(default_factory=time.time)
    ticks: float = field(default_factory=time.perf_counter)

    def seconds_ago(self) -> float:
        """How long ago it was."""
        return time.perf_counter() - self.ticks


@dataclass
class Outcome:
    """What a training came to; see `Result` for the fields.

    Attributes:
        durations: seconds of the stages so far; the stages around the training add theirs.
    """

    status: str
    metrics: dict[str, float] = field(default_factory=dict)
    best_epoch: int | None = None
    kept_epoch: int | None = None
    epochs_run: int = 0
    monitor: str | None = None
    parameters: int | None = None
    samples: dict[str, int] = field(default_factory=dict)
    durations: dict[str, float] = field(default_factory=dict)
    cost: dict[str, float | None] = field(default_factory=dict)
    fast_dev_run: bool = False
    engine: dict[str, str] = field(default_factory=dict)
    fingerprint: str | None = None
    resumed: Mapping[str, Any] | None = None
    diagnosis: list[dict[str, str]] = field(default_factory=list)
    verdicts: Verdicts = field(default_factory=Verdicts)
    guess: Mapping[str, float] = field(default_factory=dict)
    cause: dict[str, str] | None = None

    @classmethod
    def failed(cls, error: BaseException, project: Path | None = None) -> Outcome:
        """A run that an error ended.

        Args:
            project: where the code that raised it may be the user's own: then its place is told.
        """
        return cls("failed", cause=cause_of(error, project))

    @classmethod
    def interrupted(cls, by: str, kept: Mapping[str, Any] | None = None) -> Outcome:
        """A run that a signal ended.

        Args:
            by: what did: `SIGINT stopped it`.
            kept: the `epoch` and `step` of its newest checkpoint, None where there is none.
        """
        again = _goes_on(kept) or "the same command runs it again"
        return cls("interrupted", cause=cause("signal", f"{by}; {again}"))

    @classmethod
    def timed_out(cls, end: OutOfTime, kept: Mapping[str, Any] | None = None) -> Outcome:
        """A run that has taken longer than it may.

        Args:
            kept: as in `interrupted`.
        """
        return cls("failed", cause=cause("timeout", "; ".join(filter(None, (str(end), _goes_on(kept))))))

    def add_preparation(self, durations: Mapping[str, float]) -> None:
        """Count in the stages before the training: the first step waited for them."""
        self.durations |= durations
        first = self.cost.get("seconds_to_first_step")
        if first is not None:
            self.cost["seconds_to_first_step"] = first + sum(durations.values())

    def result(self, run: str, name: str, task: str, attempt: int, began: Moment) -> Result:
        """The result of run `run`, ended now."""
        seconds = began.seconds_ago()
        return Result(
            id=run,
            name=name,
            status=self.status,
            task=task,
            metrics={**self.metrics, **self.verdicts.metrics},
            best_epoch=self.best_epoch,
            kept_epoch=self.kept_epoch,
            epochs_run=self.epochs_run,
            monitor=self.monitor,
            parameters=self.parameters,
            samples=self.samples,
            durations={**self.durations, "total_seconds": seconds},
            cost={**self.cost, "peak_memory_bytes": peak_bytes()},
            fast_dev_run=self.fast_dev_run,
            engine=self.engine,
            fingerprint=self.fingerprint,
            resumed=self.resumed,
            diagnosis=self.diagnosis,
            threshold=self.verdicts.threshold,
            per_class=self.verdicts.per_class,
            confusion=self.verdicts.confusion,
            guess=dict(self.guess),
            cause=self.cause,
            attempt=attempt,
            started=began.date,
            ended=began.date + seconds,
        )


def _goes_on(kept: Mapping[str, Any] | None) -> str:
    if kept is None:
        return ""
    step = f" and step {kept['step']}" if kept["step"] else ""
    return f"the same command goes on after epoch {kept['epoch']}{step}"


def flat_metrics(
    history: Mapping[str, list[float]], best_epoch: int | None, kept_epoch: int, test: Mapping[str, float]
) -> dict[str, Any]:
    """The metrics of a result: of the last epoch under their own names, of the best (`best_...`), of the one whose
    weights were restored and kept (`restored_...`), and of the test part (`test_...`)."""
    flat = {name: values[-1] for name, values in history.items()}
    for prefix, epoch in (("best_", best_epoch), ("restored_", kept_epoch)):
        if epoch:  # 0 is the untrained model, which no epoch has measured
            flat |= {f"{prefix}{name}": values[epoch - 1] for name, values in history.items()}
    return flat | {f"test_{name}": value for name, value in test.items()}
