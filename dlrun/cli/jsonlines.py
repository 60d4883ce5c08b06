"""`--json` of a training or a sweep: an object a line as things happen, and the answer as the last one."""

from __future__ import annotations

import dataclasses
import json
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from dlrun.cli.tables import for_programs
from dlrun.errors import ConfigError, DataError, DlrunError, ExitCode

if TYPE_CHECKING:
    from dlrun.api import Answer
    from dlrun.sweeps.record import Sweep
    from dlrun.training.result import Result

__all__ = ["JsonRun", "JsonSweep", "print_answer", "print_error", "print_event"]

_OF_A_RUN = ("start", "epoch", "warning")
_LOCK = threading.Lock()


def print_event(event: str, **fields: Any) -> None:
    """Print one object on a line of its own; numbers that JSON has not become null."""
    line = json.dumps(for_programs({"event": event, **fields}), ensure_ascii=False, allow_nan=False, default=str)
    with _LOCK:
        click.echo(line)


def print_error(error: DlrunError) -> None:
    """An error, with each of its problems."""
    problems = error.problems if isinstance(error, ConfigError | DataError) else ()
    told = [dataclasses.asdict(problem) for problem in problems]
    print_event("error", exit_code=int(error.exit_code), message=str(error), problems=told)


def print_answer(answer: Answer, code: ExitCode) -> None:
    """What the command came to."""
    sweep = None if answer.sweep is None else dataclasses.asdict(answer.sweep)
    print_event(
        "answer",
        exit_code=int(code),
        repeated=answer.repeated,
        sweep=sweep,
        results=[_result(result) for result in answer.results],
        store=None if answer.store is None else dataclasses.asdict(answer.store),
        rate_test=None if answer.rate_test is None else dataclasses.asdict(answer.rate_test),
    )


class JsonRun:
    """A listener that prints the beginning of a single run, what was found in its data, epochs and warnings."""

    def __enter__(self) -> JsonRun:
        return self

    def __exit__(self, *_: object) -> None: ...

    def __call__(self, event: str, fields: Mapping[str, Any]) -> None:
        if event in _OF_A_RUN:
            print_event(event, **fields)
        elif event == "data":
            print_event("findings", findings=fields["findings"])


class JsonSweep:
    """An observer that prints every change of the ledger as it happens; sentences go to standard error.

    Attributes:
        sweep: what is told of, None before it begins.
    """

    wants_epochs = False

    def __init__(self) -> None:
        self.sweep: Sweep | None = None

    def __enter__(self) -> JsonSweep:
        return self

    def __exit__(self, *_: object) -> None: ...

    def began(self, sweep: Sweep, finished: Sequence[Result]) -> None:
        self.sweep = sweep
        runs = [run for trial in sweep.trials for run in trial.runs]
        done = {result.id: result.status for result in finished}
        statuses = {run: done.get(run, "queued") for run in runs}
        print_event("sweep", id=sweep.id, name=sweep.name, command=sweep.command, runs=statuses)

    def said(self, text: str) -> None:
        click.echo(text, err=True)

    def running(self, run: str, attempt: int) -> None:
        print_event("run", **self._named(run), status="running", attempt=attempt)

    def epoch(self, run: str, epoch: int, epochs: int, metrics: Mapping[str, float]) -> None: ...

    def warned(self, run: str, text: str) -> None:
        print_event("warning", **self._named(run), text=text)

    def lost(self, run: str, cause: Mapping[str, Any], attempt: int, again: bool) -> None:
        status = "queued" if again else "failed"
        print_event("run", **self._named(run), status=status, attempt=attempt, cause=dict(cause))

    def left(self, run: str, cause: Mapping[str, Any], attempt: int) -> None:
        print_event("run", **self._named(run), status="interrupted", attempt=attempt, cause=dict(cause))

    def added(self, run: str, of: str, name: str) -> None:
        print_event("run", run=run, name=name, status="queued", of=of)

    def ended(self, result: Result) -> None:
        told = {"attempt": result.attempt, "cause": result.cause, "metrics": result.metrics}
        print_event("run", run=result.id, name=result.name, status=result.status, **told)

    def _named(self, run: str) -> dict[str, Any]:
        return {"run": run, "name": None if self.sweep is None else self.sweep.names.get(run)}


def _result(result: Result) -> dict[str, Any]:
    return result.to_json() | {"path": None if result.path is None else str(result.path)}
