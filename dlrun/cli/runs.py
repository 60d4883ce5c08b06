"""`dlrun runs`: sweeps, and runs outside one, newest first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dlrun.cli.tables import Cell, Table, console, format_options, print_table

if TYPE_CHECKING:
    from dlrun.analysis.runs import RunRecord, SweepRecord
    from dlrun.config.catalog import Catalog

__all__ = ["command"]

_COLUMNS = ("id", "started", "status", "result", "what")
_AGES = ((60, 1, "s"), (3600, 60, "min"), (86_400, 3600, "h"))  # up to so many seconds, in units of, named
_STYLES = {"failed": "red", "diverged": "yellow", "interrupted": "yellow", "running": "cyan", "queued": "dim"}


@click.command(name="runs", short_help="List sweeps and runs, newest first.")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="Show this many.")
@format_options
def command(limit: int, format: str) -> None:
    """List sweeps, and runs outside one, newest first.

    A sweep's result is the best mean of its trials. dlrun compare ID shows the rest.
    """
    from dlrun.analysis.runs import read_runs, read_sweeps
    from dlrun.config.catalog import Catalog
    from dlrun.config.roots import Roots

    roots = Roots.of(Path.cwd())
    sweeps, runs = read_sweeps(roots.work), read_runs(roots.work)
    swept = {run for sweep in sweeps for trial in sweep.trials for run in trial.runs}
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
        text = f"running, {counts['finished']} of {len(statuses)} done"
    elif len(counts) == 1:
        text = f"{len(statuses)} {statuses[0]}"
    else:
        text = f"{counts['finished']} of {len(statuses)} finished"
    style = next((style for status, style in _STYLES.items() if status in counts), None)
    return Cell(dict(counts), text, style)


def _result(runs: Sequence[RunRecord], catalog: Catalog) -> Cell:
    from dlrun.analysis.ranking import default_metric
    from dlrun.analysis.which import best_trial

    metric = default_metric(runs)
    found = best_trial(runs, metric, catalog)
    return Cell(None, "") if found is None else Cell({metric: found[1]}, f"{metric} {found[1]:.4f}")
