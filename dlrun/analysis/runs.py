"""What the run and sweep directories say; half-written ones included."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dlrun.analysis.index import read_all, read_some
from dlrun.analysis.ledger import DELETED, LEDGER, added_of, deleted_of
from dlrun.analysis.record import SHORT_ID, RunRecord, is_held, json_file, modified, read_run, seconds

__all__ = ["RunRecord", "SweepRecord", "TrialRecord", "is_held", "read_run", "read_runs", "read_sweep", "read_sweeps"]


@dataclass(frozen=True)
class TrialRecord:
    """One trial of a sweep: the runs that differ in replicate keys only."""

    id: str
    name: str
    overrides: tuple[str, ...]
    runs: tuple[str, ...]


@dataclass(frozen=True)
class SweepRecord:
    """One sweep directory.

    Attributes:
        name: the varied keys in short, as in `learning_rate x seed`; the command where it has none.
        started: unix seconds; of the file where it does not say.
        varied: the dotted keys that the command varied.
        experiment: the experiment it belongs to, or None.
        names: what varies in each run, by its id.
        added: the same of runs that were added beside these: those with half the batch.
    """

    id: str
    path: Path
    name: str
    command: str
    varied: tuple[str, ...]
    trials: tuple[TrialRecord, ...]
    started: float
    experiment: str | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    added: Mapping[str, str] = field(default_factory=dict)

    @property
    def short_id(self) -> str:
        """The first 8 characters of the id."""
        return self.id[:SHORT_ID]

    @property
    def run_names(self) -> dict[str, str]:
        """What varies in each run, in the order asked for, those that were added last."""
        asked = {run: self.names.get(run, trial.name) for trial in self.trials for run in trial.runs}
        return asked | {run: name for run, name in self.added.items() if run not in asked}

    def records(self, known: Mapping[str, RunRecord] | None = None, added: bool = True) -> list[RunRecord]:
        """All runs, those in `known` not read again; one that has no directory is queued, or was deleted.

        Args:
            added: whether those that were added are among them.
        """
        folder = self.path.parent.parent / "runs"
        asked = {run: name for run, name in self.run_names.items() if added or run not in self.added}
        found = dict(known or {})
        found |= read_some(folder, [run for run in asked if run not in found])
        deleted = frozenset() if asked.keys() <= found.keys() else deleted_of(self.path / LEDGER)
        return [
            found.get(run) or RunRecord(run, folder / run, DELETED if run in deleted else "queued", name=name)
            for run, name in asked.items()
        ]


def read_runs(work: Path) -> list[RunRecord]:
    """Every run under `work`/runs, oldest first."""
    return sorted(read_all(work / "runs"), key=lambda record: record.started or 0.0)


def read_sweeps(work: Path) -> list[SweepRecord]:
    """Every sweep under `work`/sweeps, oldest first."""
    records = [record for path in _subfolders(work / "sweeps") if (record := read_sweep(path))]
    return sorted(records, key=lambda record: record.started)


def read_sweep(path: Path) -> SweepRecord | None:
    """The sweep in directory `path`, or None when it holds none that can be read."""
    facts = json_file(path / "sweep.json")
    if facts is None:
        return None
    command = str(facts.get("command") or "dlrun -m")
    return SweepRecord(
        id=path.name,
        path=path,
        name=str(facts.get("name") or command),
        command=command,
        varied=tuple(facts.get("varied") or ()),
        trials=tuple(_trial(item) for item in facts.get("trials") or () if isinstance(item, Mapping)),
        started=seconds(facts.get("started")) or modified(path / "sweep.json"),
        experiment=facts.get("experiment"),
        names=names if isinstance(names := facts.get("names"), Mapping) else {},
        added=added_of(path / LEDGER),
    )


def _trial(facts: Mapping[str, Any]) -> TrialRecord:
    overrides = tuple(str(item) for item in facts.get("overrides") or ())
    return TrialRecord(
        id=str(facts.get("id") or ""),
        name=str(facts.get("name") or " ".join(overrides)),
        overrides=overrides,
        runs=tuple(str(run) for run in facts.get("runs") or ()),
    )


def _subfolders(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []
