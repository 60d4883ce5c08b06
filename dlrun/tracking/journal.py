"""The journal: a run's append-only event file, the source of truth.

One JSON object a line, closed by a checksum of its own:

    {"seq": 4, "time": 1767225600.5, "event": "epoch", "epoch": 1, "metrics": {"loss": 0.4}, "crc": "9a0b1c2d"}

`crc` is the crc32 of the record without it, as canonical JSON (sorted keys, no spaces, ASCII). JSON has no NaN and
no infinities: they are written as the strings "NaN", "Infinity" and "-Infinity", and a text that reads like one of
these is written with a tilde in front, so that every value comes back as it went in.

A process that is killed in the middle of a write leaves half a line at the end. Readers pass over it; the next
owner trims it before it appends.
"""

from __future__ import annotations

import json
import math
import os
import re
import threading
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from dlrun.tracking.owner import HOST

__all__ = [
    "JOURNAL",
    "Event",
    "Journal",
    "Reading",
    "append_whole",
    "epochs_until",
    "has_events",
    "identity",
    "last_attempt",
    "read",
    "read_from",
]

JOURNAL = "journal.jsonl"
"""The journal's name in its run directory."""

_FSYNC_SECONDS = 1.0
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW  # a link may lead to somebody's file
_CHECKPOINT = "checkpoint"
_LABELS = "labels"
_NON_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_READS_LIKE_ONE = re.compile(r"~*(NaN|-?Infinity)\Z")
_RESERVED = frozenset({"seq", "time", "event", "crc"})


@dataclass(frozen=True)
class Event:
    """One record.

    Attributes:
        seq: its number in the journal, from 0.
        time: when it happened, in seconds since 1970.
        event: what happened: `start data model epoch checkpoint evaluated artifact end`, and afterwards `labels`.
        fields: everything else.
    """

    seq: int
    time: float
    event: str
    fields: Mapping[str, Any]

    def __getitem__(self, field: str) -> Any:
        return self.fields[field]

    def get(self, field: str, default: Any = None) -> Any:
        """A field, or `default` where the record has none of that name."""
        return self.fields.get(field, default)


@dataclass(frozen=True)
class Reading:
    """What one look at a journal found.

    Attributes:
        events: the good records, in order.
        offset: the byte behind the last whole line: where the next look begins.
        bad: how many lines were no records of ours, or failed their checksum.
    """

    events: tuple[Event, ...]
    offset: int
    bad: int


def read(path: Path) -> list[Event]:
    """All good records of the journal at `path`; none when there is no journal."""
    return list(read_from(path).events)


def read_from(path: Path, offset: int = 0) -> Reading:
    """The good records behind byte `offset`, which an earlier `Reading` gave; 0 is the beginning."""
    try:
        with path.open("rb") as file:
            file.seek(offset)
            content = file.read()
    except FileNotFoundError:
        return Reading((), offset, 0)
    events, bad = [], 0
    *lines, tail = content.split(b"\n")
    for line in filter(None, lines):
        event = _decode(line)
        bad += event is None
        if event is not None:
            events.append(event)
    # No proper prefix of a JSON object is one, so a last line with a good checksum is whole even without its newline.
    last = _decode(tail)
    if last is not None:
        events.append(last)
    return Reading(tuple(events), offset + len(content) - (0 if last is not None else len(tail)), bad)


def has_events(path: Path, offset: int = 0) -> bool:
    """Whether `read_from` would find a record; what stands behind the first good one is not read.

    Raises:
        OSError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            file.seek(offset)
            return any(_decode(line) is not None for line in file)
    except FileNotFoundError:
        return False


def identity(path: Path) -> str:
    """What tells the journal at `path` from any other of its run, as there is after its directory was removed and the
    run was trained anew, or in another checkout; empty where there is none."""
    try:
        with path.open("rb") as file:
            first = _decode(file.readline().rstrip(b"\n"))
    except OSError:
        return ""
    return "" if first is None else f"{first.time:.6f} {first.get('pid', '')}".strip()


def last_attempt(events: list[Event]) -> list[Event]:
    """The events that count: those from the last `start` on.

    What came before belongs to an earlier attempt, which the last one does anew. But an attempt that goes on with an
    earlier one (its `start` says `resumed`, up to which epoch) has the epochs up to there from it: they follow its
    `start`, so that each epoch of the run is there once. What a person has said of the run (`labels`) outlives
    attempts: the last of it follows the `start`, too.
    """
    starts = [index for index, event in enumerate(events) if event.event == "start"]
    if not starts:
        return events
    start, behind = events[starts[-1]], events[starts[-1] + 1 :]
    before = events[: starts[-1]]
    said = [event for event in before if event.event == _LABELS][-1:]
    resumed = start.get("resumed")
    if not resumed:
        return [start, *said, *behind]
    return [start, *said, *epochs_until(resumed["epoch"], last_attempt(before)), *behind]


def epochs_until(epoch: int, events: list[Event]) -> list[Event]:
    """What was told of the epochs up to `epoch` while they were trained."""
    told = (event for event in events if event.event not in ("evaluated", _CHECKPOINT))
    return [event for event in told if _is_until(epoch, event.get("epoch"))]


def _is_until(last: int, epoch: Any) -> bool:
    return isinstance(epoch, int) and epoch <= last


class Journal:
    """The writing end of a journal; whoever opens it owns the run directory. Threads may share it.

    Every record is handed to the operating system as it is appended, so that it outlives this process, and the file
    is forced to the disk once a second at most, and with every `checkpoint`: a checkpoint that is written after it
    knows no epoch that a power cut could take from the journal.

    Args:
        path: the file; it is made when it is not there, and continued when it is.

    Attributes:
        began: when its first event happened, in seconds since 1970; of a new one, when it was made.

    Raises:
        OSError: the file cannot be opened or written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        found = read_from(path)
        self._file = os.open(path, _FLAGS, 0o644)
        self._close_last_line(found.offset)
        self._next = max((event.seq for event in found.events), default=-1) + 1
        self.began = found.events[0].time if found.events else time.time()
        self._synced = -math.inf
        self._latest = 0.0
        self._turn = threading.RLock()

    def _close_last_line(self, offset: int) -> None:
        """Trim half a line at the end; give a whole one its newline."""
        if os.fstat(self._file).st_size > offset:
            os.ftruncate(self._file, offset)
        if offset and os.pread(self._file, 1, offset - 1) != b"\n":
            self._write(b"\n")

    def append(self, event: str, **fields: Any) -> int:
        """Append one record. A `start` says who owns the run: `pid` and `host` are filled in.

        Args:
            event: what happened.
            fields: numbers, texts, lists and mappings with text keys; numpy scalars count as numbers.

        Returns:
            The record's `seq`.

        Raises:
            TypeError: a field is none of these.
            OSError: the disk is full or gone. The journal is as it was before the call.
        """
        if taken := _RESERVED & fields.keys():
            raise TypeError(f"the journal itself writes {', '.join(sorted(taken))}")
        owner = {"pid": os.getpid(), "host": HOST} if event == "start" else {}
        with self._turn:
            return self._append(event, {**owner, **fields})

    def _append(self, event: str, fields: Mapping[str, Any]) -> int:
        self._latest = max(self._latest, time.time())  # a clock that is set back must not end a run before its start
        record = {"seq": self._next, "time": self._latest, "event": event, **fields}
        encoded = {key: _encode(value) for key, value in record.items()}
        line = json.dumps(encoded | {"crc": _checksum(encoded)}, allow_nan=False)
        seq, self._next = self._next, self._next + 1  # before: a signal behind the write must not give it out twice
        try:
            self._write(line.encode("ascii") + b"\n")
        except OSError:
            self._next = seq  # nothing of it was written
            raise
        if event == _CHECKPOINT or time.monotonic() - self._synced >= _FSYNC_SECONDS:
            self._sync()
        return seq

    def close(self) -> None:
        """Force the journal to the disk and let go of it. Closing twice is closing once."""
        if self._file >= 0:
            self._sync()
            os.close(self._file)
            self._file = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _write(self, content: bytes) -> None:
        append_whole(self._file, content)

    def _sync(self) -> None:
        os.fsync(self._file)
        self._synced = time.monotonic()


def append_whole(file: int, content: bytes) -> None:
    """Append lines to an open file, or nothing of them: half a line would swallow the next one.

    Raises:
        OSError: the disk is full or gone.
    """
    before = os.fstat(file).st_size
    try:
        while content:
            content = content[os.write(file, content) :]
    except OSError:
        os.ftruncate(file, before)
        raise


def _checksum(encoded: Mapping[str, Any]) -> str:
    canonical = json.dumps(encoded, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return f"{zlib.crc32(canonical.encode('ascii')):08x}"


def _encode(value: Any) -> Any:
    match value:
        case None | bool():
            return value
        case str():
            return f"~{value}" if _READS_LIKE_ONE.match(value) else str(value)
        case int():
            return int(value)
        case float():
            return float(value) if math.isfinite(value) else _name_of(value)
        case Mapping():
            if strange := [key for key in value if not isinstance(key, str)]:
                raise TypeError(f"the keys of a mapping must be text; got {strange[0]!r}")
            return {key: _encode(item) for key, item in value.items()}
        case list() | tuple():
            return [_encode(item) for item in value]
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:  # a numpy scalar
        return _encode(value.item())
    raise TypeError(f"a journal holds numbers, texts, lists and mappings; got {type(value).__name__}")


def _name_of(value: float) -> str:
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _restore(value: Any) -> Any:
    match value:
        case str() if value in _NON_FINITE:
            return _NON_FINITE[value]
        case str() if _READS_LIKE_ONE.match(value):
            return value[1:]
        case dict():
            return {key: _restore(item) for key, item in value.items()}
        case list():
            return [_restore(item) for item in value]
    return value


def _decode(line: bytes) -> Event | None:
    try:
        record = json.loads(line)
        if record.pop("crc") != _checksum(record):
            return None
        seq, when, event = record.pop("seq"), record.pop("time"), record.pop("event")
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
        return None
    return Event(seq, when, event, _restore(record))
