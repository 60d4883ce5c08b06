"""Runs whose directories were deleted, and which a store still shows.

Whoever deletes a run leaves `runs/.deleted/RUN_ID.json` with what its note said of the store; whoever writes that store
next has MLflow delete its run, too, and removes the file.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

__all__ = ["FOLDER", "Tombstone", "tombstones"]

FOLDER = ".deleted"
"""The folder of tombstones in `runs/`."""


@dataclass(frozen=True)
class Tombstone:
    """One deleted run.

    Attributes:
        path: its file, to be removed when the store shows the run no more.
        mlflow_run_id: the run's id in the store.
    """

    path: Path
    mlflow_run_id: str


def tombstones(work: Path, store: str) -> list[Tombstone]:
    """Those of the store with that token; files that cannot be read are passed over."""
    found = []
    for path in sorted((work / "runs" / FOLDER).glob("*.json")):
        try:
            content = json.loads(path.read_bytes())
            if content["store"] == store:
                found.append(Tombstone(path, str(content["mlflow_run_id"])))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return found
