"""What is shown while a single run trains: an epoch bar, or a line now and then."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from dlrun.workflows.amounts import short_score

if TYPE_CHECKING:
    from rich.progress import Progress

__all__ = ["RunDisplay"]

_SECONDS_BETWEEN_LINES = 10.0  # where no bar can be drawn


class RunDisplay:
    """A listener that shows what is to be known of a run's data, and its epochs.

    Args:
        plain: whether no bar can be drawn.
        quiet: whether findings are not shown.
    """

    def __init__(self, plain: bool, quiet: bool = False) -> None:
        self._quiet = quiet
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
        elif event == "data" and not self._quiet:
            self._report(fields["findings"])
        elif event == "warning":
            _say(self._bar, f"warning: {fields['text']}")
        elif event == "epoch" and fields["epoch"] > self._before:  # those of a shorter run are no news
            shown = "  ".join(f"{name} {short_score(value)}" for name, value in fields["metrics"].items())
            self._epoch(fields["epoch"], shown)

    def _report(self, findings: Sequence[Mapping[str, Any]]) -> None:
        """What is to be known of the data, above the bar."""
        from dlrun.cli.data_report import print_report

        if self._bar is not None:
            self._bar.stop()  # the table is not the bar's to draw
        print_report(findings)
        if self._bar is not None:
            self._bar.start()

    def _epoch(self, epoch: int, metrics: str) -> None:
        if self._bar is not None:
            self._bar.update(self._task, description="epoch", completed=epoch, total=self._epochs, metrics=metrics)
        elif time.monotonic() - self._last_line > _SECONDS_BETWEEN_LINES:
            self._last_line = time.monotonic()
            click.echo(f"epoch {epoch}/{self._epochs}  {metrics}")

    def _describe(self, text: str, metrics: str) -> None:
        if self._bar is not None:
            self._bar.update(self._task, description=text, metrics=metrics)


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
