"""What a sweep is to hold, as its `sweep.json` says, and what of it is still missing."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from dlrun.tracking.journal import JOURNAL, last_attempt, read

__all__ = ["BEST", "ENDINGS", "best_runs", "missing", "planned_runs", "sweep_folder", "verdict"]

ENDINGS = ("finished", "diverged", "failed", "pruned", "interrupted")
"""The words for how a run can end."""


def sweep_folder(work: Path, sweep_id: str) -> Path:
    """The directory of a sweep.

    Raises:
        ValueError: the id, which a journal may have from anywhere, is none: it would lead to another place.
    """
    if not sweep_id or sweep_id in (".", "..") or Path(sweep_id).name != sweep_id:
        raise ValueError(f"'{sweep_id[:80]}' is no sweep's id")
    return work / "sweeps" / sweep_id


def planned_runs(work: Path, sweep_id: str) -> dict[str, list[str]]:
    """The run ids of every trial of a sweep; empty when the sweep left no plan that can be read."""
    try:
        plan: Mapping[str, Any] = json.loads((sweep_folder(work, sweep_id) / "sweep.json").read_bytes())
        return {str(trial["id"]): [str(run) for run in trial["runs"]] for trial in plan["trials"]}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


BEST = "best.json"
"""The file in a sweep's directory that names its best run, once it has come to its end. It holds a list, `best`, with
an entry for each data set: `run`, `name`, `data`, `metric` and `mean`, that of the trial which the run is of."""


def best_runs(work: Path, sweep_id: str) -> list[str]:
    """The ids of a sweep's best runs, one for each data set; none while there are none."""
    try:
        content = json.loads((sweep_folder(work, sweep_id) / BEST).read_bytes())
        return [str(entry["run"]) for entry in content["best"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def missing(work: Path, planned: Iterable[str], seen: Iterable[str]) -> int:
    """How many of the `planned` runs are neither among the `seen` ones nor ended elsewhere, under an earlier sweep."""
    return sum(not _has_ended(work / "runs" / run) for run in set(planned) - set(seen))


def verdict(statuses: Counter[str], still_missing: int) -> str:
    """The status of a trial or sweep, from those of its runs.

    It is interrupted while a run of it is to come, failed when every run failed, and finished otherwise: a failed or
    diverged run among others is a result.
    """
    open_ends = still_missing + sum(count for word, count in statuses.items() if word not in ENDINGS)
    if open_ends or statuses["interrupted"]:
        return "interrupted"
    return "failed" if statuses and statuses.keys() == {"failed"} else "finished"


def _has_ended(run_dir: Path) -> bool:
    events = last_attempt(read(run_dir / JOURNAL))
    return any(event.event == "end" and event["status"] != "interrupted" for event in events)
