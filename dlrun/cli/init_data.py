"""What `dlrun init FILE` tells and writes."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dlrun.cli.tables import Cell, Table, print_table
from dlrun.config.catalog import Catalog
from dlrun.config.roots import Roots, shown_path
from dlrun.errors import Problem, UserError

if TYPE_CHECKING:
    from dlrun.workflows.intake.study import Seen, Study

__all__ = ["begin"]

_SHOWN = 40


def begin(given: str, name: str | None, target: str | None, yes: bool, words: Sequence[str] = ()) -> None:
    """Look at the data, tell what it holds, and write the config for it.

    Raises:
        UserError: the data cannot be used, or the name not be had; nothing was written.
        Declined: files of that name are there, and are to stay.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # images are resized by TensorFlow, which greets in ten lines
    roots = Roots.of(Path.cwd())
    _require_place(roots)
    chosen = _name_of(name, roots.file(given), roots)
    from dlrun.workflows.intake.guesses import option_name
    from dlrun.workflows.intake.study import study

    found = study(given, target, roots, words)
    _tell(found, given)
    if name is None and chosen.startswith("my_") and chosen != option_name(roots.file(given)):
        taken = chosen.removeprefix("my_")
        click.echo(f"It is called {chosen}: data={taken} is dlrun's own; --name NAME says otherwise")
    _write(found, given, chosen, roots, yes)


def _require_place(roots: Roots) -> None:
    from dlrun.starters.starter import bad_place

    if problems := list(bad_place(roots)):
        raise UserError("\n".join(map(str, problems)))


def _name_of(given: str | None, path: Path, roots: Roots) -> str:
    from dlrun.workflows.intake.guesses import option_name

    name = option_name(path if given is None else Path(given))
    if given is not None and name != given:
        rule = "must be small letters, digits and single underscores, a letter first"
        raise UserError(str(Problem("--name", rule, got=f"'{given}'", mend=f"Did you mean {name}?")))
    if not Catalog(Roots(None, roots.work, roots.directory)).has("data", name):
        return name
    if given is None:
        return f"my_{name}"
    rule = f"must not be the name of a packaged option: yours would take the place of data={name} everywhere"
    raise UserError(str(Problem("--name", rule, got=name, mend=f"Did you mean my_{name}?")))


def _tell(found: Study, given: str) -> None:
    dataset = found.dataset
    task = f"{dataset.task}, {len(dataset.classes)} classes" if dataset.classes else dataset.task
    click.secho(f"{given}: {dataset.samples:,} samples, {task}", bold=True)
    if found.target is not None:
        click.echo(f"To predict: {found.target[0]} ({found.target[1]}; --target COLUMN says otherwise)")
        rows = [_row(seen) for seen in found.seen[:_SHOWN]]
        print_table(Table(["column", "kind", "empty", "distinct", "example", "use"], rows))
    elif found.seen:
        rows = [[seen.name, seen.distinct] for seen in found.seen[:_SHOWN]]
        print_table(Table(["class", "samples"], rows))
    if len(found.seen) > _SHOWN:
        click.echo(f"and {len(found.seen) - _SHOWN} more")
    _tell_doubts(found)


def _row(seen: Seen) -> list[object]:
    missing = Cell(seen.missing, "" if not seen.missing else f"{seen.missing:.0%}")
    return [seen.name, seen.kind, missing, Cell(seen.distinct, str(seen.distinct or "")), seen.example, seen.use]


def _tell_doubts(found: Study) -> None:
    from dlrun.cli.data_report import print_report

    if found.doubts:
        click.echo()
        click.secho("Settled as the file needs it", fg="yellow", bold=True)
        for doubt in found.doubts:
            click.echo(f"  {doubt}")
    click.echo()
    if found.findings:
        print_report([finding.to_json() for finding in found.findings])


def _write(found: Study, given: str, name: str, roots: Roots, yes: bool) -> None:
    from dlrun.cli.asking import require_yes
    from dlrun.starters.starter import Starter, write
    from dlrun.workflows.intake.study import file_for
    from dlrun.workflows.intake.written import experiment_text, option_text

    project = roots.project or roots.directory
    path = file_for(roots.file(given), project)
    files = {
        project / "conf" / "data" / f"{name}.yaml": option_text(found, path, given),
        project / "experiments" / f"{name}.yaml": experiment_text(found, name),
    }
    there = [file for file in files if file.exists() or file.is_symlink()]
    if there:
        names = " and ".join(shown_path(file, roots.directory) for file in there)
        require_yes("Replace them?", f"It would replace {names}", "Nothing was written.", yes)
    for file in there:
        file.unlink()
    command = f"dlrun data={name}"
    write(Starter(files, command, project, roots.project is None))
    if roots.project is None:
        click.echo(f"{project} is a project now: it has conf/project.yaml, which may stay empty")
    for file in files:
        click.echo(f"wrote {shlex.quote(shown_path(file, roots.directory))}")
    model = "" if found.models[-1] == "mlp" else f" model={found.models[-1]}"
    click.echo(
        f"\nTrain on it:\n  {command}{model}\nOr compare two models, five seeds each:\n  dlrun -m experiment={name}"
    )
