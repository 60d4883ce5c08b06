"""Find what was interrupted, and the command that goes on with it: the one that began it."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dlrun.analysis.runs import RunRecord, SweepRecord, read_runs, read_sweeps
from dlrun.analysis.which import find_runs
from dlrun.config.identity import NOT_IDENTITY, NOT_IDENTITY_OF_TRAINER
from dlrun.config.spec import flatten
from dlrun.config.words import key_of
from dlrun.errors import UserError
from dlrun.planning import PlannedRun, Planner
from dlrun.tracking.journal import JOURNAL, read

__all__ = ["Work", "address", "newest", "same_runs", "unfinished"]

_TO_DO = ("interrupted", "queued")
_LEFT = {*_TO_DO, "pruned", "failed", "deleted"}


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

    def with_changes(self, words: Sequence[str]) -> Work:
        """The same work by its command with `words`, each in place of the word that set its key before."""
        keys = {key_of(word) for word in words}
        return replace(self, words=(*(word for word in self.words if word.partition("=")[0] not in keys), *words))


def newest(work: Path) -> tuple[Work, int]:
    """What was interrupted last, and how many sweeps and runs more are.

    Raises:
        UserError: nothing is; it says what is running, or has failed.
    """
    statuses = [(each, _statuses(each)) for each in _all(work)]
    found = [each for each, of in statuses if not of["running"] and any(of[status] for status in _TO_DO)]
    if not found:
        raise UserError(_nothing(statuses))
    return _work(_latest(found)), len(found) - 1


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
    old, asked = {run.id for run in work.runs}, {run.id for run in plan.runs}
    new = [run for run in plan.runs if run.id not in old]
    if not new and len(asked) == len(old):
        return
    command = work.with_changes(words).command
    gone = next((run for run in work.runs if run.spec and run.id not in asked), None)
    changed = _least_differences(gone, new) if gone and new else []
    if changed or not new:
        reason = "; ".join(changed) or f"it asks for {len(asked)} of {len(old)} runs"
        mend = f"Leave the change out, or type {command} for the other one."
    else:
        reason = "its data or one of its components is not what it was"
        anew = f"{len(new)} of its {len(asked)} runs are" if len(asked) > 1 else "it is"
        mend = f"Type {command}: {anew} trained anew."
    raise UserError(f"{work.title} must go on as it was begun, and this is another run: {reason}. {mend}")


def _least_differences(old: RunRecord, planned: Iterable[PlannedRun]) -> list[str]:
    return min((list(_differences(old.spec, flatten(run.spec))) for run in planned), key=len)


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


def _statuses(each: SweepRecord | RunRecord) -> Counter[str]:
    return Counter(run.status for run in each.records()) if isinstance(each, SweepRecord) else Counter([each.status])


def _latest(found: Iterable[SweepRecord | RunRecord]) -> SweepRecord | RunRecord:
    return max(found, key=lambda each: each.started or 0.0)


def _nothing(statuses: Sequence[tuple[SweepRecord | RunRecord, Counter[str]]]) -> str:
    """Why there is nothing to go on with."""
    if running := [each for each, of in statuses if of["running"]]:
        which = _latest(running)
        shows = f"dlrun runs {which.short_id}" if isinstance(which, SweepRecord) else "dlrun runs"
        return f"Nothing was interrupted; {_title(which)} is being trained at this moment. {shows} shows how far it is."
    if failed := {each.id: of["failed"] for each, of in statuses if of["failed"]}:
        which = _latest(each for each, _ in statuses if each.id in failed)
        count = failed[which.id]
        runs = f"{count} run{'' if count == 1 else 's'} of " if isinstance(which, SweepRecord) else ""
        them = "it" if count == 1 else "them"
        return (
            f"Nothing was interrupted; {runs}{_title(which)} failed. dlrun resume {which.short_id} tries {them} again."
        )
    return "Nothing was interrupted. dlrun runs lists what there is."


def _title(each: SweepRecord | RunRecord) -> str:
    return f"{'sweep' if isinstance(each, SweepRecord) else 'run'} {each.short_id}"


def _ids(sweep: SweepRecord) -> set[str]:
    return set(sweep.run_names)


def _work(each: SweepRecord | RunRecord) -> Work:
    if isinstance(each, SweepRecord):
        return Work(_title(each), _words(each.command), True, tuple(each.records(added=False)))
    starts = [event for event in read(each.path / JOURNAL) if event.event == "start"]
    if not starts:
        raise UserError(f"Run {each.short_id} has no journal to say how it was begun: type its command again.")
    return Work(_title(each), _words(str(starts[-1]["command"])), False, (each,))


def _words(command: str) -> tuple[str, ...]:
    return tuple(word for word in shlex.split(command)[1:] if word != "-m")
