"""What a sweep's ledger says, in sentences: how far it came, what failed and how, and what to type next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from dlrun.analysis.ledger import LEDGER, Account, accounts_of, entries_of
from dlrun.cli.tables import printable
from dlrun.config.roots import shown_path
from dlrun.training.causes import in_one_line
from dlrun.training.rundir import RunDirectory

if TYPE_CHECKING:
    from dlrun.sweeps.record import Sweep

__all__ = ["failures", "how_far"]

_MOST = 10  # runs of a kind of failure that are named


def how_far(sweep: Sweep, work: Path) -> str:
    """How far a sweep came that was interrupted: `7 of 16 runs finished, 2 interrupted, 7 not begun`."""
    runs = [run for trial in sweep.trials for run in trial.runs]
    accounts = _accounts(sweep, work)
    counts = Counter(accounts.get(run, Account("queued")).status for run in runs)
    stopped = [run for run in runs if (account := accounts.get(run)) and account.status == "interrupted"]
    kept = sum(RunDirectory(work / "runs" / run).checkpoints.manifest() is not None for run in stopped)
    parts = [f"{counts['finished']} of {_count(len(runs), 'run')} finished"]
    parts += [f"{counts[status]} {status}" for status in ("diverged", "failed", "pruned") if counts[status]]
    if kept:
        parts.append(f"{kept} interrupted after a checkpoint")
    if len(stopped) > kept:
        parts.append(f"{len(stopped) - kept} interrupted")
    if unbegun := counts["queued"] + counts["running"]:
        parts.append(f"{unbegun} not begun")
    return ", ".join(parts)


def failures(sweep: Sweep, work: Path) -> list[str]:
    """Lines on what failed in a sweep, by kind of cause, each run with its log; none where nothing did."""
    accounts = _accounts(sweep, work)
    halves = {account.of: account for account in accounts.values() if account.of and account.status == "finished"}
    kinds: dict[str, list[str]] = {}
    for run, account in accounts.items():
        if account.status == "failed":
            kind = str((account.cause or {}).get("kind") or "error").replace("_", " ")
            name = account.name or sweep.names.get(run, run[:8])
            kinds.setdefault(kind, []).append(f"{name}: {_story(account, halves.get(run), work)}")
    lines = []
    for kind, stories in kinds.items():
        lines.append(f"{_count(len(stories), 'run')} failed ({kind}):")
        lines += [f"  {printable(story)}" for story in stories[:_MOST]]
        if len(stories) > _MOST:
            lines.append(f"  and {len(stories) - _MOST} more: dlrun runs {sweep.id[:8]}")
    return lines


def _story(account: Account, half: Account | None, work: Path) -> str:
    cause = account.cause or {}
    lines = str(cause.get("message") or "").splitlines()  # its kind stands above
    said = in_one_line(cause) if cause.get("kind") == "error" or not lines else lines[0]
    attempts = f", in {account.attempt} attempts" if account.attempt > 1 else ""
    log = f"; its log: {shown_path(work / account.log, Path.cwd())}" if account.log else ""
    beside = f"; with half the batch it finished ({half.name})" if half is not None else ""
    return f"{said}{attempts}{beside}{log}"


def _accounts(sweep: Sweep, work: Path) -> Mapping[str, Account]:
    return accounts_of(entries_of(work / "sweeps" / sweep.id / LEDGER))


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
