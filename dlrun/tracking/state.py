"""What of a run the stores have got: noted in the run's directory, a line a store, read without MLflow."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Self

from dlrun.tracking.journal import JOURNAL, has_events
from dlrun.tracking.owner import is_alive
from dlrun.tracking.store import token

__all__ = ["Note", "Synced", "all_synced", "forget", "is_pending", "note_settled", "pending", "read_synced"]

SYNCED = ".synced"
"""The note's name in the run directory."""

_MOST_STORES = 8  # a store that was deleted and made anew is another one, and its line is of no more use


@dataclass(frozen=True)
class Synced:
    """How much of a journal is in the store.

    Attributes:
        store: the store's token.
        mlflow_run_id: the run's id there.
        seq: the last event that is in the store.
        offset: the byte of the journal behind it.
        pid: the process without which the store would not come right: the run's owner while it is shown running, then
            the writer until it has ended what stands above the run; 0 when all is done.
        host: that process's machine.
    """

    store: str
    mlflow_run_id: str
    seq: int
    offset: int
    pid: int = 0
    host: str = ""


def pending(run_dirs: Iterable[Path], uri: str) -> list[Path]:
    """The runs of which the store at `uri` has not got everything, in the order given.

    Costs a few file accesses a run and no MLflow. A run that the store shows running and whose owner is gone counts.

    Args:
        run_dirs: run directories; one without a journal has nothing to send.
        uri: as `tracking_uri` gives it; with an empty one (`tracking=none`) nothing is pending.
    """
    if not uri:
        return []
    store = token(uri)
    return [run_dir for run_dir in run_dirs if is_pending(run_dir, store)]


def is_pending(run_dir: Path, store: str) -> bool:
    """Whether the store with the token `store` has not got everything of one run, as far as that can be read."""
    journal = run_dir / JOURNAL
    try:
        size = journal.stat().st_size
    except OSError:
        return False
    synced = read_synced(run_dir, store)
    try:
        if synced is None or size < synced.offset:
            return has_events(journal)
        if size > synced.offset and has_events(journal, synced.offset):
            return True
    except OSError:  # another user's, say
        return True
    return synced.pid > 0 and not is_alive(synced.pid, synced.host)


def read_synced(run_dir: Path, store: str | None = None) -> Synced | None:
    """What the note in `run_dir` says of the store with that token, or of the one written last; None when nothing."""
    return _of(all_synced(run_dir), store)


def all_synced(run_dir: Path) -> list[Synced]:
    """What the note in `run_dir` says of every store, the one written last at the end."""
    try:
        return _parse((run_dir / SYNCED).read_bytes())
    except OSError:
        return []


def forget(run_dir: Path) -> None:
    """Have the stores asked anew what they hold of a run; nothing is lost, and nothing sent twice.

    Raises:
        OSError: the note cannot be written.
    """
    note = Note.hold(run_dir)
    if note is not None:  # else another command is sending the run at this moment
        note.clear()
        note.release()


def _of(notes: list[Synced], store: str | None) -> Synced | None:
    return next((note for note in reversed(notes) if store in (None, note.store)), None)


def _parse(content: bytes) -> list[Synced]:
    found = []
    for line in content.splitlines():
        try:
            found.append(Synced(**json.loads(line)))
        except (ValueError, TypeError):  # half written: the store itself knows
            continue
    return found


def note_settled(run_dir: Path, store: str) -> None:
    """Note that all is done for a run that has ended: what stands above it has its end, too.

    Raises:
        OSError: the note cannot be written.
    """
    note = Note.hold(run_dir)
    if note is None:
        return
    synced = note.read(store)
    if synced is not None:
        note.write(replace(synced, pid=0))
    note.release()


class Note:
    """The note of one run, held by the one writer that may send it.

    It is only a note: the marker in the store is what counts, so it is written in place and never forced to the disk.
    """

    def __init__(self, file: int) -> None:
        self._file = file

    @classmethod
    def hold(cls, run_dir: Path) -> Self | None:
        """The note of `run_dir`; None while another process holds it.

        Raises:
            OSError: it cannot be opened or made.
        """
        # never through a link: what it leads to would be written over
        file = os.open(run_dir / SYNCED, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return None
        return cls(file)

    def read(self, store: str | None = None) -> Synced | None:
        """What it says of the store with that token, or of the one written last."""
        return _of(self._all(), store)

    def write(self, synced: Synced) -> None:
        """Replace what it says of that store."""
        others = [note for note in self._all() if note.store != synced.store]
        lines = [json.dumps(asdict(note)) for note in [*others, synced][-_MOST_STORES:]]
        self.clear()
        os.pwrite(self._file, "".join(f"{line}\n" for line in lines).encode(), 0)

    def clear(self) -> None:
        """Have it say nothing of any store."""
        os.ftruncate(self._file, 0)

    def _all(self) -> list[Synced]:
        return _parse(os.pread(self._file, os.fstat(self._file).st_size, 0))

    def release(self) -> None:
        """Let other writers have it."""
        os.close(self._file)
