"""`dlrun init FILE|FOLDER`: config for somebody's own data; with `--component KIND NAME` a component to start from."""

from __future__ import annotations

import os
from pathlib import Path

import click

from dlrun.errors import UserError

__all__ = ["command"]

_USAGE = "Type dlrun init FILE for data of your own, or dlrun init --component KIND NAME, as in layer gated."
_ROLES = ("the option: its keys, defaults and rules", "what is built", "its test: python -m pytest tests")


@click.command(name="init", short_help="Look at a file or folder of yours, and write the config for it.")
@click.argument("words", nargs=-1, metavar="FILE | FOLDER [data.KEY=VALUE]...")
@click.option("--name", metavar="NAME", help="What the data is called; else after the file.")
@click.option("--target", metavar="COLUMN", help="The column to predict; else the one that looks like it.")
@click.option("--yes", is_flag=True, help="Replace files of that name without asking.")
@click.option("--component", is_flag=True, help="No data: write a component of your own; type KIND NAME.")
def command(words: tuple[str, ...], name: str | None, target: str | None, yes: bool, component: bool) -> None:
    """Look at a file or folder of your own, tell what it holds, and write the config for it.

    Read are CSV, Parquet, JSON lines, and folders of images or texts by class. The column to predict, what each column
    holds and which to leave out are guessed and told; conf/data/NAME.yaml and experiments/NAME.yaml are written.

    What it cannot find out is said behind: dlrun init sales.csv data.decimal=comma data.drop=[id]. Such words are
    checked like those of a run, and written into the option. Where there is no project, the working directory becomes
    one.

    Apart from data: dlrun init --component KIND NAME writes a component of your own, a worked example to change. KIND
    is layer, loss, metric, optimizer, callback or data; the files are conf/KIND/NAME.yaml, NAME.py and
    tests/test_NAME.py.
    """
    if component:
        if name or target or yes:
            raise UserError(f"--name, --target and --yes are for data, not for a component. {_USAGE}")
        _component(words)
        return
    if not words or any("=" not in word for word in words[1:]):
        raise UserError(_what_to_type(words))
    from dlrun.cli.init_data import begin

    begin(words[0], name, target, yes, words[1:])


def _component(words: tuple[str, ...]) -> None:
    if len(words) != 2:
        raise UserError(f"dlrun init --component takes a KIND and a NAME; got {' '.join(words) or 'neither'}. {_USAGE}")
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


def _what_to_type(words: tuple[str, ...]) -> str:
    if not words:
        return f"dlrun init looks at data of your own. {_USAGE}"
    if Path(words[0]).exists():
        wrong = " ".join(word for word in words[1:] if "=" not in word)
        return f"dlrun init takes one file or folder, and data.KEY=VALUE words behind it; got {wrong}. {_USAGE}"
    if len(words) == 2:
        right = f"dlrun init --component {' '.join(words)}"
        return f"dlrun init takes one file or folder; a component needs --component. Type {right}."
    return f"dlrun init takes one file or folder; got {' '.join(words)}. {_USAGE}"
