"""`dlrun evaluate RUN [data=...]`: metrics of a finished run on other data."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dlrun.cli.tables import Table, for_programs, print_table, printable
from dlrun.errors import UserError

if TYPE_CHECKING:
    from dlrun.workflows.evaluate import Evaluation, Score

__all__ = ["command"]

_MOST_CLASSES = 40  # that are shown; --json has all


@click.command(name="evaluate", short_help="Metrics of a finished run on other data.")
@click.argument("run", metavar="RUN")
@click.argument("words", nargs=-1, metavar="[data=... | data.KEY=VALUE | split.KEY=VALUE ...]")
@click.option(
    "--part", metavar="PART", help="test, validation, train or all: test of the run's data, all of other data."
)
@click.option("--strict", is_flag=True, help="Refuse data that differs from the training's.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: an object.")
def command(run: str, words: tuple[str, ...], part: str | None, strict: bool, as_json: bool) -> int:
    """Measure a finished run on its own parts, or on other data.

    RUN is last, best, best@METRIC, the start of an id or a path. The words replace its data, or how that is split.
    Without them it is measured on its own test part, with the result that its training had.

    data.path=FILE is another file for the run's own data option, all its settings kept: target, decimal sign, separator
    and the rest. data=FILE is the same where the file is of the sort that the run learned from; of another sort (a
    parquet file after a CSV file) it is read by what suits it, with the settings that both know. data=OPTION is other
    data, as data=moons data.noise=0.3. Say dlrun evaluate last data=new.csv

    The file needs the column that the run predicts: without it nothing can be measured, dlrun predict predicts then.

    Classes are matched by name, columns too, and other data goes through the preprocessing that was measured in
    training. Nothing is written, and no run is made.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow greets in ten lines otherwise
    from dlrun.analysis.which import find_run
    from dlrun.cli.checked_text import print_checked, print_state
    from dlrun.config.catalog import Catalog
    from dlrun.config.roots import Roots
    from dlrun.workflows.evaluate import PARTS, evaluate
    from dlrun.workflows.foreign import refuse_address

    if part is not None and part not in PARTS:
        raise UserError(f"--part must be {', '.join(PARTS[:-1])} or {PARTS[-1]}; got {part}.")
    refuse_address(run)
    catalog = Catalog(Roots.of(Path.cwd()))
    found = evaluate(find_run(run, catalog.roots.work, catalog), catalog, words, part)
    print_state(found.kept)
    if found.checked is not None:
        print_checked(found.checked, strict)
    if as_json:
        click.echo(json.dumps(for_programs(found.to_json()), indent=2, ensure_ascii=False))
    else:
        _print(found)
    return 0


def _print(found: Evaluation) -> None:
    from dlrun.workflows.evaluate import FEWEST

    what = "its own data" if found.is_own else "other data"
    part = "all rows" if found.part == "all" else f"the {found.part} part"
    click.secho(printable(found.kept.run.name or "run"), bold=True, nl=False)
    click.secho(f"  run {found.kept.run.short_id}", dim=True)
    click.echo(f"on {part} of {what}, {found.samples:,} sample{'' if found.samples == 1 else 's'}")
    if found.unanswered:
        text = f"{found.unanswered:,} more have no prediction: a value is missing that the model cannot do without"
        click.secho(f"warning: {text}.", err=True, fg="yellow")
    if found.absent:
        click.secho(f"No sample is of {printable(', '.join(found.absent[:8]))}.", err=True, fg="yellow")
    columns = ["metric", "value"]
    if has_ends := any(score.low is not None for score in found.scores):
        columns.append("95% interval")
    if has_before := not (found.is_own and found.part == "test") and any(s.before is not None for s in found.scores):
        columns.append("its own test part")
    rows = [[score.name, _shown(score.value), *_more(score, has_ends, has_before)] for score in found.scores]
    print_table(Table(columns, rows))
    if found.samples < FEWEST:
        click.secho(f"No intervals: fewer than {FEWEST} samples say next to nothing about others.", dim=True)
    if 2 <= len(found.classes) <= _MOST_CLASSES:
        fields = ("precision", "recall", "f1")
        table = [
            [name, *(_shown(row[field]) for field in fields), f"{int(row['rows']):,}"]
            for name, row in found.classes.items()
        ]
        click.echo()
        print_table(Table(["class", *fields, "rows"], table))


def _more(score: Score, has_ends: bool, has_before: bool) -> list[str]:
    ends = "" if score.low is None or score.high is None else f"{_shown(score.low)} to {_shown(score.high)}"
    before = "" if score.before is None else _shown(score.before)
    return [*([ends] if has_ends else []), *([before] if has_before else [])]


def _shown(value: float) -> str:
    return f"{value:.4g}" if abs(value) >= 10 or (value and abs(value) < 0.001) else f"{value:.4f}"
