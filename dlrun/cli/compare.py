"""`dlrun compare [WHICH]`: the leaderboard of a sweep, an experiment or a folder of runs, with its uncertainty."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dlrun.cli.extent import WAITING, heading, left, with_more_seeds
from dlrun.cli.tables import Cell, Table, console, format_options, print_table
from dlrun.config.text import typed

if TYPE_CHECKING:
    from dlrun.analysis.compare import Comparison, Row
    from dlrun.analysis.ranking import At
    from dlrun.analysis.runs import RunRecord, SweepRecord
    from dlrun.analysis.which import Selection
    from dlrun.config.catalog import Catalog

__all__ = ["command", "print_leaderboard"]

_TOP = 20
_STYLES = {"failed": "red", "diverged": "yellow", "interrupted": "yellow", "running": "cyan"}


@click.command(name="compare", short_help="Rank trials, with uncertainty.")
@click.argument("which", default="last", metavar="[WHICH]")
@click.option("--metric", metavar="NAME", help="Rank by this metric; without it the task's: test_accuracy, test_r2.")
@click.option("--at", type=click.Choice(["kept", "best", "last"]), default="kept", help="Epoch of val_ metrics: kept.")
@click.option("--by", multiple=True, metavar="KEY", help="Group by this key only, averaged over the others.")
@click.option("--top", type=click.IntRange(min=1), metavar="N", help=f"Show the first N trials ({_TOP}).")
@format_options
def command(which: str, metric: str | None, at: At, by: tuple[str, ...], top: int | None, format: str) -> None:
    """Rank the trials of WHICH by a metric: mean, 95% interval, paired difference to the best.

    WHICH is last (the newest sweep), a run's or sweep's short id, a path such as runs, or an experiment's name.
    """
    from dlrun.analysis.compare import compare
    from dlrun.analysis.which import find_runs
    from dlrun.config.catalog import Catalog
    from dlrun.config.roots import Roots

    roots = Roots.of(Path.cwd())
    catalog = Catalog(roots)
    selection = find_runs(which, roots.work, catalog)

    def compared(runs: Sequence[RunRecord], varied: Sequence[str] = ()) -> Comparison:
        return compare(runs, metric, catalog, at, by or None, varied)

    if format in ("json", "csv"):  # a program reads one table, and can tell the data sets apart by their column
        print_table(_for_programs(compared(selection.runs), top), format)
    else:
        _print_for_people(selection, compared, top or _TOP, format)


def print_leaderboard(sweep: SweepRecord, catalog: Catalog | None = None, top: int = 10) -> None:
    """Print the leaderboard of a sweep as it ends; what failed is told elsewhere."""
    from dlrun.analysis.compare import compare
    from dlrun.analysis.which import Selection

    selection = Selection(f"sweep {sweep.short_id}", tuple(sweep.records()), sweep)
    _print_for_people(
        selection, lambda runs, varied: compare(runs, catalog=catalog, varied=varied), top, untold=("failed",)
    )


def _print_for_people(
    selection: Selection,
    compared: Callable[[Sequence[RunRecord], Sequence[str]], Comparison],
    top: int,
    format: str = "rich",
    untold: Sequence[str] = (),
) -> None:
    """A table and a verdict for each data set, under the extent of the whole; then what is left to do.

    Args:
        untold: statuses that have no row of their own.
    """
    sweep, runs = selection.sweep, selection.runs
    waiting = [run for run in runs if run.status in WAITING]
    sets = _by_data([run for run in runs if run.status not in WAITING])
    whole = "" if sweep is None else heading(selection.title, len(sweep.trials) + len(sweep.added), runs)
    if not sets or (len(sets) > 1 and whole and any(run.status != "finished" for run in runs)):
        _say(whole or heading(selection.title, len(runs), runs), format, "bold")
    for number, (data, members) in enumerate(sets.items()):
        if number and format == "rich":
            click.echo()
        comparison = compared(members, sweep.varied if sweep is not None and waiting else ())
        title = selection.title if len(sets) == 1 else f"{selection.title}, {data}"
        told = [run for row in comparison.rows for run in row.runs]
        own = heading(title, len(comparison.rows), [*told, *(waiting if len(sets) == 1 else ())])
        _print_tables(comparison, whole if whole and len(sets) == 1 else own, top, format, untold)
        if comparison.ranked:
            _print_verdict(comparison, None if len(sets) > 1 else sweep, bool(waiting), format)
    _say(left(selection), format, "")


def _by_data(runs: Sequence[RunRecord]) -> dict[str, list[RunRecord]]:
    """Runs by the data they learned from: a score on one set says nothing about a score on another."""
    sets: dict[str, list[RunRecord]] = {}
    for run in sorted(runs, key=lambda run: not run.spec):  # one that does not say its data goes with the first
        data = str(run.spec.get("data.option")) if run.spec else next(iter(sets), "None")
        sets.setdefault(data, []).append(run)
    return sets


def _print_tables(comparison: Comparison, title: str, top: int, format: str, untold: Sequence[str]) -> None:
    shown = comparison.ranked[:top]
    if shown:
        print_table(_ranked(comparison, shown, title), format)
        _say(_hidden(len(comparison.ranked) - len(shown), len(comparison.ranked)), format, "dim")
    troubled = [row for row in comparison.rows if _is_troubled(row, untold)]
    if troubled:
        if shown:
            click.echo()
        print_table(_troubled(comparison, troubled, None if shown else title), format)
    elif not shown:
        _say(title, format, "bold")


def _is_troubled(row: Row, untold: Sequence[str]) -> bool:
    others = row.counts.keys() - {"finished"}
    return bool(others - {*untold}) or (not others and row.cause is not None)


def _print_verdict(comparison: Comparison, sweep: SweepRecord | None, is_early: bool, format: str) -> None:
    """What the leaderboard says, and how it is to be read.

    Args:
        sweep: whose command would be typed for more seeds.
        is_early: whether runs are waiting: it is not the time to ask for more.
    """
    from dlrun.analysis.verdict import verdict

    found = verdict(comparison)
    click.echo()
    if not (is_early and found.lead is None):
        _say(found.text, format, "bold")
    is_plain = not (is_early or comparison.test_to_train or comparison.averaged)
    if sweep is not None and is_plain and (command := with_more_seeds(sweep, found.replicates_more)):
        if format != "rich":
            click.echo()
        click.echo(f"With them: {command}")  # whole, to be copied
    _say(_legend(comparison), format, "dim")


def _ranked(comparison: Comparison, rows: Sequence[Row], title: str) -> Table:
    from dlrun.analysis.verdict import decimals_of

    places = decimals_of(comparison)
    compared = len(comparison.ranked) > 1
    columns = [*comparison.columns.values(), comparison.metric, "best", "n"]
    table = [
        [
            *_settings(row, comparison),
            _mean(row, places),
            Cell(row.best, f"{row.best:.{places}f}"),
            _size(row),
            *(_to_best(row, places) if compared else ()),
        ]
        for row in rows
    ]
    if compared:
        table[0] = [cell if isinstance(cell, Cell) and cell.style else _bold(cell) for cell in table[0]]
        columns += ["to best", "p"]
    if not comparison.columns:
        columns, table = ["trial", *columns], [[_described(rows[0]), *line] for line in table]
    return Table(columns, table, title)


def _described(row: Row) -> str:
    spec = row.runs[0].spec
    return f"{spec.get('model.option')} on {spec.get('data.option')}"


def _settings(row: Row, comparison: Comparison) -> list[Cell]:
    from dlrun.analysis.trials import ABSENT

    values = [row.settings.get(key, ABSENT) for key in comparison.columns]
    return [Cell(None, "-", "dim") if value is ABSENT else Cell(value, typed(value)) for value in values]


def _mean(row: Row, places: int) -> Cell:
    found = row.estimate
    assert found is not None
    text = f"{found.mean:.{places}f}"
    if found.low is not None and found.high is not None:
        half = (found.high - found.low) / 2
        symmetric = found.method != "BCa"
        text += f" ± {half:.{places}f}" if symmetric else f" [{found.low:.{places}f}, {found.high:.{places}f}]"
    return Cell(found.mean, text)


def _size(row: Row) -> Cell:
    n = len(row.values)
    return Cell(n, str(n) if n == len(row.runs) else f"{n} of {len(row.runs)}")


def _to_best(row: Row, places: int) -> list[Cell]:
    if row.difference is None:
        return [Cell(None, ""), Cell(None, "")]
    p = "" if row.p is None else "<0.001" if row.p < 0.001 else f"{row.p:.3f}" if row.p < 0.1 else f"{row.p:.2f}"
    return [Cell(row.difference.mean, f"{row.difference.mean:+.{places}f}"), Cell(row.p, p)]


def _bold(item: object) -> Cell:
    cell = item if isinstance(item, Cell) else Cell(item)
    return Cell(cell.value, cell.text, "bold")


def _troubled(comparison: Comparison, rows: Sequence[Row], title: str | None) -> Table:
    table = []
    for row in rows:
        counts = {status: count for status, count in row.counts.items() if status != "finished"}
        status = ", ".join(
            s if count == len(row.runs) else f"{count} of {len(row.runs)} {s}" for s, count in counts.items()
        )
        style = next((_STYLES[s] for s in counts if s in _STYLES), None)
        table.append([*_settings(row, comparison), Cell(status, style=style), row.cause or ""])
    return Table([*comparison.columns.values(), "status", "cause"], table, title)


def _hidden(count: int, total: int) -> str:
    return f"and {count} more: --top {total}" if count else ""


def _legend(comparison: Comparison) -> str:
    parts = [f"{'Higher' if comparison.goal == 'max' else 'Lower'} is better"]
    if comparison.averaged:
        parts.append(f"averaged over {', '.join(comparison.averaged)}")
    methods = {row.estimate.method for row in comparison.ranked if row.estimate} - {"none"}
    over = "splits" if comparison.test_to_train else "seeds"
    names = {
        "t": f"± is the 95% t interval over {over}",
        "corrected t": "± is the 95% t interval, corrected for splits that overlap",
        "BCa": f"[ ] is the 95% bootstrap interval (BCa) over {over}",
    }
    parts += [names[method] for method in sorted(methods)]
    if any(row.p is not None for row in comparison.ranked):
        paired = all(row.difference is None or row.difference.method != "Welch" for row in comparison.ranked)
        parts.append(f"p is of the {'paired ' if paired else ''}difference to the best, adjusted (Holm)")
    if comparison.superseded:
        parts.append(f"{_count(comparison.superseded, 'older run')} of the same settings left out")
    return "; ".join(parts) + "."


def _for_programs(comparison: Comparison, top: int | None) -> Table:
    keys = [key.removesuffix(".option") for key in comparison.columns]
    columns = ["rank", *keys, "metric", "n", "mean", "low", "high", "best", "difference", "p", "probability_better"]
    rows = [
        [rank, *_settings(row, comparison), comparison.metric, len(row.values), *_numbers(row, comparison), *_fate(row)]
        for rank, row in [*enumerate(comparison.ranked[:top], 1), *((None, row) for row in comparison.unranked)]
    ]
    return Table([*columns, "status", "cause", "runs"], rows)


def _numbers(row: Row, comparison: Comparison) -> list[float | None]:
    found, difference = row.estimate, row.difference
    ends = [None, None, None] if found is None else [found.mean, found.low, found.high]
    likely = None if difference is None else difference.probability
    if likely is not None and comparison.goal == "min":
        likely = 1 - likely
    return [*ends, row.best, None if difference is None else difference.mean, row.p, likely]


def _fate(row: Row) -> list[object]:
    return [dict(row.counts), row.cause, [run.id for run in row.runs]]


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _say(text: str, format: str, style: str) -> None:
    if text and format == "rich":
        from rich.text import Text

        console().print(Text(text, style=style))
    elif text:
        click.echo(f"\n{text}")
