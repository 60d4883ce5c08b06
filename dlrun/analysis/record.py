"""What one run directory says; half-written ones included."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from dlrun.analysis.labels import Labels, labels_within
from dlrun.analysis.parts import Pool
from dlrun.training.causes import in_one_line
from dlrun.training.result import FINAL

__all__ = [
    "SHORT_ID",
    "RunRecord",
    "Said",
    "StoredResult",
    "is_held",
    "json_file",
    "modified",
    "read_run",
    "read_said",
    "record_of",
    "seconds",
]

SHORT_ID = 8
"""Characters of an id that are shown."""

_DATA = b'"data"'
_OFTEN_READ = ("task", "best_epoch", "kept_epoch", "epochs_run", "monitor", "parameters", "samples", "fast_dev_run")


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
        labels: what a person said of it afterwards.
        digest: of the content that it learned from; None where its journal does not say.
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
    labels: Labels = field(default_factory=Labels)
    digest: str | None = None

    @property
    def is_dev_run(self) -> bool:
        """Whether it tried a few batches only (`trainer.fast_dev_run`): its scores say nothing."""
        return self.result.get("fast_dev_run") is True

    @property
    def short_id(self) -> str:
        """The first 8 characters of the id."""
        return self.id[:SHORT_ID]


class StoredResult(Mapping[str, Any]):
    """The `result.json` at `path`: read when more of it is asked for than `head`, which many runs share."""

    __slots__ = ("_content", "_path", "head")

    def __init__(self, head: Mapping[str, Any], path: Path | str, content: Mapping[str, Any] | None = None) -> None:
        self.head = head
        self._path = path
        self._content = content

    @classmethod
    def of(cls, content: Mapping[str, Any], path: Path | str) -> StoredResult:
        """A result that is read already."""
        return cls({key: content[key] for key in _OFTEN_READ if key in content}, path, content)

    def __getitem__(self, key: str) -> Any:
        return self.head[key] if key in self.head else self._whole()[key]

    def get(self, key: str, default: Any = None) -> Any:
        """As of any mapping; what is read of thousands of runs is not looked for in their files."""
        return self.head.get(key, default) if key in _OFTEN_READ else self._whole().get(key, default)

    def __iter__(self) -> Iterator[str]:
        return iter(self._whole())

    def __len__(self) -> int:
        return len(self._whole())

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        return f"StoredResult({dict(self)!r})"

    def _whole(self) -> Mapping[str, Any]:
        if self._content is None:
            self._content = json_file(Path(self._path)) or {}
        return self._content


@dataclass(frozen=True)
class Said:
    """What a run's files say, whoever is at work on it; the index keeps it.

    Attributes:
        status: as `result.json` has it; None without one.
        cause: in one line; None where nothing is said.
        begun: whether there is a journal.
        digest: of the data, as the journal has it last; None where it does not say.
    """

    status: str | None
    name: str
    spec: Mapping[str, Any]
    metrics: Mapping[str, float]
    started: float | None
    cause: str | None
    result: Mapping[str, Any]
    labels: Labels
    begun: bool
    digest: str | None = None


def read_run(path: Path) -> RunRecord | None:
    """The run in directory `path`, or None when it holds no run."""
    said = read_said(path, Pool())
    return None if said is None else record_of(path.name, path, said)


def read_said(path: Path, pool: Pool) -> Said | None:
    """What the files in directory `path` say, or None when it holds no run."""
    spec, result = json_file(path / "spec.json"), json_file(path / "result.json")
    if spec is None and result is None and not (path / "spec.json").exists():
        return None
    journal = path / "journal.jsonl"
    facts: Mapping[str, Any] = result or {}
    status, started = facts.get("status"), seconds(facts.get("started"))
    content = _content(journal)
    first = _event(content.partition(b"\n")[0]) if content and (started is None or not facts.get("name")) else {}
    return Said(
        status=None if status is None else str(status),
        name=str(facts.get("name") or first.get("name") or ""),
        spec=pool.spec(spec) if spec else {},
        metrics=_numbers(facts.get("metrics")),
        started=started or seconds(first.get("time")) or modified(path),
        cause=_cause(facts.get("cause"), readable=spec is not None),
        result=StoredResult.of(facts, path / "result.json") if facts else {},
        labels=Labels() if content is None else labels_within(content, journal),
        begun=content is not None,
        digest=_digest(content or b""),
    )


def record_of(identity: str, path: Path, said: Said) -> RunRecord:
    """The run, its status true at this moment."""
    status = said.status if said.status in FINAL else _status(path, said)
    cause = said.cause or ("the process ended early" if status == "interrupted" else None)
    return RunRecord(
        identity,
        path,
        status,
        said.name,
        said.spec,
        said.metrics,
        said.started,
        cause,
        said.result,
        said.labels,
        said.digest,
    )


def is_held(path: Path) -> bool:
    """Whether a live process owns the directory `path`, of a run or a sweep."""
    from dlrun.training.rundir import RunDirectory  # only where somebody may be at work

    return RunDirectory(path).is_owned()


def _status(path: Path, said: Said) -> str:
    if is_held(path):
        return "running"
    if said.status in ("running", "queued", None):  # its owner is gone
        return "interrupted" if said.begun or said.status == "running" else "queued"
    return str(said.status)


def _cause(cause: Any, readable: bool) -> str | None:
    if not readable:
        return "spec.json cannot be read"
    if isinstance(cause, Mapping):
        return in_one_line(cause) or None
    return str(cause).splitlines()[0] if cause else None


def json_file(path: Path) -> dict[str, Any] | None:
    """The mapping in a JSON file; None when there is none, or a torn one."""
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def _content(journal: Path) -> bytes | None:
    """All of the journal; None where there is none, nothing where it cannot be read."""
    try:
        return journal.read_bytes()
    except OSError:
        return b"" if journal.exists() else None


def _digest(content: bytes) -> str | None:
    """The digest in the last event `data` of a journal."""
    end = len(content)
    while (found := content.rfind(_DATA, 0, end)) >= 0:
        end = content.rfind(b"\n", 0, found) + 1
        close = content.find(b"\n", found)
        event = _event(content[end : close if close >= 0 else len(content)])
        if event.get("event") == "data" and isinstance(event.get("digest"), str):
            return str(event["digest"])
    return None


def _event(line: bytes) -> dict[str, Any]:
    try:
        event = json.loads(line)
    except ValueError:
        return {}
    return event if isinstance(event, dict) else {}


def _numbers(metrics: Any) -> dict[str, float]:
    items = metrics.items() if isinstance(metrics, Mapping) else ()
    return {str(k): float(v) for k, v in items if isinstance(v, int | float) and not isinstance(v, bool)}


def seconds(time: Any) -> float | None:
    """A moment as unix seconds: from a number, or from a date that is written out."""
    if isinstance(time, str):
        try:
            return datetime.fromisoformat(time).timestamp()
        except ValueError:
            return None
    return float(time) if isinstance(time, int | float) else None


def modified(path: Path) -> float:
    """When `path` was changed last, in unix seconds; 0 when it is not there."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
