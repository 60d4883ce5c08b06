"""What stands around a leaderboard: of how many trials and runs it is, what is left to do, the words for more seeds."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dlrun.analysis.runs import RunRecord, SweepRecord
    from dlrun.analysis.which import Selection

__all__ = ["NOT_THERE", "WAITING", "heading", "left", "with_more_seeds"]

WAITING = ("running", "queued")
"""Statuses of runs that have come to nothing yet, good or bad."""

NOT_THERE = (*WAITING, "deleted")
"""Statuses of runs that have nothing to be compared, and no row of their own."""

_ORDER = ("finished", "diverged", "failed", "pruned", "interrupted", *NOT_THERE)
_TO_DO = ("queued", "interrupted", "pruned")
_MOST_SEEDS = 30  # more of them are not proposed: it would take longer than the question is worth


def heading(title: str, trials: int, runs: Sequence[RunRecord]) -> str:
    """As `sweep 1a2b3c4d: 2 trials, 6 runs`, and how many of them have which status unless all are finished."""
    size = _count(len(runs), "run")
    if trials != len(runs):
        size = f"{_count(trials, 'trial')}, {size}"
    counts = Counter(run.status for run in runs)
    told = ", ".join(f"{counts[status]} {status}" for status in _ORDER if counts[status])
    return f"{title}: {size}" if counts.keys() <= {"finished"} else f"{title}: {size}: {told}"


def left(selection: Selection) -> str:
    """What to type where a sweep has not come to its end; empty where it has."""
    statuses = {run.status for run in selection.runs}
    if selection.sweep is None or not statuses & {"running", *_TO_DO}:
        return ""
    which = selection.sweep.short_id
    if "running" in statuses:
        return f"It is being trained at this moment: dlrun runs {which} shows how far it is."
    return f"dlrun resume {which} goes on with it."


def with_more_seeds(sweep: SweepRecord, more: int | None) -> str | None:
    """The command of a sweep over seeds 0, 1, 2, ... with `more` of them; None where that is not what it is."""
    words = shlex.split(sweep.command)
    seeds = [index for index, word in enumerate(words) if word.lstrip("+").partition("=")[0] == "seed"]
    if more is None or more > _MOST_SEEDS or len(seeds) != 1:
        return None
    key, _, values = words[seeds[0]].partition("=")
    count = _count_of(values)
    if count is None:
        return None
    words[seeds[0]] = f"{key}=range(0,{count + more})"
    return shlex.join(words)


def _count_of(values: str) -> int | None:
    """How many seeds `0,1,2` or `range(0,3)` are; None for any others."""
    if found := re.fullmatch(r"range\((?:0,\s*)?(\d+)\)", values):
        return int(found[1])
    count = values.count(",") + 1
    return count if values == ",".join(map(str, range(count))) else None


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
