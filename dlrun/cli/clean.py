"""`dlrun clean`: what can go from the disk, what each costs, and then its removal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dlrun.cli.tables import Cell, Table, console, format_options, print_table
from dlrun.errors import UserError

if TYPE_CHECKING:
    from dlrun.workflows.cleaning import Heap

__all__ = ["command"]


@click.command(name="clean", short_help="Free the disk of what nothing needs.")
@click.option("--checkpoints", is_flag=True, help="Also the checkpoints of finished runs.")
@click.option("--models", is_flag=True, help="Also the models and weights of finished runs.")
@click.option("--keep-best", is_flag=True, help="Not those of the best run of each sweep, and on each data set.")
@click.option("--dry-run", is_flag=True, help="Show what would go, and remove nothing.")
@click.option("--yes", is_flag=True, help="Answer the question.")
@format_options
def command(checkpoints: bool, models: bool, keep_best: bool, dry_run: bool, yes: bool, format: str) -> None:
    """Show what lies in runs/, sweeps/ and .dlrun/ without being needed, with its size; then ask, and remove it.

    What killed processes left, logs of tracking writers, and converted data that no run here uses need no option.
    Checkpoints and models of finished runs go when they are asked for: the table says what that costs. Runs that have
    not finished keep all that they need to go on.
    """
    from dlrun.cli.asking import require_yes
    from dlrun.config.roots import Roots
    from dlrun.workflows.amounts import short_bytes
    from dlrun.workflows.cleaning import Asked, clear, survey

    if keep_best and not (checkpoints or models):
        raise UserError("--keep-best must go with --checkpoints or --models: nothing of a run goes without these.")
    roots = Roots.of(Path.cwd())
    heaps = survey(roots, Asked(checkpoints, models, keep_best))
    _show(heaps, format)
    going = [heap for heap in heaps if heap.is_asked]
    if dry_run or not going:
        return
    total = short_bytes(sum(heap.size for heap in going))
    require_yes("Remove them?", f"It would remove {total}; --dry-run only shows them", "Nothing was removed.", yes)
    freed = clear(going, roots.work)
    if format == "rich":
        console().print(f"Removed {short_bytes(freed)}.")


def _show(heaps: Sequence[Heap], format: str) -> None:
    """A table of what goes; for people a line for each heap that could go, too."""
    from dlrun.workflows.amounts import short_bytes

    if format in ("json", "csv"):
        columns = ("kind", "what", "files", "size", "cost", "option", "goes")
        print_table(Table(columns, [[*_cells(heap), heap.kind.option, heap.is_asked] for heap in heaps]), format)
        return
    going, others = [h for h in heaps if h.is_asked], [h for h in heaps if not h.is_asked]
    if going:
        seen = ("kind", "what", "files", "size", "what it costs")
        print_table(Table(seen, [_cells(heap) for heap in going], "to be removed", unbroken=("size",)), format)
    elif format == "rich":
        console().print("Nothing lies about that is not needed.")
    for heap in others if format == "rich" else ():
        kept = f"{heap.kind.name} {heap.kind.what}: {short_bytes(heap.size)}"
        line = f"kept: {kept}; {heap.kind.option} removes them, and {heap.kind.cost}"
        console().print(line, style="dim", soft_wrap=not console().is_terminal)


def _cells(heap: Heap) -> list[object]:
    from dlrun.workflows.amounts import short_bytes

    size = Cell(heap.size, short_bytes(heap.size))
    return [heap.kind.name, heap.kind.what, heap.files, size, heap.kind.cost]
