"""Train what checked words say, show it as it goes, and tell the outcome: for a person or, with `--json`, a program."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from dlrun.errors import DlrunError, ExitCode, Terminated

if TYPE_CHECKING:
    from dlrun.cli.jsonlines import JsonRun, JsonSweep
    from dlrun.cli.progress import RunDisplay
    from dlrun.cli.sweep_display import SweepDisplay

__all__ = ["Output", "json_errors", "train"]

Output = Literal["shown", "quiet", "json"]


def train(overrides: list[str], sweep: bool, output: Output = "shown") -> int:
    """Train, and print the outcome; returns the exit code.

    Args:
        overrides: normalised words.
        output: `shown` as it goes, `quiet`: the outcome alone, `json`: an object a line.
    """
    from dlrun.api import answer_to
    from dlrun.cli import jsonlines, outcome

    if sweep:
        display = _sweep_display(output)
        try:
            with display:
                answer = answer_to(overrides, True, observer=display, ask=_question(output))
        except KeyboardInterrupt as stop:
            return _tell_stop(stop, display, output)
    else:
        with _run_display(output) as show:

            def tell(event: str, fields: Mapping[str, Any]) -> None:
                with _unread():
                    show(event, fields)

            answer = answer_to(overrides, False, listener=tell)
    code = outcome.exit_code(answer)
    with _unread():
        if output == "json":
            jsonlines.print_answer(answer, code)
        else:
            outcome.print_answer(answer, overrides, advises=output != "quiet")
    return code


@contextlib.contextmanager
def _unread() -> Iterator[None]:
    """Go on where nobody reads any more (`| head`): what was trained is none the worse."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def json_errors(action: Callable[[], int]) -> int:
    """Do `action`, and print as JSON what it raises; returns the exit code."""
    from dlrun.cli.jsonlines import print_error, print_event

    try:
        return action()
    except DlrunError as error:
        print_error(error)
        return error.exit_code
    except KeyboardInterrupt as stop:
        code = _code_of(stop)
        print_event("interrupted", exit_code=int(code), message=str(stop) or "the same command goes on")
        return code


def _sweep_display(output: Output) -> SweepDisplay | JsonSweep:
    from dlrun.cli.jsonlines import JsonSweep
    from dlrun.cli.sweep_display import SweepDisplay
    from dlrun.cli.tables import console
    from dlrun.config.roots import Roots

    if output == "json":
        return JsonSweep()
    is_drawn = console().is_terminal and not console().is_dumb_terminal
    mode: Literal["live", "plain", "silent"] = "silent" if output == "quiet" else "live" if is_drawn else "plain"
    return SweepDisplay(mode, Roots.of(Path.cwd()).work)


def _question(output: Output) -> Callable[[str], bool] | None:
    """How a question is put to the user; None where nobody would see it."""
    if output == "json" or not all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr)):
        return None
    return _ask


def _ask(text: str) -> bool:
    from dlrun.cli.messages import wrapped

    click.echo(wrapped(text), err=True)
    try:
        return click.confirm("Go on?", err=True)
    except click.Abort:  # Ctrl-C, which leaves the cursor behind the question
        click.echo(err=True)
        return False


def _run_display(output: Output) -> RunDisplay | JsonRun:
    from dlrun.cli.jsonlines import JsonRun
    from dlrun.cli.progress import RunDisplay

    if output == "json":
        return JsonRun()
    return RunDisplay(output == "quiet" or not sys.stdout.isatty(), output == "quiet")


def _tell_stop(stop: KeyboardInterrupt, display: SweepDisplay | JsonSweep, output: Output) -> int:
    """How far the sweep came that a signal has stopped, and how to go on; returns the exit code."""
    from dlrun.cli.jsonlines import print_event
    from dlrun.cli.ledger_text import how_far
    from dlrun.cli.messages import wrapped
    from dlrun.config.roots import Roots

    code, sweep = _code_of(stop), display.sweep
    if sweep is None:
        raise stop  # nothing has begun
    said, command = how_far(sweep, Roots.of(Path.cwd()).work), f"dlrun resume {sweep.id[:8]}"
    if output == "json":
        print_event("interrupted", exit_code=int(code), message=said, resume=command)
    else:
        for line in (f"interrupted: {said}.", f"{command} goes on with it, and so does the same command."):
            click.echo(wrapped(line), err=True)
    return code


def _code_of(stop: KeyboardInterrupt) -> ExitCode:
    return ExitCode.TERMINATED if isinstance(stop, Terminated) else ExitCode.INTERRUPTED
