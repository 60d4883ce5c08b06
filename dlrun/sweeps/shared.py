"""A run that two sweeps want is trained once: it stays the first one's, and says that the second has it too."""

from __future__ import annotations

from collections.abc import Iterable

from dlrun.tracking.journal import Event, Journal, last_attempt, read
from dlrun.training.rundir import RunDirectory

__all__ = ["note_sharing"]


def note_sharing(directory: RunDirectory, sweep: str) -> bool:
    """Append to a finished run's journal that `sweep` has it too; nothing where that is known.

    Returns:
        Whether something was appended.
    """
    if sweep in _sweeps_of(last_attempt(read(directory.journal))):
        return False
    with directory.owned():
        known = _sweeps_of(last_attempt(read(directory.journal)))
        if sweep in known:
            return False
        with Journal(directory.journal) as journal:
            journal.append("also", sweeps=[*known[1:], sweep])
    return True


def _sweeps_of(events: Iterable[Event]) -> list[str]:
    """The ids of the sweeps that have the run, its own (empty for a single run) first."""
    own, others = "", []
    for event in events:
        if event.event == "start":
            own = (event.get("sweep") or {}).get("id", "")
        elif event.event == "also":
            others = list(event["sweeps"])
    return [own, *others]
