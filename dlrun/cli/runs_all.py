"""`dlrun runs`: sweeps, and runs outside one, newest first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from dlrun.analysis.datasets import data_sets
from dlrun.analysis.ranking import default_metric
from dlrun.analysis.runs import RunRecord, SweepRecord, read_runs, read_sweeps
from dlrun.analysis.which import best_trial, unarchived
from dlrun.cli.labels_text import archived_cell, note_of, tags_cell
from dlrun.cli.runs_of import STYLES, WIDE
from dlrun.cli.tables import Cell, Table, console, print_table, printable
from dlrun.config.catalog import Catalog

if TYPE_CHECKING:
    from dlrun.config.roots import Roots

__all__ = ["print_all"]

_COLUMNS = ("id", "started", "status", "result", "what", "tags", "note", "archived")
_ALWAYS = 5  # columns that a person sees, whether anything stands in them or not
_AGES = ((60, 1, "s"), (3600, 60, "min"), (86_400, 3600, "h"))  # up to so many seconds, in units of, named
_OVER = ("finished", "diverged", "failed", "pruned")


@dataclass(frozen=True)
class _Entry:
    """A sweep, or a run outside one."""

    of: SweepRecord | RunRecord
    runs: Sequence[RunRecord]

    @property
    def what(self) -> str:
        run = self.of
        if isinstance(run, SweepRecord):
            return run.name
        return run.name or f"{run.spec.get('model.option')} on {run.spec.get('data.option')}"

    @property
    def is_archived(self) -> bool:
        return bool(self.runs) and all(run.labels.is_archived for run in self.runs)


def print_all(roots: Roots, limit: int, archived: bool, format: str) -> None:
    """Print the newest `limit` sweeps and runs.

    Args:
        archived: whether those put away are among them; else a sweep is left out when all its runs are.
    """
    entries = _entries(roots)
    shown = [entry for entry in entries if archived or not entry.is_archived]
    if format == "rich" and not entries:
        console().print(f"There are no runs in {roots.work} yet. dlrun trains one.")
        return
    catalog = Catalog(roots)
    rows = [_row(entry, catalog, archived) for entry in shown[:limit]]
    if format != "rich":
        print_table(Table(_COLUMNS, rows), format)
        return
    out = console()
    if rows:
        print_table(_for_people(rows, out.width))
    notes = [f"{entry.of.short_id}: {note}" for entry in shown[:limit] if (note := note_of(entry.runs))]
    for line in [*(notes if out.width < WIDE else ()), *_more(entries, shown, limit)]:
        out.print(printable(line), style="dim", soft_wrap=not out.is_terminal)


def _entries(roots: Roots) -> list[_Entry]:
    """All of them, newest first."""
    sweeps, runs = read_sweeps(roots.work), read_runs(roots.work)
    swept = {run for sweep in sweeps for run in sweep.run_names}
    known = {run.id: run for run in runs}
    entries = [_Entry(sweep, sweep.records(known)) for sweep in sweeps]
    entries += [_Entry(run, [run]) for run in runs if run.id not in swept]
    return sorted(entries, key=lambda entry: entry.of.started or 0.0, reverse=True)


def _more(entries: Sequence[_Entry], shown: Sequence[_Entry], limit: int) -> list[str]:
    lines = [f"and {len(shown) - limit} more: --limit {len(shown)}"] if len(shown) > limit else []
    hidden = len(entries) - len(shown)
    return [*lines, *([f"and {hidden} archived: --archived shows them"] if hidden else [])]


def _row(entry: _Entry, catalog: Catalog, archived: bool) -> list[object]:
    runs = entry.runs if archived else unarchived(entry.runs)  # what `compare` has of it, too
    return [
        Cell(entry.of.id, entry.of.short_id, "bold"),
        _age(entry.of.started),
        _status([run.status for run in runs]),
        _result(runs, catalog),
        entry.what,
        tags_cell(runs),
        note_of(runs),
        archived_cell(runs),
    ]


def _for_people(rows: Sequence[Sequence[object]], width: int) -> Table:
    """Tags and, where there is room, notes have a column if there are any; what is archived is said at its status."""
    tags, note, archived = (list(column) for column in list(zip(*rows, strict=True))[_ALWAYS:])
    shown = list(range(_ALWAYS))
    shown += [_ALWAYS] if any(str(cell) for cell in tags) else []
    shown += [_ALWAYS + 1] if any(note) and width >= WIDE else []
    lines = [list(row) for row in rows]
    for line, cell in zip(lines, archived, strict=True):
        status = line[2]
        if isinstance(cell, Cell) and cell.value and isinstance(status, Cell):
            line[2] = Cell(status.value, f"{status.text} (archived)", "dim")
    return Table([_COLUMNS[i] for i in shown], [[line[i] for i in shown] for line in lines])


def _age(seconds: float | None) -> Cell:
    if not seconds:
        return Cell(None, "")
    moment = datetime.fromtimestamp(seconds).astimezone()
    past = max(0.0, (datetime.now().astimezone() - moment).total_seconds())
    text = next((f"{past / unit:.0f} {name} ago" for limit, unit, name in _AGES if past < limit), f"{moment:%Y-%m-%d}")
    return Cell(moment.isoformat(timespec="seconds"), text)


def _status(statuses: Sequence[str]) -> Cell:
    counts: Mapping[str, int] = Counter(statuses)
    if len(statuses) == 1:
        text = statuses[0]
    elif counts["running"]:
        text = f"running, {sum(counts[status] for status in _OVER)} of {len(statuses)} done"
    else:
        order = [status for status in (*_OVER, "interrupted", "queued", "deleted") if counts[status]]
        text = ", ".join(f"{counts[status]} {status}" for status in order)
    style = next((style for status, style in STYLES.items() if status in counts), None)
    return Cell(dict(counts), text, style)


def _result(runs: Sequence[RunRecord], catalog: Catalog) -> Cell:
    """The best mean; none over several data sets, whose scores say nothing of each other."""
    sets = data_sets(runs)
    if len(sets) > 1:
        return Cell(None, f"{len(sets)} data sets")
    metric = default_metric(runs)
    found = best_trial(runs, metric, catalog)
    return Cell(None, "") if found is None else Cell({metric: found[1]}, f"{metric} {found[1]:.4f}")
