"""Runs whose directories were deleted, and which stores still show.

Whoever deletes a run first leaves `runs/.deleted/RUN_ID-STORE.json` for each store that its note names; whoever writes
that store next has MLflow delete its run, too, and removes the file.

A tombstone speaks of one MLflow run, and counts only while the note in `runs/RUN_ID` does not name that: not before
the directory is moved away, and no more where the run was trained anew and is under the same MLflow run again. A run
that is trained anew and not sent yet gets an MLflow run of its own, since a writer hears of tombstones before it looks
for runs.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dlrun.tracking.state import Synced, all_synced

__all__ = ["FOLDER", "Tombstone", "content_of", "is_void", "tombstones"]

FOLDER = ".deleted"
"""The folder of tombstones in `runs/`."""


@dataclass(frozen=True)
class Tombstone:
    """One deleted run.

    Attributes:
        path: its file, to be removed when the store shows the run no more.
        mlflow_run_id: the run's id in the store.
        run: its own id; empty in a file of dlrun's first days.
    """

    path: Path
    mlflow_run_id: str
    run: str = ""


def tombstones(work: Path, store: str) -> list[Tombstone]:
    """Those of the store with that token that count; files that cannot be read are passed over."""
    found = []
    for path in sorted((work / "runs" / FOLDER).glob("*.json")):
        try:
            content = json.loads(path.read_bytes())
            if content["store"] == store and not is_void(content, work):
                found.append(Tombstone(path, str(content["mlflow_run_id"]), str(content.get("run") or "")))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return found


def content_of(run: str, synced: Synced) -> dict[str, str]:
    """What the tombstone of a run says to one store."""
    return {"run": run, "store": synced.store, "mlflow_run_id": synced.mlflow_run_id}


def is_void(content: dict[str, Any], work: Path) -> bool:
    """Whether the MLflow run that a tombstone speaks of is that of a run directory.

    Raises:
        KeyError: it is no tombstone.
    """
    run = str(content.get("run") or "")
    if not run or Path(run).name != run:
        return False
    speaks_of = (content["store"], content["mlflow_run_id"])
    return speaks_of in {(note.store, note.mlflow_run_id) for note in all_synced(work / "runs" / run)}
