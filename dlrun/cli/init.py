"""`dlrun init --component KIND NAME`: a component of one's own, to start from."""

from __future__ import annotations

import os
from pathlib import Path

import click

from dlrun.errors import UserError

__all__ = ["command"]

_USAGE = "Type dlrun init --component KIND NAME, as in dlrun init --component layer gated."
_ROLES = ("the option: its keys, defaults and rules", "what is built", "its test: python -m pytest tests")


@click.command(name="init", short_help="Write a component of your own to start from.")
@click.argument("words", nargs=-1, metavar="KIND NAME")
@click.option("--component", is_flag=True, help="Write a component: so far the one thing that init does.")
def command(words: tuple[str, ...], component: bool) -> None:
    """Write a component of your own: a worked example to change.

    KIND is layer, loss, metric, optimizer, callback or data, NAME what you will call it.

    \b
    Three files go into the project: conf/KIND/NAME.yaml, NAME.py and tests/test_NAME.py.
    Where there is no project, the working directory becomes one.
    """
    if not component or len(words) != 2:
        raise UserError(_what_to_type(words, component))
    kind, name = words
    from dlrun.config.roots import Roots, shown_path
    from dlrun.starters.starter import starter, write

    roots = Roots.of(Path.cwd())
    planned = starter(kind, name, roots)
    write(planned)
    if planned.is_new:
        click.echo(f"{planned.project} is a project now: it has conf/project.yaml, which may stay empty")
    names = [shown_path(path, roots.directory) for path in planned.files]
    width = max(map(len, names))
    for name, role in zip(names, _ROLES, strict=True):
        click.echo(f"wrote {name:<{width}}   {role}")
    away = os.path.relpath(planned.project, roots.directory)
    if away != ".":
        click.echo(f"The project is {away}; run its tests there.")
    click.echo(f"\nIt works as it is. Try it, then change it:\n  {planned.command}")


def _what_to_type(words: tuple[str, ...], component: bool) -> str:
    if component:
        return f"dlrun init --component takes a KIND and a NAME; got {' '.join(words) or 'neither'}. {_USAGE}"
    if not words:
        return f"dlrun init writes a component of your own. {_USAGE}"
    if len(words) == 2:
        return f"dlrun init needs --component to write one. Type dlrun init --component {' '.join(words)}."
    return f"dlrun init writes a component of your own; got {' '.join(words)}. {_USAGE}"
