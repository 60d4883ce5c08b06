"""What is shown while training: an epoch bar for one run, trials done, best so far and time left for a sweep."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from dlrun.analysis.ranking import best_of, goal_of, metric_for
from dlrun.workflows.amounts import short_score

if TYPE_CHECKING:
    from rich.progress import Progress

    from dlrun.sweeps.record import Sweep
    from dlrun.training.result import Result

__all__ = ["RunDisplay", "SweepDisplay"]

_SECONDS_BETWEEN_LINES = 10.0  # where no bar can be drawn


class RunDisplay:
    """A listener that shows a run's epochs."""

    def __init__(self, plain: bool) -> None:
        self._epochs: int | None = None
        self._before = 0
        self._bar = None if plain else _bar("{task.description}", "{task.fields[metrics]}")
        self._task: Any = None
        self._last_line = time.monotonic()

    def __enter__(self) -> RunDisplay:
        if self._bar is not None:
            self._bar.start()
            self._task = self._bar.add_task("importing TensorFlow", total=None, metrics="")
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, event: str, fields: Mapping[str, Any]) -> None:
        if event == "start":
            self._epochs = fields["epochs"]
            self._before = (fields.get("extends") or {}).get("epoch", 0)
            if came := _goes_on(fields):
                _say(self._bar, came)
            self._describe("starting", "")
        elif event == "warning":
            _say(self._bar, f"warning: {fields['text']}")
        elif event == "epoch" and fields["epoch"] > self._before:  # those of a shorter run are no news
            shown = "  ".join(f"{name} {short_score(value)}" for name, value in fields["metrics"].items())
            self._epoch(fields["epoch"], shown)

    def _epoch(self, epoch: int, metrics: str) -> None:
        if self._bar is not None:
            self._bar.update(self._task, description="epoch", completed=epoch, total=self._epochs, metrics=metrics)
        elif time.monotonic() - self._last_line > _SECONDS_BETWEEN_LINES:
            self._last_line = time.monotonic()
            click.echo(f"epoch {epoch}/{self._epochs}  {metrics}")

    def _describe(self, text: str, metrics: str) -> None:
        if self._bar is not None:
            self._bar.update(self._task, description=text, metrics=metrics)


class SweepDisplay:
    """An observer that shows how many trials are done, which is best, and how long the rest will take."""

    def __init__(self, plain: bool) -> None:
        self._bar = None if plain else _bar("{task.description}", "{task.fields[best]}")
        self._task: Any = None
        self._total = self._done = self._new = 0
        self._began = time.monotonic()
        self._last_line = self._began
        self._metric: str | None = None
        self._best: tuple[float, str] | None = None
        self._names: dict[str, str] = {}

    def __enter__(self) -> SweepDisplay:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def began(self, sweep: Sweep, finished: Sequence[Result]) -> None:
        self._names = {run: trial.name for trial in sweep.trials for run in trial.runs}
        self._total, self._done = len(self._names), len(finished)
        self._began = time.monotonic()
        for result in finished:
            self._consider(result)
        again = f", {len(finished)} of them finished before" if finished else ""
        click.echo(f"{_count(len(sweep.trials), 'trial')}, {_count(self._total, 'run')}{again}")
        if self._bar is not None:
            self._bar.start()
            self._task = self._bar.add_task("importing TensorFlow", total=self._total, best="")
            self._show()

    def running(self, run: str) -> None:
        if self._bar is not None:
            self._bar.update(self._task, description=self._names.get(run, run))

    def ended(self, result: Result) -> None:
        if result.status == "interrupted":  # it is not done
            return
        self._done += 1
        self._new += 1
        self._consider(result)
        if result.status != "finished":
            _say(self._bar, f"{result.status}: {result.name}: {(result.cause or {}).get('message', 'see its log.txt')}")
        self._show()

    def _consider(self, result: Result) -> None:
        self._metric = self._metric or metric_for(result.task, result.metrics)
        value = result.metrics.get(self._metric)
        if result.status != "finished" or value is None:
            return
        if self._best is None or best_of((value, self._best[0]), goal_of(self._metric)) != self._best[0]:
            self._best = (value, result.name)

    def _show(self) -> None:
        best = ""
        if self._best is not None:
            best = f"best {self._metric} {short_score(self._best[0])} ({self._best[1]})"
        if self._bar is not None:
            self._bar.update(self._task, completed=self._done, best=f"{best}  {self._left()}".strip())
        elif time.monotonic() - self._last_line > _SECONDS_BETWEEN_LINES or self._done == self._total:
            self._last_line = time.monotonic()
            click.echo(f"{self._done}/{self._total} runs  {best}  {self._left()}".rstrip())

    def _left(self) -> str:
        if self._new == 0 or self._done >= self._total:
            return ""
        seconds = (time.monotonic() - self._began) / self._new * (self._total - self._done)
        return f"{int(seconds) // 60}:{int(seconds) % 60:02d} left"

    def hear(self, event: str, fields: Mapping[str, Any]) -> None:
        """Show the warnings among the events of a run."""
        if event == "warning":
            _say(self._bar, f"warning: {fields['text']}")


def _say(bar: Progress | None, text: str) -> None:
    if bar is not None:
        bar.console.print(text, markup=False)
    else:
        click.echo(text)


def _goes_on(start: Mapping[str, Any]) -> str:
    """Where a run goes on, of the fields of its `start`; empty where it begins at the beginning."""
    found = start.get("resumed") or start.get("extends")
    if not found:
        return ""
    step = f" and step {found['step']}" if found["step"] else ""
    of = f" of run {found['run'][:8]}" if "run" in found else ""
    return f"goes on after epoch {found['epoch']}{step}{of}"


def _bar(before: str, after: str) -> Progress:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn(before, markup=False), BarColumn(bar_width=20), MofNCompleteColumn())
    return Progress(*columns, TextColumn(after, markup=False), transient=True)


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
