"""`dlrun resume [WHICH]`: go on with what was interrupted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from dlrun.errors import UserError

if TYPE_CHECKING:
    from dlrun.cli.training import Output

__all__ = ["command"]


@click.command(name="resume", short_help="Go on with what was interrupted.")
@click.argument("words", nargs=-1, metavar="[WHICH] [KEY=VALUE ...]")
@click.option(
    "--inexact", is_flag=True, help="Also where the machine or TensorFlow changed, and the last bits may differ."
)
@click.option("-q", "--quiet", is_flag=True, help="Print only the outcome.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, an object a line.")
def command(words: tuple[str, ...], inexact: bool, quiet: bool, as_json: bool) -> int:
    """Go on with a sweep or a run that a signal, a crash or a power cut has ended.

    WHICH is last, the start of an id or a path; without it, what was interrupted last. It is the same as typing the
    command again: what is finished is kept, what was begun goes on from its newest checkpoint, what failed is tried
    again.

    KEY=VALUE changes how it is trained, never what: launcher.trial_timeout=60 gives each run more time,
    launcher.worker_memory=4 more memory, launcher.halve_batch=true tries those that ran out of it with half the batch.
    """
    if as_json:
        from dlrun.cli.training import json_errors

        return json_errors(lambda: _resume(words, inexact, "json"))
    return _resume(words, inexact, "quiet" if quiet else "shown")


def _resume(words: tuple[str, ...], inexact: bool, output: Output) -> int:
    from dlrun.cli.train import train
    from dlrun.config.roots import Roots
    from dlrun.planning import Planner
    from dlrun.workflows.resume import address, newest, same_runs, unfinished

    which = [word for word in words if "=" not in word]
    if len(which) > 1:
        raise UserError(f"dlrun resume takes one sweep or run; got {' '.join(which)}. One after the other, please.")
    roots = Roots.of(Path.cwd())
    work, others = (address(which[0], roots.work), 0) if which else newest(roots.work)
    changes = [word for word in words if "=" in word] + (["checkpoint.inexact=true"] if inexact else [])
    same_runs(work, changes, Planner(Path.cwd()))
    unfinished(work)
    work = work.with_changes(changes)
    click.echo(f"= {work.command}", err=True)
    if others:
        click.echo(f"{others} more {'was' if others == 1 else 'were'} interrupted: dlrun runs lists them.", err=True)
    return train(list(work.words), work.is_sweep, output)
