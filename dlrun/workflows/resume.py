"""Find what was interrupted, and the command that goes on with it: the one that began it."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dlrun.analysis.runs import RunRecord, SweepRecord, read_runs, read_sweeps
from dlrun.analysis.which import find_runs
from dlrun.config.identity import NOT_IDENTITY, NOT_IDENTITY_OF_TRAINER
from dlrun.config.spec import flatten
from dlrun.errors import UserError
from dlrun.planning import PlannedRun, Planner
from dlrun.tracking.journal import JOURNAL, read

__all__ = ["Work", "address", "newest", "same_runs", "unfinished"]

_TO_DO = ("interrupted", "queued")
_LEFT = {*_TO_DO, "pruned", "failed"}


@dataclass(frozen=True)
class Work:
    """Runs that one command began.

    Attributes:
        title: as `sweep 1a2b3c4d`, `run 5e6f7a8b`.
        words: the command's, without `dlrun` and `-m`.
        is_sweep: whether it was given `-m`.
        runs: all of them, as they are now.
    """

    title: str
    words: tuple[str, ...]
    is_sweep: bool
    runs: tuple[RunRecord, ...]

    @property
    def command(self) -> str:
        """The command as it is typed."""
        return shlex.join(["dlrun", *(["-m"] if self.is_sweep else []), *self.words])


def newest(work: Path) -> tuple[Work, int]:
    """What was interrupted last, and how many sweeps and runs more are.

    Raises:
        UserError: nothing is.
    """
    found = [each for each in _all(work) if _is_interrupted(each)]
    if not found:
        raise UserError("Nothing was interrupted. dlrun runs lists what there is.")
    return _work(max(found, key=lambda each: each.started or 0.0)), len(found) - 1


def address(which: str, work: Path) -> Work:
    """What `which` addresses; a run of a sweep stands for its sweep.

    Raises:
        UserError: there is no such thing, or more than one.
    """
    selection = find_runs(which, work)
    ids = {run.id for run in selection.runs}
    whole = selection.sweep or next((sweep for sweep in read_sweeps(work) if ids <= _ids(sweep)), None)
    if whole is None and len(selection.runs) > 1:
        raise UserError(f"{which} is {len(selection.runs)} runs: name one of them. dlrun runs lists them.")
    return _work(whole or selection.runs[0])


def unfinished(work: Work) -> None:
    """See that there is something to go on with.

    Raises:
        UserError: it is done, or being trained at this moment.
    """
    statuses = {run.status for run in work.runs}
    if "running" in statuses:
        raise UserError(f"{work.title} is being trained at this moment. dlrun runs shows how far it is.")
    if not statuses & _LEFT:
        mend = f"For more epochs type its command with more of them: {work.command}."
        raise UserError(f"{work.title} has nothing left to do: {', '.join(sorted(statuses))}. {mend}")


def same_runs(work: Work, words: Sequence[str], planner: Planner) -> None:
    """See that `words`, added to the command, ask for the same runs.

    Raises:
        UserError: they ask for other ones; it says what differs.
    """
    plan = planner.plan([*work.words, *words], work.is_sweep)
    old = {run.id: run for run in work.runs}
    if {run.id for run in plan.runs} == old.keys():
        return
    first = next(run for run in plan.runs if run.id not in old) if plan.runs else None
    changed = [] if first is None else list(_differences(_nearest(first, work.runs).spec, flatten(first.spec)))
    reason = "; ".join(changed) or "its data or one of its components is not what it was"
    mend = f"Leave the change out, or type {work.command} {shlex.join(words)} for the other one." if words else ""
    raise UserError(f"{work.title} must go on as it was begun, and this is another run: {reason}. {mend}".rstrip())


def _nearest(planned: PlannedRun, runs: Iterable[RunRecord]) -> RunRecord:
    values = flatten(planned.spec)
    return min(runs, key=lambda run: sum(1 for _ in _differences(run.spec, values)))


def _differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for key in sorted(old.keys() | new.keys()):
        group, _, name = key.partition(".")
        is_part = group not in NOT_IDENTITY and (group, name) not in {("trainer", n) for n in NOT_IDENTITY_OF_TRAINER}
        if is_part and old.get(key) != new.get(key):
            yield f"{key}: {old.get(key)} -> {new.get(key)}"


def _all(work: Path) -> list[SweepRecord | RunRecord]:
    sweeps = read_sweeps(work)
    swept = {run for sweep in sweeps for run in _ids(sweep)}
    return [*sweeps, *(run for run in read_runs(work) if run.id not in swept)]


def _is_interrupted(each: SweepRecord | RunRecord) -> bool:
    statuses = [run.status for run in each.records()] if isinstance(each, SweepRecord) else [each.status]
    return "running" not in statuses and any(status in _TO_DO for status in statuses)


def _ids(sweep: SweepRecord) -> set[str]:
    return set(sweep.run_names)


def _work(each: SweepRecord | RunRecord) -> Work:
    if isinstance(each, SweepRecord):
        return Work(f"sweep {each.short_id}", _words(each.command), True, tuple(each.records(added=False)))
    starts = [event for event in read(each.path / JOURNAL) if event.event == "start"]
    if not starts:
        raise UserError(f"Run {each.short_id} has no journal to say how it was begun: type its command again.")
    return Work(f"run {each.short_id}", _words(str(starts[-1]["command"])), False, (each,))


def _words(command: str) -> tuple[str, ...]:
    return tuple(word for word in shlex.split(command)[1:] if word != "-m")
