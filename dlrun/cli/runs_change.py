"""`dlrun runs WHICH --tag ... --delete`: what is done with runs, and how it is told."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dlrun.cli.asking import require_yes
from dlrun.cli.messages import wrapped
from dlrun.cli.runs_of import STYLES, print_runs_of
from dlrun.cli.tables import Cell, Table, console, print_table, printable
from dlrun.errors import ExitCode
from dlrun.workflows.amounts import short_bytes
from dlrun.workflows.labelling import Change, label
from dlrun.workflows.removal import Removal, Removed, plan, remove

if TYPE_CHECKING:
    from dlrun.analysis.runs import RunRecord, SweepRecord

__all__ = ["delete_runs", "label_runs"]


def label_runs(title: str, runs: Sequence[RunRecord], change: Change, yes: bool, format: str) -> int:
    """Have `change` said of `runs`, and tell what came of it; returns the exit code."""
    from dlrun.analysis.runs import read_run
    from dlrun.tracking.state import read_synced

    if change.archive:
        what = f"{len(runs)} run{'' if len(runs) == 1 else 's'}"
        require_yes(f"Archive {what}?", f"It would archive {what}", "Nothing was archived.", yes)
    done = label(runs, change)
    code = ExitCode.FAILED if done.busy else ExitCode.DONE
    for run in done.busy:
        click.echo(wrapped(f"{run.short_id} is being trained since just now: nothing is said of it."), err=True)
    if format != "rich":
        print_runs_of(title, [read_run(run.path) or run for run in runs], (), None, format)
        return code
    count = len(done.changed)
    if not count:
        console().print("Nothing changed: that is what was said of them before." if not done.busy else "")
        return code
    others = f" of {len(runs)}" if count < len(runs) else ""
    said = f"{count}{others} run{'' if count == 1 and not others else 's'} of {title}" if len(runs) > 1 else title
    in_store = any(read_synced(run.path) is not None for run in done.changed)
    sent = " dlrun sync tells MLflow." if in_store else ""
    console().print(printable(f"{said}: {_told(change)}.{sent}"), soft_wrap=not console().is_terminal)
    return code


def _told(change: Change) -> str:
    parts = [f"tag {name}={text}" for name, text in change.tags.items()]
    parts += [f"no tag {name}" for name in change.untag]
    if change.note is not None:
        parts.append(f"note '{change.note}'" if change.note else "no note")
    if change.archive is not None:
        parts.append("archived; --unarchive takes them out again" if change.archive else "in the lists again")
    return ", ".join(parts)


def delete_runs(runs: Sequence[RunRecord], sweeps: Sequence[SweepRecord], work: Path, yes: bool, format: str) -> int:
    """Show what a deletion takes, ask, and do it; returns the exit code.

    Args:
        sweeps: those that were named, and of which all runs are to go.
    """
    planned = plan(runs, work, sweeps)
    if not planned.runs and not planned.sweeps:
        console(stderr=True).print("There is nothing to delete: none of these runs has begun.")
        return ExitCode.DONE
    print_table(_listed(planned), format)
    if format == "rich":
        for line in _consequences(planned):
            console().print(line, soft_wrap=not console().is_terminal)
    require_yes("Delete them?", f"It would delete {_amount(planned)}", "Nothing was deleted.", yes)
    removed = remove(planned)
    _tell(removed, format)
    return ExitCode.FAILED if removed.busy else ExitCode.DONE


def _listed(planned: Removal) -> Table:
    rows = [
        [
            Cell(run.id, run.short_id, "bold"),
            run.name,
            Cell(run.status, style=STYLES.get(run.status)),
            Cell(planned.sizes[run.id], short_bytes(planned.sizes[run.id])),
        ]
        for run in planned.runs
    ]
    return Table(("id", "name", "status", "size"), rows, "to be deleted", unbroken=("id", "status"))


def _consequences(planned: Removal) -> list[str]:
    lines = [f"{_amount(planned)}. This cannot be undone."]
    for sweep, lost in planned.losses:
        again = "its command trains them again" if lost > 1 else "its command trains it again"
        lines.append(f"Sweep {sweep.short_id} loses {lost} of its {len(sweep.run_names)} runs; {again}.")
    return lines


def _amount(planned: Removal) -> str:
    runs = f"{len(planned.runs)} run{'' if len(planned.runs) == 1 else 's'}"
    names = ", ".join(sweep.short_id for sweep in planned.sweeps)
    sweeps = f" and the sweep{'' if len(planned.sweeps) == 1 else 's'} {names}" if names else ""
    return f"{runs}{sweeps}, {short_bytes(sum(planned.sizes.values()))}"


def _tell(removed: Removed, format: str) -> None:
    for run in removed.busy:
        why = "a training or a writer has just taken it up"
        click.echo(wrapped(f"{run.short_id} was not deleted: {why}. Type the command again."), err=True)
    if format != "rich":
        return
    sweeps = f" and {removed.sweeps} sweep{'' if removed.sweeps == 1 else 's'}" if removed.sweeps else ""
    text = f"Deleted {removed.runs} run{'' if removed.runs == 1 else 's'}{sweeps}, {short_bytes(removed.size)}."
    if removed.in_store:
        them = "it" if removed.in_store == 1 else "them"
        text += f" MLflow marks {them} as deleted with the next command, or dlrun sync."
    console().print(text, soft_wrap=not console().is_terminal)
