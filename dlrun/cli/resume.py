"""`dlrun resume [WHICH]`: go on with what was interrupted."""

from __future__ import annotations

from pathlib import Path

import click

from dlrun.errors import UserError

__all__ = ["command"]


@click.command(name="resume", short_help="Go on with what was interrupted.")
@click.argument("words", nargs=-1, metavar="[WHICH]")
@click.option(
    "--inexact", is_flag=True, help="Also where the machine or TensorFlow changed, and the last bits may differ."
)
@click.option("-q", "--quiet", is_flag=True, help="Print only the outcome.")
def command(words: tuple[str, ...], inexact: bool, quiet: bool) -> int:
    """Go on with a sweep or a run that a signal, a crash or a power cut has ended.

    WHICH is last, the start of an id or a path; without it, what was interrupted last. It is the same as typing the
    command again: what is finished is kept, what was begun goes on from its newest checkpoint.
    """
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
    click.echo(f"= {' '.join([work.command, *changes])}", err=True)
    if others:
        click.echo(f"{others} more {'was' if others == 1 else 'were'} interrupted: dlrun runs lists them.", err=True)
    return train([*work.words, *changes], work.is_sweep, quiet)
