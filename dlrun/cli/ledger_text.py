"""What a sweep's ledger says, in sentences: how far it came, what failed and how, and what to type next."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dlrun.analysis.ledger import LEDGER, Account, accounts_of, entries_of
from dlrun.cli.tables import printable
from dlrun.config.roots import shown_path
from dlrun.training.causes import in_one_line
from dlrun.training.rundir import RunDirectory

if TYPE_CHECKING:
    from dlrun.sweeps.record import Sweep

__all__ = ["failures", "gathered", "how_far", "mends"]

_MOST = 10  # causes of a kind of failure that are told, and runs of a cause that are named
_SEED = re.compile(r"(?:^| )seed=(\S+)")
_PLACE = re.compile(r"\(([^()]+\.\w+):\d+\)$", re.MULTILINE)  # where an error arose ends its message
_TIMEOUT = re.compile(r"launcher\.trial_timeout=([\d.e+]+)")
_MEMORY = re.compile(r"launcher\.worker_memory leaves it ([\d.]+) GB")


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
    """Lines on what failed in a sweep, by kind, a line each cause with its runs and a log; none where nothing did."""
    accounts = _accounts(sweep, work)
    halves = {account.of: account for account in accounts.values() if account.of and account.status == "finished"}
    kinds: dict[str, dict[str, list[str]]] = {}
    for run, account in accounts.items():
        if account.status == "failed":
            told = kinds.setdefault(_kind(account).replace("_", " "), {})
            told.setdefault(_story(account, halves.get(run)), []).append(run)
    lines = []
    for kind, stories in kinds.items():
        lines.append(f"{_count(sum(map(len, stories.values())), 'run')} failed ({kind}):")
        for story, runs in list(stories.items())[:_MOST]:
            names = gathered([accounts[run].name or sweep.names.get(run, run[:8]) for run in runs])
            lines.append(f"  {printable(f'{names}: {story}{_log([accounts[run] for run in runs], work)}')}")
        if len(stories) > _MOST:
            lines.append(f"  and {len(stories) - _MOST} more causes: dlrun runs {sweep.id[:8]}")
    return lines


def mends(sweep: Sweep, work: Path) -> list[str]:
    """Lines on what to type, or to mend, so that what failed in a sweep goes on."""
    accounts = _accounts(sweep, work)
    failed = {run: account for run, account in accounts.items() if account.status == "failed"}
    if not failed:
        return []
    files = [_own_files(account) for account in failed.values()]
    own = [printable(file) for file in dict.fromkeys(file for each in files for file in each)]
    resume = f"dlrun resume {sweep.id[:8]}"
    if own:
        others = "" if all(files) else ", and what failed otherwise is tried again"
        it = "it" if len(own) == 1 else "them"
        lines = [f"Mend {_listed(own)}, then type the same command: the runs that use {it} are trained anew{others}."]
    else:
        lines = [f"{resume} tries them again, and so does the same command."]
    said = [str((account.cause or {}).get("message") or "") for account in failed.values()]
    if limits := [float(found[1]) for text in said if (found := _TIMEOUT.search(text))]:
        lines.append(f"With more time for each run: {resume} launcher.trial_timeout={2 * max(limits):g}")
    if limits := [float(found[1]) for text in said if (found := _MEMORY.search(text))]:
        lines.append(f"With more memory for each worker: {resume} launcher.worker_memory={2 * max(limits):g}")
    halved = {account.of for account in accounts.values()}
    whole = [run for run, account in failed.items() if account.of is None and run not in halved]
    if any(_kind(failed[run]) == "out_of_memory" for run in whole):
        lines.append(f"With half the batch where memory ran out: {resume} launcher.halve_batch=true")
    return lines


def gathered(names: Sequence[str]) -> str:
    """Names of runs, those together that differ in their seed only.

    >>> gathered(["units=13 seed=0", "units=13 seed=1", "units=14 seed=0"])
    'units=13, seeds 0 and 1; units=14 seed=0'
    """
    seeds: dict[str, list[str]] = {}
    for name in names:
        seeds.setdefault(_SEED.sub("", name).strip(), []).append(name)
    told = []
    for rest, alike in seeds.items():
        numbers = [found[1] for name in alike if (found := _SEED.search(name))]
        if len(alike) == 1 or len(numbers) < len(alike):
            told += alike
        else:
            told.append(f"{rest}{', ' if rest else ''}{_all_of(numbers)}")
    more = f"; and {len(told) - _MOST} more" if len(told) > _MOST else ""
    return "; ".join(told[:_MOST]) + more


def _all_of(seeds: Sequence[str]) -> str:
    return f"seeds {_listed(seeds)}" if len(seeds) <= _MOST else f"{len(seeds)} seeds"


def _listed(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else words[0]


def _kind(account: Account) -> str:
    return str((account.cause or {}).get("kind") or "error")


def _own_files(account: Account) -> list[str]:
    """The files of the user's that an error names as its place."""
    if _kind(account) not in ("error", "bad_config"):
        return []
    places = [Path(place) for place in _PLACE.findall(str((account.cause or {}).get("message") or ""))]
    return [shown_path(place, Path.cwd()) if place.is_absolute() else str(place) for place in places]


def _story(account: Account, half: Account | None) -> str:
    cause = account.cause or {}
    lines = str(cause.get("message") or "").splitlines()  # its kind stands above
    said = in_one_line(cause) if cause.get("kind") == "error" or not lines else lines[0]
    if cause.get("kind") == "timeout":
        said = said.partition(";")[0]  # after which epoch it goes on differs from run to run
    attempts = f", in {account.attempt} attempts" if account.attempt > 1 else ""
    beside = f"; with half the batch it finished ({half.name})" if half is not None else ""
    return f"{said}{attempts}{beside}"


def _log(accounts: Sequence[Account], work: Path) -> str:
    logs = [account.log for account in accounts if account.log]
    whose = "its log" if len(accounts) == 1 else "log of the first"
    return f"; {whose}: {shown_path(work / logs[0], Path.cwd())}" if logs else ""


def _accounts(sweep: Sweep, work: Path) -> Mapping[str, Account]:
    return accounts_of(entries_of(work / "sweeps" / sweep.id / LEDGER))


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
