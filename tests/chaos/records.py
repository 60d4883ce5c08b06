"""What is on record of a sweep: results, ledger, MLflow."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

from dlrun.tracking.journal import last_attempt, read

__all__ = ["assert_recorded_once", "epochs_told", "ledger", "results"]


def results(work: Path) -> dict[str, dict[str, Any]]:
    """Every result, by run."""
    found = (json.loads(path.read_text()) for path in work.glob("runs/*/result.json"))
    return {result["id"]: result for result in found}


def epochs_told(work: Path) -> int:
    """How many epochs there are in the journals, one that was gone through again counted once."""
    journals = [last_attempt(read(path)) for path in work.glob("runs/*/journal.jsonl")]
    return sum(event.event == "epoch" for events in journals for event in events)


def ledger(work: Path) -> list[dict[str, Any]]:
    """All entries of the only sweep's ledger, without a line that a kill has torn."""
    (path,) = work.glob("sweeps/*/ledger.jsonl")
    entries = []
    for line in path.read_text().splitlines():
        try:
            entries.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return [entry for entry in entries if "run" in entry]


def assert_recorded_once(work: Path, trials: int, runs: int, epochs: int) -> None:
    """Ledger and MLflow have every run as finished once, and each epoch's values once."""
    entries = ledger(work)
    last = {entry["run"]: entry["status"] for entry in entries}
    assert Counter(last.values()) == {"finished": runs}
    ends = Counter(entry["run"] for entry in entries if entry["status"] == "finished")
    assert set(ends.values()) == {1}, ends
    with sqlite3.connect(f"file:{work / 'mlflow.db'}?mode=ro", uri=True) as store:
        statuses = store.execute(
            "select t.value, r.status, count(*) from runs r join tags t on t.run_uuid = r.run_uuid"
            " and t.key = 'dlrun.kind' where r.lifecycle_stage = 'active' group by t.value, r.status"
        ).fetchall()
        expected = [("run", "FINISHED", runs), ("sweep", "FINISHED", 1), ("trial", "FINISHED", trials)]
        assert sorted(statuses) == expected, statuses
        points = store.execute(
            "select m.run_uuid, m.step from metrics m join tags t on t.run_uuid = m.run_uuid"
            " and t.key = 'dlrun.kind' and t.value = 'run' where m.key = 'val_loss'"
        ).fetchall()
    assert len(points) == len(set(points)) == runs * epochs, (len(points), len(set(points)))
