"""A sweep's directory: what was asked for, which runs make which trial, and the ledger of what became of them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from dlrun.training.atomic import storage_errors, write_json

__all__ = ["Ledger", "Sweep", "Trial"]


@dataclass(frozen=True)
class Trial:
    """One point of the search space: the runs that differ only in replicate keys."""

    id: str
    name: str
    overrides: Sequence[str]
    runs: Sequence[str]


@dataclass(frozen=True)
class Sweep:
    """All trials of one command, as written to `sweeps/<id>/sweep.json`.

    Attributes:
        experiment: the experiment that was chosen, if one was.
        started: seconds since 1970.
    """

    id: str
    name: str
    command: str
    varied: Sequence[str]
    trials: Sequence[Trial]
    experiment: str | None = None
    started: float = field(default_factory=time.time)

    def trial_of(self, run: str) -> Trial:
        """The trial that a run repeats."""
        return next(trial for trial in self.trials if run in trial.runs)

    def write(self, directory: Path) -> None:
        """Write it to `directory`, whole or not at all.

        Raises:
            StorageError: it cannot be written.
        """
        with storage_errors(directory):
            directory.mkdir(parents=True, exist_ok=True)
        write_json(directory / "sweep.json", asdict(self))


class Ledger:
    """What became of every run, appended as it happens to `sweeps/<id>/ledger.jsonl`."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "ledger.jsonl"
        self._known = {entry["run"]: entry["status"] for entry in self.entries()}

    def record(self, run: str, status: str, **fields: Any) -> bool:
        """Append a change of status; nothing when the status is known. Returns whether it was appended.

        Raises:
            StorageError: it cannot be written; the next call tries again.
        """
        if self._known.get(run) == status:
            return False
        entry = {"time": time.time(), "run": run, "status": status, **fields}
        with storage_errors(self.path), self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
        self._known[run] = status
        return True

    def entries(self) -> Iterator[Mapping[str, Any]]:
        """All entries, oldest first; a torn last line is passed over."""
        if not self.path.is_file():
            return
        for line in self.path.read_text(encoding="utf-8").splitlines():
            try:
                yield json.loads(line)
            except json.JSONDecodeError:
                continue
