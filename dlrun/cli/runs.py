"""`dlrun runs [WHICH]`: sweeps, and runs outside one, newest first; or each run of one sweep."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dlrun.cli.runs_of import STYLES
from dlrun.cli.tables import Cell, Table, console, format_options, print_table

if TYPE_CHECKING:
    from dlrun.analysis.runs import RunRecord, SweepRecord
    from dlrun.config.catalog import Catalog
    from dlrun.config.roots import Roots

__all__ = ["command"]

_COLUMNS = ("id", "started", "status", "result", "what")
_AGES = ((60, 1, "s"), (3600, 60, "min"), (86_400, 3600, "h"))  # up to so many seconds, in units of, named
_OVER = ("finished", "diverged", "failed", "pruned")


@click.command(name="runs", short_help="List sweeps and runs, newest first.")
@click.argument("which", required=False, metavar="[WHICH]")
@click.option("--limit", type=click.IntRange(min=1), help="Show this many [default: 20 sweeps, or all runs of WHICH].")
@format_options
def command(which: str | None, limit: int | None, format: str) -> None:
    """List sweeps, and runs outside one, newest first; of WHICH each run, with its status, cause, attempts and log.

    A sweep's result is the best mean of its trials. dlrun compare ID shows the rest. WHICH is last, the start of an id,
    a path or an experiment's name.
    """
    from dlrun.config.catalog import Catalog
    from dlrun.config.roots import Roots

    roots = Roots.of(Path.cwd())
    if which is None:
        _list_all(roots, limit or 20, format)
        return
    from dlrun.analysis.which import find_runs
    from dlrun.cli.runs_of import print_runs_of

    print_runs_of(find_runs(which, roots.work, Catalog(roots)), limit, format)


def _list_all(roots: Roots, limit: int, format: str) -> None:
    from dlrun.analysis.runs import read_runs, read_sweeps
    from dlrun.config.catalog import Catalog

    sweeps, runs = read_sweeps(roots.work), read_runs(roots.work)
    swept = {run for sweep in sweeps for run in sweep.run_names}
    entries: list[SweepRecord | RunRecord] = [*sweeps, *(run for run in runs if run.id not in swept)]
    entries.sort(key=lambda entry: entry.started or 0.0, reverse=True)
    if format == "rich" and not entries:
        console().print(f"There are no runs in {roots.work} yet. dlrun trains one.")
        return
    known = {run.id: run for run in runs}
    rows = [_row(entry, known, Catalog(roots)) for entry in entries[:limit]]
    print_table(Table(_COLUMNS, rows), format)
    if format == "rich" and len(entries) > limit:
        console().print(f"and {len(entries) - limit} more: --limit {len(entries)}", style="dim")


def _row(entry: SweepRecord | RunRecord, known: dict[str, RunRecord], catalog: Catalog) -> list[object]:
    from dlrun.analysis.runs import RunRecord

    if isinstance(entry, RunRecord):
        runs, what = [entry], entry.name or f"{entry.spec.get('model.option')} on {entry.spec.get('data.option')}"
    else:
        runs, what = entry.records(known), entry.name
    return [
        Cell(entry.id, entry.short_id, "bold"),
        _age(entry.started),
        _status([run.status for run in runs]),
        _result(runs, catalog),
        what,
    ]


def _age(seconds: float | None) -> Cell:
    if not seconds:
        return Cell(None, "")
    moment = datetime.fromtimestamp(seconds).astimezone()
    past = max(0.0, (datetime.now().astimezone() - moment).total_seconds())
    text = next((f"{past / unit:.0f} {name} ago" for limit, unit, name in _AGES if past < limit), f"{moment:%Y-%m-%d}")
    return Cell(moment.isoformat(timespec="seconds"), text)


def _status(statuses: Sequence[str]) -> Cell:
    counts = Counter(statuses)
    if len(statuses) == 1:
        text = statuses[0]
    elif counts["running"]:
        text = f"running, {sum(counts[status] for status in _OVER)} of {len(statuses)} done"
    else:
        order = [status for status in (*_OVER, "interrupted", "queued") if counts[status]]
        text = ", ".join(f"{counts[status]} {status}" for status in order)
    style = next((style for status, style in STYLES.items() if status in counts), None)
    return Cell(dict(counts), text, style)


def _result(runs: Sequence[RunRecord], catalog: Catalog) -> Cell:
    from dlrun.analysis.ranking import default_metric
    from dlrun.analysis.which import best_trial

    metric = default_metric(runs)
    found = best_trial(runs, metric, catalog)
    return Cell(None, "") if found is None else Cell({metric: found[1]}, f"{metric} {found[1]:.4f}")
