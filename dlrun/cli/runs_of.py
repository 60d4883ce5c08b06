"""`dlrun runs WHICH`: what became of each run of a sweep, how often it was begun, and where its log is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlrun.analysis.ledger import LEDGER, Account, accounts_of, entries_of
from dlrun.analysis.ranking import default_metric, value_of
from dlrun.cli.labels_text import archived_cell, note_of, tags_cell
from dlrun.cli.tables import Cell, Table, console, print_table, printable
from dlrun.config.roots import shown_path
from dlrun.training.causes import in_one_line

if TYPE_CHECKING:
    from dlrun.analysis.runs import RunRecord, SweepRecord

__all__ = ["STYLES", "WIDE", "print_runs_of"]

STYLES = {
    **{"failed": "red", "diverged": "yellow", "interrupted": "yellow", "running": "cyan", "queued": "dim"},
    "deleted": "dim",
}
WIDE = 110
"""Columns of the terminal: in fewer, causes and notes stand below the table."""

_MOST_LOGS = 10
_NARROW = 20  # columns that a column of text takes at most, where it may be wrapped


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
    def said(self) -> str:
        """Its cause in a line; empty without one."""
        return in_one_line(self.cause) or self.run.cause or ""

    @property
    def attempts(self) -> int:
        return max(self.account.attempt, int(self.run.result.get("attempt") or 0))

    @property
    def started(self) -> str | None:
        """When its last attempt began, written out with the zone; None where it did not."""
        if not self.run.started:
            return None
        return datetime.fromtimestamp(self.run.started).astimezone().isoformat(timespec="seconds")

    @property
    def seconds(self) -> float | None:
        """How long it was trained, all attempts together; None where its result does not say."""
        durations = self.run.result.get("durations")
        return durations.get("total_seconds") if isinstance(durations, Mapping) else None

    @property
    def log(self) -> Path | None:
        path = self.run.path / "log.txt"
        return path if self.run.status != "finished" and path.exists() else None


def print_runs_of(
    title: str, runs: Sequence[RunRecord], sweeps: Sequence[SweepRecord], limit: int | None, format: str
) -> None:
    """Print a row for each run, those that did not finish first.

    Args:
        title: what they are.
        sweeps: those that they are of, whose ledgers know more.
        limit: how many; all when None.
    """
    accounts: dict[str, Account] = {}
    for sweep in sweeps:
        accounts |= accounts_of(entries_of(sweep.path / LEDGER))
    ordered = sorted(runs, key=lambda run: run.status == "finished")
    stories = [_Story(run, accounts.get(run.id, Account(run.status))) for run in ordered]
    if format != "rich":
        print_table(_for_programs(stories[:limit]), format)
        return
    out = console()
    print_table(_for_people(stories[:limit], title, out.width))
    below = [] if out.width >= WIDE else [*_causes(stories[:limit]), *_said_of(stories[:limit])]
    for line in [*below, *_notes(stories, limit, accounts)]:
        out.print(printable(line), style="dim", soft_wrap=not out.is_terminal)


def _for_programs(stories: Sequence[_Story]) -> Table:
    columns = [
        *("id", "name", "status", "attempts", "kind", "cause", "log", "of", "tags", "note", "archived"),
        *("metrics", "started", "seconds", "data"),
    ]
    metric = default_metric([each.run for each in stories])
    rows: list[list[object]] = []
    for each in stories:
        cause, log = each.cause, None if each.log is None else str(each.log)
        told = [each.run.status, each.attempts, cause.get("kind"), cause.get("message")]
        labels = [tags_cell([each.run]), each.run.labels.note, archived_cell([each.run])]
        value = value_of(each.run, metric)
        metrics = Cell(dict(each.run.metrics), "" if value is None else f"{metric} {value:.4f}")
        more = [metrics, each.started, each.seconds, each.run.spec.get("data.option")]
        rows.append([each.run.id, each.name, *told, log, each.account.of, *labels, *more])
    return Table(columns, rows)


def _for_people(stories: Sequence[_Story], title: str, width: int) -> Table:
    metric = default_metric([each.run for each in stories])
    names, keys = [each.name for each in stories], ""
    rows: list[list[object]] = []
    for each in stories:
        shown = f"{each.run.status} (archived)" if each.run.labels.is_archived else each.run.status
        status = Cell(each.run.status, shown, STYLES.get(each.run.status))
        value = value_of(each.run, metric)
        told = [tags_cell([each.run]), each.said, note_of([each.run])]
        score = Cell(value, "" if value is None else f"{value:.4f}")
        rows.append([Cell(each.run.id, each.run.short_id, "bold"), each.name, status, each.attempts, score, *told])
    columns = ("id", "name", "status", "attempts", metric, "tags", "cause", "note")
    optional = (metric, "tags") if width < WIDE else (metric, "tags", "cause", "note")
    kept = [i for i, name in enumerate(columns) if i < 4 or (name in optional and any(str(row[i]) for row in rows))]
    room = width - _beside([columns[i] for i in kept if i != 1], [[row[i] for i in kept if i != 1] for row in rows])
    if width < WIDE and max(map(len, names), default=0) > room:
        names, keys = _without_keys(names)
        rows = [[row[0], name, *row[2:]] for row, name in zip(rows, names, strict=True)]
    whole = ("name",) if max(map(len, names), default=0) <= room else ()
    return Table(
        [columns[i] for i in kept],
        [[row[i] for i in kept] for row in rows],
        f"{title} ({keys})" if keys else title,
        unbroken=("id", "status", *whole),
    )


def _beside(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> int:
    """Columns of the terminal that a row takes without its name."""
    total = 0
    for index, column in enumerate(columns):
        widest = max(len(column), *(len(str(row[index])) for row in rows)) if rows else len(column)
        total += 3 + (min(widest, _NARROW) if column in ("tags", "cause", "note") else widest)
    return total


def _without_keys(names: Sequence[str]) -> tuple[list[str], str]:
    """The names without the keys that all of them have, and these as a sweep is named by them.

    >>> _without_keys(["rate=0.1 seed=0", "rate=0.1 seed=0 batch_size=16"])
    (['0.1 0', '0.1 0 batch_size=16'], 'rate x seed')
    """
    split = [[word.partition("=") for word in name.split()] for name in names]
    everywhere = [{key for key, sign, _ in words if sign} for words in split]
    keys = [key for key, sign, _ in split[0] if sign and all(key in each for each in everywhere)]
    short = [" ".join(value if sign and key in keys else key + sign + value for key, sign, value in w) for w in split]
    return short, " x ".join(keys)


def _causes(stories: Sequence[_Story]) -> list[str]:
    """A line a cause, with the runs that it ended."""
    ended: dict[str, list[str]] = {}
    for each in stories:
        if each.said:
            ended.setdefault(each.said, []).append(each.run.short_id)
    lines = [f"{', '.join(ids)}: {said}" for said, ids in ended.items()]
    more = len(lines) - _MOST_LOGS
    return [*lines[:_MOST_LOGS], *([f"and {more} more causes: --json names all"] if more > 0 else [])]


def _said_of(stories: Sequence[_Story]) -> list[str]:
    """A line a note, with the runs that have it."""
    of: dict[str, list[str]] = {}
    for each in stories:
        if each.run.labels.note:
            of.setdefault(each.run.labels.note, []).append(each.run.short_id)
    lines = [f"note of {', '.join(ids)}: {note}" for note, ids in of.items()]
    more = len(lines) - _MOST_LOGS
    return [*lines[:_MOST_LOGS], *([f"and {more} more notes: --json names all"] if more > 0 else [])]


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
