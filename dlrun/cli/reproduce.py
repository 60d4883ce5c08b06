"""`dlrun reproduce RUN`: train a finished run again, and say whether it is the same."""

from __future__ import annotations

import json
import os
import shutil
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dlrun.cli.tables import for_programs, printable
from dlrun.errors import ExitCode, UserError

if TYPE_CHECKING:
    from collections.abc import Callable

    from dlrun.analysis.repetition import Gap
    from dlrun.workflows.reproduce import Listener, Original, Reproduction

__all__ = ["command"]

_MOST_COLUMNS = 120


@click.command(name="reproduce", short_help="Train a run again: is it the same?")
@click.argument("run", metavar="RUN")
@click.option(
    "--tolerance", type=float, metavar="X", help="Relative difference of a metric that counts as the same: 0.01."
)
@click.option("-q", "--quiet", is_flag=True, help="Print only the outcome.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: an object.")
def command(run: str, tolerance: float | None, quiet: bool, as_json: bool) -> int:
    """Train a finished run again from its beginning, and say whether it is the same.

    RUN is last, best, best@METRIC, the start of an id or a path. It is trained with the engine, threads and device of
    the first time, beside the run: nothing of that changes, and nothing is sent to a store. The answer is kept as
    reproduction.json in its directory.

    Ends with 0 where every metric of every epoch is the same or within the tolerance, with 1 where one is not, with 2
    where the run cannot be trained again: it is not finished, or its data or a component is not what it was; or where
    no metric is left of the first time.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow greets in ten lines otherwise
    from dlrun.analysis.repetition import TOLERANCE
    from dlrun.analysis.which import find_run
    from dlrun.config.catalog import Catalog
    from dlrun.config.roots import Roots
    from dlrun.workflows.foreign import refuse_address
    from dlrun.workflows.reproduce import original_of, reproduce

    tolerance = TOLERANCE if tolerance is None else tolerance
    if not 0 <= tolerance < 1:
        raise UserError(f"--tolerance must be a number in [0, 1); got {tolerance:g}. Without it, it is {TOLERANCE}.")
    refuse_address(run)
    catalog = Catalog(Roots.of(Path.cwd()))
    original = original_of(find_run(run, catalog.roots.work, catalog), catalog)
    is_silent = quiet or as_json
    if not is_silent:
        click.echo(_heading(original))
    found = _trained(lambda listener: reproduce(original, catalog, tolerance, listener), is_silent)
    if as_json:
        click.echo(json.dumps(for_programs(found.to_json()), indent=2, ensure_ascii=False))
    else:
        _print(found)
    if found.repetition.verdict == "nothing to compare":
        return ExitCode.WRONG_CALL
    return ExitCode.FAILED if found.repetition.verdict == "diverged" else ExitCode.DONE


def _heading(original: Original) -> str:
    trainer = original.spec["trainer"]
    threads = f"{trainer['threads']} thread{'' if trainer['threads'] == 1 else 's'}" if trainer["threads"] else ""
    how = ", ".join(filter(None, [f"engine {trainer['engine']}", threads]))
    return printable(f"run {original.run.short_id} again: {original.run.name} ({how})")


def _trained(train: Callable[[Listener], Reproduction], is_silent: bool) -> Reproduction:
    """Train under a bar; what a signal ends is told as what it is."""
    from dlrun.cli.progress import RunDisplay

    try:
        if is_silent:
            return train(lambda *_: None)
        with RunDisplay(plain=not sys.stdout.isatty()) as show:
            return train(show)
    except KeyboardInterrupt as stop:
        said = "interrupted: nothing is left of the repetition, and the run is as it was"
        raise type(stop)(said) from None


def _print(found: Reproduction) -> None:
    repetition = found.repetition
    style = {"identical": "green", "within tolerance": "green", "diverged": "red"}.get(repetition.verdict, "yellow")
    verdict: str = repetition.verdict
    if repetition.at is not None:
        verdict += " at its end" if repetition.at.epoch is None else f" at epoch {repetition.at.epoch}"
    first, *others = _wrapped(f"{verdict}{_evidence(found)}").splitlines()
    click.secho(verdict, bold=True, fg=style, nl=False)
    click.echo("\n".join([first.removeprefix(verdict), *others]))
    if found.otherwise:
        click.echo(
            "What is not as it was:"
            if repetition.verdict != "identical"
            else "And that although this is not as it was:"
        )
        for each in found.otherwise:
            click.echo(f"  {printable(str(each))}")
    elif repetition.verdict != "identical":
        click.echo(_wrapped("Nothing in the environment that was noted is other than it was."))
    if repetition.verdict == "diverged":
        click.echo(_wrapped(_next(found)))
    if found.kept is None:
        click.echo("Not written down: the run's directory cannot be written.")


def _wrapped(text: str) -> str:
    width = min(shutil.get_terminal_size().columns, _MOST_COLUMNS)
    return textwrap.fill(printable(text), width, break_on_hyphens=False)


def _evidence(found: Reproduction) -> str:
    repetition = found.repetition
    if repetition.verdict == "nothing to compare":
        return ": of the first training neither metrics nor the fingerprint of its weights are left."
    epochs = f"{repetition.compared} epoch{'' if repetition.compared == 1 else 's'}"
    if repetition.verdict == "identical":
        weights = ", and the weights" if repetition.same_weights else ""
        return f": every metric of {epochs}{weights}, to the bit."
    if repetition.first is None or repetition.largest is None:
        what = (
            "it ended in another way" if repetition.verdict == "diverged" else "the weights are not, in their last bits"
        )
        return f": every metric of {epochs} is the same to the bit; {what}."
    if repetition.verdict == "within tolerance":
        largest = f"the largest is {_gap(repetition.largest, found.tolerance)}"
        return f": of {epochs} no metric differs by more; {largest}. They first differ {_where(repetition.first)}."
    at = repetition.at or repetition.first
    text = f": {_gap(at, found.tolerance)}"
    if repetition.first != at:
        text += f"; they first differ {_where(repetition.first)}"
    return f"{text}."


def _gap(gap: Gap, tolerance: float) -> str:
    first, second = ("nothing" if value is None else f"{value:.8g}" for value in (gap.first, gap.second))
    text = f"{gap.metric} {_where(gap)}, {first} and then {second}"
    if gap.relative >= 1:
        return text
    return f"{text}, {gap.relative:.2g} of its value (the tolerance is {tolerance:g})"


def _where(gap: Gap) -> str:
    return "of the kept weights" if gap.epoch is None else f"in epoch {gap.epoch}"


def _next(found: Reproduction) -> str:
    """What may be the reason, and what to do."""
    if found.otherwise:
        return (
            "Make that as it was, or allow for it: --tolerance. Equal bits are promised on equal hardware and versions."
        )
    return "With trainer.deterministic=false, or operations that are not dlrun's, equal bits are not promised."
