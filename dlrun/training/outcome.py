"""What a training came to, before it is written down as a run's result."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dlrun.config.raised import place_in, telling_line
from dlrun.errors import DlrunError
from dlrun.training.result import Result

__all__ = ["Outcome", "flat_metrics"]


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
    engine: dict[str, str] = field(default_factory=dict)
    cause: dict[str, str] | None = None

    @classmethod
    def failed(cls, error: BaseException, project: Path | None = None) -> Outcome:
        """A run that an error ended.

        Args:
            project: where the code that raised it may be the user's own: then its place is told.
        """
        message = str(error)
        if not isinstance(error, DlrunError):  # whose texts are written to be read
            place = place_in(project, error)
            message = telling_line(error) + (f" ({Path(place).name})" if place else "")
        return cls("failed", cause={"kind": type(error).__name__, "message": message or type(error).__name__})

    @classmethod
    def interrupted(cls, signal: str) -> Outcome:
        """A run that a signal ended: `SIGINT`, `SIGTERM`."""
        return cls(
            "interrupted", cause={"kind": signal, "message": f"{signal} stopped it; the same command runs it again"}
        )

    def result(self, run: str, name: str, task: str, attempt: int, started: float) -> Result:
        """The result of run `run`, ended now."""
        ended = time.time()
        return Result(
            id=run,
            name=name,
            status=self.status,
            task=task,
            metrics=self.metrics,
            best_epoch=self.best_epoch,
            kept_epoch=self.kept_epoch,
            epochs_run=self.epochs_run,
            monitor=self.monitor,
            parameters=self.parameters,
            samples=self.samples,
            durations={**self.durations, "total_seconds": ended - started},
            engine=self.engine,
            cause=self.cause,
            attempt=attempt,
            started=started,
            ended=ended,
        )


def flat_metrics(
    history: Mapping[str, list[float]], best_epoch: int | None, test: Mapping[str, float]
) -> dict[str, Any]:
    """The metrics of a result: those of the last epoch, of the best (`best_...`), and of the test part (`test_...`)."""
    flat = {name: values[-1] for name, values in history.items()}
    if best_epoch is not None:
        flat |= {f"best_{name}": values[best_epoch - 1] for name, values in history.items()}
    return flat | {f"test_{name}": value for name, value in test.items()}
