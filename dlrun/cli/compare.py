"""`dlrun compare [WHICH]`: the leaderboard of a sweep, an experiment or a folder of runs, with its uncertainty."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dlrun.cli.tables import Cell, Table, console, format_options, print_table
from dlrun.config.text import typed

if TYPE_CHECKING:
    from dlrun.analysis.compare import Comparison, Row
    from dlrun.analysis.ranking import At
    from dlrun.analysis.runs import RunRecord
    from dlrun.config.catalog import Catalog

__all__ = ["command", "print_comparison", "print_leaderboard"]

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
    # a program reads one table, and can tell the data sets apart by their column
    sets = _by_data(selection.runs) if format in ("rich", "md") else {"": list(selection.runs)}
    for number, (data, runs) in enumerate(sets.items()):
        if number and format == "rich":
            click.echo()
        title = selection.title if len(sets) == 1 else f"{selection.title}, {data}"
        print_comparison(compare(runs, metric, catalog, at, by or None), title, top, format)


def _by_data(runs: Sequence[RunRecord]) -> dict[str, list[RunRecord]]:
    """Runs by the data they learned from: a score on one set says nothing about a score on another."""
    sets: dict[str, list[RunRecord]] = {}
    for run in runs:
        sets.setdefault(str(run.spec.get("data.option")), []).append(run)
    return sets


def print_leaderboard(
    directories: Iterable[Path],
    *,
    metric: str | None = None,
    catalog: Catalog | None = None,
    title: str | None = None,
    top: int | None = 10,
) -> None:
    """Print the leaderboard of the runs in these run directories: what ends a sweep."""
    from dlrun.analysis.compare import leaderboard

    print_comparison(leaderboard(directories, metric, catalog), title, top)


def print_comparison(
    comparison: Comparison, title: str | None = None, top: int | None = None, format: str = "rich"
) -> None:
    """Print a comparison: a table for a program, or tables and sentences for a person."""
    if format in ("json", "csv"):
        print_table(_for_programs(comparison, top), format)
        return
    from dlrun.analysis.verdict import verdict

    shown = comparison.ranked[: top or _TOP]
    if shown:
        print_table(_ranked(comparison, shown, _heading(comparison, title)), format)
        _say(_hidden(len(comparison.ranked) - len(shown), len(comparison.ranked)), format, "dim")
    troubled = [row for row in comparison.rows if set(row.counts) != {"finished"} or row.cause]
    if troubled:
        click.echo()
        print_table(_troubled(comparison, troubled), format)
    if shown:
        click.echo()
        _say(verdict(comparison).text, format, "bold")
        _say(_legend(comparison), format, "dim")


def _heading(comparison: Comparison, title: str | None) -> str:
    trials, runs = len(comparison.rows), sum(len(row.runs) for row in comparison.rows)
    size = f"{_count(trials, 'trial')}, {_count(runs, 'run')}" if runs != trials else _count(runs, "run")
    return f"{title}: {size}" if title else size


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


def _troubled(comparison: Comparison, rows: Sequence[Row]) -> Table:
    table = []
    for row in rows:
        counts = {status: count for status, count in row.counts.items() if status != "finished"}
        status = ", ".join(
            s if count == len(row.runs) else f"{count} of {len(row.runs)} {s}" for s, count in counts.items()
        )
        style = next((_STYLES[s] for s in counts if s in _STYLES), None)
        table.append([*_settings(row, comparison), Cell(status, style=style), row.cause or ""])
    return Table([*comparison.columns.values(), "status", "cause"], table)


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
