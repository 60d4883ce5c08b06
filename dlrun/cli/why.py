"""`dlrun why RUN RUN`: in words what two runs differ in, by how much, and how sure that is."""

from __future__ import annotations

import dataclasses
import json
import shutil
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dlrun.cli.tables import for_programs, printable

if TYPE_CHECKING:
    from dlrun.analysis.contrast.pair import Pair
    from dlrun.analysis.contrast.words import Answer

__all__ = ["command"]

_MOST_COLUMNS = 120


@click.command(name="why", short_help="Say why two runs differ.")
@click.argument("first", metavar="RUN")
@click.argument("second", metavar="RUN")
@click.option("--metric", metavar="NAME", help="Judge by this metric; without it the task's: test_accuracy, test_r2.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: an object.")
def command(first: str, second: str, metric: str | None, as_json: bool) -> None:
    """Say in words what two runs differ in, by how much, and how sure that is.

    RUN is last, best, best@METRIC, the start of an id or a path. How sure it is, is told by all runs that repeat the
    two with other seeds or splits; where too few do, the command that trains them is printed.
    """
    from dlrun.analysis.contrast.pair import pair_of
    from dlrun.analysis.contrast.side import find_two
    from dlrun.analysis.contrast.words import explain
    from dlrun.config.catalog import Catalog
    from dlrun.config.roots import Roots

    roots = Roots.of(Path.cwd())
    catalog = Catalog(roots)
    pair = pair_of(*find_two(first, second, roots.work, catalog), roots.work, catalog)
    metric = pair.metric(metric)
    answer = explain(pair, metric)
    if as_json:
        click.echo(json.dumps(for_programs(_for_programs(pair, metric, answer)), indent=2, ensure_ascii=False))
    else:
        _print(pair, answer)


def _print(pair: Pair, answer: Answer) -> None:
    for side in pair.sides:
        click.secho(side.run.short_id, bold=True, nl=False)
        click.echo(f"  {printable(side.run.name or side.run.status)}")
    parts = {"What differs": answer.differs, "By how much": answer.how_much, "How sure": answer.how_sure}
    for title, sentences in parts.items():
        if sentences:
            click.echo()
            click.secho(title, bold=True)
        for sentence in sentences:
            click.echo(_wrapped(sentence))
    if answer.commands:
        click.echo()
        click.secho("What would tell", bold=True)
        for each in answer.commands:
            click.echo(f"  {printable(each)}")  # whole, to be copied


def _wrapped(text: str) -> str:
    width = min(shutil.get_terminal_size().columns, _MOST_COLUMNS)
    return textwrap.fill(printable(text), width, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False)


def _for_programs(pair: Pair, metric: str, answer: Answer) -> dict[str, object]:
    sure = pair.sureness(metric)
    difference = None if sure.difference is None else dataclasses.asdict(sure.difference)
    found = pair.among(metric) if pair.is_one_problem else None
    first, second = (list(values.values()) for values in (sure.first, sure.second))
    return {
        "runs": [side.run.id for side in pair.sides],
        "metric": metric,
        "values": [side.scores.get(metric) for side in pair.sides],
        "factors": [cause.key for cause in pair.causes],
        "difference": difference if pair.is_one_problem else None,
        "paired": sure.is_paired,
        "settled": sure.is_settled and pair.is_one_problem,
        "probability_second_better": sure.probability if pair.is_one_problem else None,
        "among": None if found is None else dataclasses.asdict(found),
        "replicates": [first, second],
        "replicates_more": sure.more,
        **dataclasses.asdict(answer),
    }
