"""What the run and sweep directories say; half-written ones included."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from dlrun.analysis.ledger import LEDGER, added_of
from dlrun.config.spec import flatten
from dlrun.training.causes import in_one_line

__all__ = ["RunRecord", "SweepRecord", "TrialRecord", "is_held", "read_run", "read_runs", "read_sweep", "read_sweeps"]

SHORT_ID = 8
_FINAL = frozenset({"finished", "diverged"})  # never run again, so nobody can be at work on them


@dataclass(frozen=True)
class RunRecord:
    """One run directory.

    Attributes:
        id: 16 hex characters; `short_id` are the first 8.
        path: the directory.
        status: `queued running finished diverged failed pruned interrupted`, true at the moment of reading.
        name: what varies in it, as the sweep named it; may be empty.
        spec: dotted keys to values; empty when the spec cannot be read.
        metrics: the final metrics by their flat names (`test_accuracy`, `best_val_loss`).
        started: unix seconds of its last attempt's start, or None.
        cause: in one line why it did not finish, or None.
        result: `result.json` as it stands; empty when there is none.
    """

    id: str
    path: Path
    status: str
    name: str = ""
    spec: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    started: float | None = None
    cause: str | None = None
    result: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_dev_run(self) -> bool:
        """Whether it tried a few batches only (`trainer.fast_dev_run`): its scores say nothing."""
        return self.result.get("fast_dev_run") is True

    @property
    def short_id(self) -> str:
        """The first 8 characters of the id."""
        return self.id[:SHORT_ID]


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
        """All runs, those in `known` not read again; one that has no directory yet is queued.

        Args:
            added: whether those that were added are among them.
        """
        folder = self.path.parent.parent / "runs"
        found = known or {}
        return [
            found.get(run) or read_run(folder / run) or RunRecord(run, folder / run, "queued", name=name)
            for run, name in self.run_names.items()
            if added or run not in self.added
        ]


def read_runs(work: Path) -> list[RunRecord]:
    """Every run under `work`/runs, oldest first."""
    records = [record for path in _subfolders(work / "runs") if (record := read_run(path))]
    return sorted(records, key=lambda record: record.started or 0.0)


def read_run(path: Path) -> RunRecord | None:
    """The run in directory `path`, or None when it holds no run."""
    spec, result = _json_file(path / "spec.json"), _json_file(path / "result.json")
    if spec is None and result is None and not (path / "spec.json").exists():
        return None
    first = _first_event(path / "journal.jsonl")
    facts: Mapping[str, Any] = result or {}
    status = _status(path, facts.get("status"), begun=(path / "journal.jsonl").exists())
    return RunRecord(
        id=path.name,
        path=path,
        status=status,
        name=str(facts.get("name") or (first or {}).get("name") or ""),
        spec=flatten(spec or {}),
        metrics=_numbers(facts.get("metrics")),
        started=_seconds(facts.get("started")) or _seconds((first or {}).get("time")) or _modified(path),
        cause=_cause(status, facts.get("cause"), readable=spec is not None),
        result=facts,
    )


def read_sweeps(work: Path) -> list[SweepRecord]:
    """Every sweep under `work`/sweeps, oldest first."""
    records = [record for path in _subfolders(work / "sweeps") if (record := read_sweep(path))]
    return sorted(records, key=lambda record: record.started)


def read_sweep(path: Path) -> SweepRecord | None:
    """The sweep in directory `path`, or None when it holds none that can be read."""
    facts = _json_file(path / "sweep.json")
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
        started=_seconds(facts.get("started")) or _modified(path / "sweep.json"),
        experiment=facts.get("experiment"),
        names=names if isinstance(names := facts.get("names"), Mapping) else {},
        added=added_of(path / LEDGER),
    )


def is_held(path: Path) -> bool:
    """Whether a live process owns the run directory `path`: it holds the lock there for as long as it lives."""
    lock = path / ".lock"
    if not lock.exists():  # never made by asking
        return False
    from filelock import FileLock, Timeout

    try:
        with FileLock(lock, timeout=0):
            return False
    except Timeout:
        return True
    except OSError:  # someone else's directory: cannot be asked, so nothing of ours is at work in it
        return False


def _status(path: Path, written: Any, begun: bool) -> str:
    if written in _FINAL:
        return str(written)
    if is_held(path):
        return "running"
    if written in ("running", "queued", None):  # its owner is gone
        return "interrupted" if begun or written == "running" else "queued"
    return str(written)


def _cause(status: str, cause: Any, readable: bool) -> str | None:
    if not readable:
        return "spec.json cannot be read"
    if isinstance(cause, Mapping):
        return in_one_line(cause) or None
    if cause:
        return str(cause).splitlines()[0]
    return "the process ended early" if status == "interrupted" else None


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


def _json_file(path: Path) -> dict[str, Any] | None:
    """The mapping in a JSON file; None when there is none, or a torn one."""
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def _first_event(journal: Path) -> dict[str, Any] | None:
    try:
        with journal.open("rb") as file:
            event = json.loads(file.readline())
    except (OSError, ValueError):
        return None
    return event if isinstance(event, dict) else None


def _numbers(metrics: Any) -> dict[str, float]:
    items = metrics.items() if isinstance(metrics, Mapping) else ()
    return {str(k): float(v) for k, v in items if isinstance(v, int | float) and not isinstance(v, bool)}


def _seconds(time: Any) -> float | None:
    if isinstance(time, str):
        try:
            return datetime.fromisoformat(time).timestamp()
        except ValueError:
            return None
    return float(time) if isinstance(time, int | float) else None


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
