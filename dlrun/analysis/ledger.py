"""What a sweep's ledger says: one JSON object a line, oldest first, each a run's change of status.

    {"time": 1767225600.5, "run": "1a2b", "status": "failed", "attempt": 3, "cause": {...}, "log": "runs/1a2b/log.txt"}

`time` is in seconds since 1970 and decides nothing. A `queued` with a `cause` is a run that is begun once more because
of it; `of` and `name` stand at a run that was added beside another one of the sweep. A process that is killed while it
writes leaves half a line, which is no JSON: readers pass over it. `deleted` is a run whose directory was removed; it
counts until the run is there again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["DELETED", "LEDGER", "Account", "accounts_of", "added_of", "deleted_of", "entries_of"]

LEDGER = "ledger.jsonl"
"""The ledger's name in its sweep's directory."""

DELETED = "deleted"
"""The status of a run whose directory a person had removed."""


@dataclass(frozen=True)
class Account:
    """What a ledger says of one run.

    Attributes:
        status: the last one.
        attempt: how often it was begun, 0 where it was not.
        cause: why it is not finished, where the last entry says that.
        log: path of its log from the directory that holds `runs/`, where it has one.
        of: the run that it was added beside.
        name: of an added run, what varies in it.
    """

    status: str
    attempt: int = 0
    cause: Mapping[str, Any] | None = None
    log: str | None = None
    of: str | None = None
    name: str | None = None

    def after(self, entry: Mapping[str, Any]) -> Account:
        """The account once `entry` is added."""
        if entry["status"] == DELETED:  # what it was before is gone with it
            return Account(DELETED, of=self.of, name=self.name)
        return Account(
            status=str(entry["status"]),
            attempt=max(self.attempt, int(entry.get("attempt") or 0)),
            cause=entry.get("cause"),
            log=entry.get("log") or self.log,
            of=self.of or entry.get("of"),
            name=self.name or entry.get("name"),
        )


def entries_of(path: Path) -> Iterator[dict[str, Any]]:
    """The good entries of the ledger at `path`, oldest first; none when there is no ledger."""
    try:
        content = path.read_bytes()
    except OSError:
        return
    for line in content.splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict) and isinstance(entry.get("run"), str) and isinstance(entry.get("status"), str):
            yield entry


def accounts_of(entries: Iterable[Mapping[str, Any]]) -> dict[str, Account]:
    """The account of each run, in the order in which the runs came."""
    found: dict[str, Account] = {}
    for entry in entries:
        found[entry["run"]] = found.get(entry["run"], Account("queued")).after(entry)
    return found


def added_of(path: Path) -> dict[str, str]:
    """The runs that were added beside others of a sweep, and what varies in each; `path` is that of the ledger."""
    try:
        if b'"of": ' not in path.read_bytes():  # no sweep but the few that ran out of memory
            return {}
    except OSError:
        return {}
    accounts = accounts_of(entries_of(path))
    return {run: account.name or "" for run, account in accounts.items() if account.of is not None}


def deleted_of(path: Path) -> frozenset[str]:
    """The runs of a sweep of which the ledger at `path` says last that they were deleted."""
    try:
        if b'"deleted"' not in path.read_bytes():
            return frozenset()
    except OSError:
        return frozenset()
    return frozenset(run for run, account in accounts_of(entries_of(path)).items() if account.status == DELETED)
