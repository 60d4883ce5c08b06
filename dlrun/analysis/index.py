"""The index: what the files of many runs say, in one sqlite file beside them, so that they are not all read again.

It is a cache. A row holds as long as the three files it was made of (`result.json`, `spec.json`, the journal) have the
times, sizes and inodes they had; any other run is read from its directory. Whether somebody is at work on a run is
never taken from it. A file that is broken, somebody else's or of another version is thrown away and made anew; where
it cannot be written, all goes on without it.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import sqlite3
import struct
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any, Final

from dlrun.analysis.labels import Labels
from dlrun.analysis.parts import Pool, RunSpec
from dlrun.analysis.record import RunRecord, Said, StoredResult, read_said, record_of

__all__ = ["INDEX", "read_all", "read_some", "uncollected"]

INDEX: Final = "index.sqlite"
"""The index's name in the folder of runs."""

_VERSION = 2  # raised whenever a row would say something else of the same files
_OURS = 0x646C7231  # sqlite's application_id: "dlr1"
_WORTHWHILE = 100  # fewer runs are read faster than an index is opened and kept
_NEWS = 20  # so many runs read anew are worth writing down
_WAIT_SECONDS = 0.5  # for a command that is writing; then it goes without
_SETTLED_NS = 2_000_000_000  # a file changed since may change again unseen where the times are of whole seconds
_FILES = ("result.json", "spec.json", "journal.jsonl")
_ABSENT = (0, 0, 0)
_STAMP = struct.Struct("9q")
_TABLES = (
    "create table part (id integer primary key, content text unique)",
    "create table run (id text primary key, stamp blob, status text, name text, spec blob, metrics blob, started real,"
    " cause text, head integer, labels text, digest text) without rowid",
)
_COLUMNS = "id, stamp, status, name, spec, metrics, started, cause, head, labels, digest"

_UNLABELLED: Final = Labels()

_Row = tuple[Any, ...]


def read_all(folder: Path) -> list[RunRecord]:
    """Every run in `folder`, in no order."""
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if entry.name[0] != "." and entry.is_dir()]
    except OSError:
        return []
    return _read(folder, names, whole=True)


def read_some(folder: Path, names: Sequence[str]) -> dict[str, RunRecord]:
    """Those of the directories `names` in `folder` that hold a run."""
    return {run.id: run for run in _read(folder, names, whole=False)}


def _read(folder: Path, names: Sequence[str], whole: bool) -> list[RunRecord]:
    opened = _opened(folder) if len(names) >= _WORTHWHILE else None
    if opened is None:
        return _records(folder, ((name, read_said(folder / name, Pool())) for name in names))
    try:
        with uncollected():
            return _read_many(folder, opened, names, whole)
    finally:
        os.close(opened)


def _read_many(folder: Path, opened: int, names: Sequence[str], whole: bool) -> list[RunRecord]:
    known = _Rows.read(folder / INDEX)
    pool, news, said = Pool(), {}, []
    for name in names:
        stamp = _stamp(name, opened)
        found = None if stamp is None else known.get(name, stamp)
        if found is None:
            found = read_said(folder / name, pool)
            if found is not None and stamp is not None and _is_settled(stamp) and _is_text(name, found):
                news[name] = (stamp, found)
        said.append((name, found))
    gone = known.ids.difference(names) if whole else set()
    is_worth_it = len(news) >= _NEWS or len(gone) >= _NEWS or (news and known.is_broken)
    if is_worth_it and not known.is_busy:
        _write(folder / INDEX, news, gone, known.is_broken)
    return _records(folder, said)


def _records(folder: Path, said: Iterable[tuple[str, Said | None]]) -> list[RunRecord]:
    return [record_of(name, folder / name, each) for name, each in said if each is not None]


def _stamp(name: str, folder: int) -> bytes | None:
    """The times, sizes and inodes of a run's files; None without a result, while it may be at work for the first time.

    Args:
        folder: an open directory; from there the system finds thirty thousand files a good deal faster.
    """
    numbers: list[int] = []
    for file in _FILES:
        try:
            found = os.stat(f"{name}{os.sep}{file}", dir_fd=folder)
        except OSError:
            if not numbers:
                return None
            numbers += _ABSENT
        else:
            numbers += (found.st_mtime_ns, found.st_size, found.st_ino & 0x7FFF_FFFF_FFFF_FFFF)
    return _STAMP.pack(*numbers)


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Without the garbage collector inside: it would go through ten thousand runs again and again and find nothing."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _opened(folder: Path) -> int | None:
    """The folder, open; None where it is not there or may not be listed."""
    try:
        return os.open(folder, os.O_RDONLY)
    except OSError:
        return None


def _is_settled(stamp: bytes) -> bool:
    """Whether none of the files was changed a moment ago: the next change might leave time and size as they are."""
    return bool(max(_STAMP.unpack(stamp)[::3]) <= time.time_ns() - _SETTLED_NS)


def _is_text(name: str, said: Said) -> bool:
    """Whether a row can hold it: half a surrogate pair, which JSON may have in it, is no text to sqlite."""
    try:
        "".join((name, said.name, said.status or "", said.cause or "", said.digest or "")).encode()
    except UnicodeEncodeError:
        return False
    return True


class _Rows:
    """What an index holds.

    Attributes:
        is_broken: whether its file has to be made anew, or made.
        is_busy: whether somebody else is writing it at this moment.
    """

    def __init__(self, folder: Path, parts: Sequence[_Row] = (), rows: Sequence[_Row] = (), broken: bool = False):
        self.is_busy = False
        self._folder = folder
        contents = json.loads(f"[{','.join(content for _, content in parts)}]")
        self._parts = dict(zip((number for number, _ in parts), contents, strict=True))
        self._rows = {row[0]: row for row in rows}
        self.is_broken = broken

    @classmethod
    def read(cls, path: Path) -> _Rows:
        """What the index at `path` holds: nothing where it cannot be read."""
        try:
            with contextlib.closing(_connected(path, "ro")) as store:
                store.execute("begin")  # both tables as they were at one moment
                if not _is_ours(store):
                    return cls(path.parent, broken=True)
                parts = store.execute("select id, content from part").fetchall()
                return cls(path.parent, parts, store.execute(f"select {_COLUMNS} from run").fetchall())
        except sqlite3.Error as error:
            found = cls(path.parent, broken=not _is_busy(error))
            found.is_busy = not found.is_broken
            return found
        except (ValueError, TypeError):  # not what we wrote
            return cls(path.parent, broken=True)

    @property
    def ids(self) -> set[str]:
        """The runs it has a row of."""
        return set(self._rows)

    def get(self, name: str, stamp: bytes) -> Said | None:
        """What it says of a run whose files have this stamp; None where it does not know."""
        row = self._rows.get(name)
        if row is None or row[1] != stamp:
            return None
        try:
            return self._said(row)
        except (LookupError, ValueError, TypeError, AttributeError, struct.error):
            self.is_broken = True
            return None

    def _said(self, row: _Row) -> Said:
        name, _, status, title, spec, metrics, started, cause, head, labels, digest = row
        parts, at = self._parts, f"{self._folder}{os.sep}{name}{os.sep}result.json"
        numbers = [parts[number] for number in struct.unpack(f"{len(spec) // 4}i", spec)]
        layout = parts[struct.unpack_from("i", metrics)[0]]
        return Said(
            status,
            title,
            RunSpec(dict(numbers)) if numbers else {},
            dict(zip(layout, struct.unpack_from(f"={len(layout)}d", metrics, 4), strict=True)),
            started,
            cause,
            StoredResult(parts[head], at),
            _UNLABELLED if labels is None else _labels(json.loads(labels)),
            begun=True,
            digest=digest,
        )


def _write(path: Path, news: Mapping[str, tuple[bytes, Said]], gone: set[str], anew: bool) -> None:
    """Put what was read anew into the index; leave it where somebody else is at it or it cannot be written."""
    from filelock import FileLock, Timeout

    try:
        with FileLock(path.with_name(f".{path.name}.lock"), timeout=0):
            if anew:
                for end in ("", "-journal", "-wal", "-shm"):  # with what a killed writer left beside it
                    Path(f"{path}{end}").unlink(missing_ok=True)
            with contextlib.closing(_connected(path, "rwc")) as store, _transaction(store):
                if not _is_ours(store):
                    _make(store)
                _update(store, news, gone)
    except (OSError, sqlite3.Error, Timeout):
        return


def _update(store: sqlite3.Connection, news: Mapping[str, tuple[bytes, Said]], gone: set[str]) -> None:
    parts = {content: number for number, content in store.execute("select id, content from part")}
    first = count(max(parts.values(), default=0) + 1)
    fresh: dict[str, int] = {}

    def number_of(content: Any) -> int:
        text = json.dumps(content)
        found = parts.get(text) or fresh.get(text)
        if found is None:
            found = fresh[text] = next(first)
        return found

    rows = [_row(name, stamp, said, number_of) for name, (stamp, said) in news.items()]
    store.executemany("insert into part (content, id) values (?, ?)", fresh.items())
    store.executemany(f"insert or replace into run ({_COLUMNS}) values (?,?,?,?,?,?,?,?,?,?,?)", rows)
    store.executemany("delete from run where id = ?", [(name,) for name in gone])
    if gone:
        _forget_unused(store)


def _row(name: str, stamp: bytes, said: Said, number_of: Callable[[Any], int]) -> _Row:
    numbers = (
        [number_of([key, part]) for key, part in said.spec.parts.items()] if isinstance(said.spec, RunSpec) else ()
    )
    layout = number_of(list(said.metrics))
    head = number_of(said.result.head if isinstance(said.result, StoredResult) else {})
    return (
        name,
        stamp,
        said.status,
        said.name,
        struct.pack(f"{len(numbers)}i", *numbers),
        struct.pack(f"=i{len(said.metrics)}d", layout, *said.metrics.values()),
        said.started,
        said.cause,
        head,
        None if said.labels == _UNLABELLED else json.dumps(said.labels.to_fields()),
        said.digest,
    )


def _forget_unused(store: sqlite3.Connection) -> None:
    used = {head for (head,) in store.execute("select head from run")}
    for spec, metrics in store.execute("select spec, metrics from run"):
        used.update(struct.unpack(f"{len(spec) // 4}i", spec), struct.unpack_from("i", metrics))
    unused = [(number,) for (number,) in store.execute("select id from part") if number not in used]
    store.executemany("delete from part where id = ?", unused)


def _labels(fields: Mapping[str, Any]) -> Labels:
    return Labels(fields["tags"], fields["note"], fields["archived"])


def _connected(path: Path, mode: str) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    return sqlite3.connect(uri, uri=True, timeout=_WAIT_SECONDS, isolation_level=None)


@contextlib.contextmanager
def _transaction(store: sqlite3.Connection) -> Iterator[None]:
    store.execute("begin immediate")
    try:
        yield
    except BaseException:
        store.rollback()
        raise
    store.commit()


def _is_ours(store: sqlite3.Connection) -> bool:
    found = [store.execute(f"pragma {name}").fetchone()[0] for name in ("application_id", "user_version")]
    return found == [_OURS, _VERSION]


def _make(store: sqlite3.Connection) -> None:
    for table in _TABLES:
        store.execute(table)
    store.execute(f"pragma application_id = {_OURS}")
    store.execute(f"pragma user_version = {_VERSION}")


def _is_busy(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorcode", None) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
