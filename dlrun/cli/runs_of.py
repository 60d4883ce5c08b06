"""`dlrun runs WHICH`: what became of each run of a sweep, how often it was begun, and where its log is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlrun.analysis.ledger import LEDGER, Account, accounts_of, entries_of
from dlrun.cli.tables import Cell, Table, console, print_table
from dlrun.config.roots import shown_path
from dlrun.training.causes import in_one_line

if TYPE_CHECKING:
    from dlrun.analysis.runs import RunRecord
    from dlrun.analysis.which import Selection

__all__ = ["STYLES", "print_runs_of"]

STYLES = {"failed": "red", "diverged": "yellow", "interrupted": "yellow", "running": "cyan", "queued": "dim"}
_MOST_LOGS = 10


@dataclass(frozen=True)
class _Story:
    """A run, as its directory has it, and what the ledger adds."""

    run: RunRecord
    account: Account

    @property
    def name(self) -> str:
        return self.run.name or self.account.name or ""

    @property
    def cause(self) -> Mapping[str, Any]:
        """That of its result; of a run without one, why its last attempt ended."""
        found = self.run.result.get("cause") if self.run.result else self.account.cause
        return found if isinstance(found, Mapping) else {}

    @property
    def attempts(self) -> int:
        return max(self.account.attempt, int(self.run.result.get("attempt") or 0))

    @property
    def log(self) -> Path | None:
        path = self.run.path / "log.txt"
        return path if self.run.status != "finished" and path.exists() else None


def print_runs_of(selection: Selection, limit: int | None, format: str) -> None:
    """Print a row for each run, those that did not finish first.

    Args:
        limit: how many; all when None.
    """
    accounts = {} if selection.sweep is None else accounts_of(entries_of(selection.sweep.path / LEDGER))
    runs = sorted(selection.runs, key=lambda run: run.status == "finished")
    stories = [_Story(run, accounts.get(run.id, Account(run.status))) for run in runs]
    if format != "rich":
        print_table(_for_programs(stories[:limit]), format)
        return
    print_table(_for_people(stories[:limit], selection.title))
    for line in _notes(stories, limit, accounts):
        console().print(line, style="dim", soft_wrap=True)


def _for_programs(stories: Sequence[_Story]) -> Table:
    columns = ("id", "name", "status", "attempts", "kind", "cause", "log", "of")
    rows = []
    for each in stories:
        cause, log = each.cause, None if each.log is None else str(each.log)
        told = [each.run.status, each.attempts, cause.get("kind"), cause.get("message")]
        rows.append([each.run.id, each.name, *told, log, each.account.of])
    return Table(columns, rows)


def _for_people(stories: Sequence[_Story], title: str) -> Table:
    rows = []
    for each in stories:
        said = in_one_line(each.cause) or each.run.cause or ""
        status = Cell(each.run.status, style=STYLES.get(each.run.status))
        rows.append([Cell(each.run.id, each.run.short_id, "bold"), each.name, status, each.attempts, said])
    columns = ["id", "name", "status", "attempts", "cause"]
    if not any(row[-1] for row in rows):
        columns, rows = columns[:-1], [row[:-1] for row in rows]
    return Table(columns, rows, title, unbroken=("id", "name"))


def _notes(stories: Sequence[_Story], limit: int | None, accounts: Mapping[str, Account]) -> list[str]:
    """What there is no room for in the table."""
    notes = []
    for each in stories:
        if each.account.of is not None:
            beside = f"{each.run.short_id} was added beside {each.account.of[:8]} with half the batch"
            notes.append(
                f"{beside}, which {accounts[each.account.of].status}" if each.account.of in accounts else beside
            )
    logs = [f"{each.run.short_id}: {shown_path(each.log, Path.cwd())}" for each in stories if each.log is not None]
    notes += [f"log of {log}" for log in logs[:_MOST_LOGS]]
    if len(logs) > _MOST_LOGS:
        notes.append(f"and {len(logs) - _MOST_LOGS} more logs: --json names all")
    if limit is not None and len(stories) > limit:
        notes.append(f"and {len(stories) - limit} more runs: --limit {len(stories)}")
    return notes
