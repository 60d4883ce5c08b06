"""What of a run the store has got: noted in the run's directory, read without MLflow."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Self

from dlrun.tracking.journal import JOURNAL, read_from
from dlrun.tracking.owner import is_alive
from dlrun.tracking.store import token

__all__ = ["Note", "Synced", "is_pending", "note_settled", "pending", "read_synced"]

SYNCED = ".synced"
"""The note's name in the run directory."""


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
    """Whether the store with the token `store` has not got everything of one run."""
    journal = run_dir / JOURNAL
    try:
        size = journal.stat().st_size
    except OSError:
        return False
    synced = read_synced(run_dir)
    if synced is None or synced.store != store or size < synced.offset:
        return bool(read_from(journal).events)
    if size > synced.offset and read_from(journal, synced.offset).events:
        return True
    return synced.pid > 0 and not is_alive(synced.pid, synced.host)


def read_synced(run_dir: Path) -> Synced | None:
    """The note in `run_dir`; None when there is none, or none that can be read."""
    try:
        return _parse((run_dir / SYNCED).read_bytes())
    except OSError:
        return None


def _parse(content: bytes) -> Synced | None:
    try:
        return Synced(**json.loads(content))
    except (ValueError, TypeError):  # half written: the store itself knows
        return None


def note_settled(run_dir: Path, store: str) -> None:
    """Note that all is done for a run that has ended: what stands above it has its end, too.

    Raises:
        OSError: the note cannot be written.
    """
    note = Note.hold(run_dir)
    if note is None:
        return
    synced = note.read()
    if synced is not None and synced.store == store:
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
        file = os.open(run_dir / SYNCED, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return None
        return cls(file)

    def read(self) -> Synced | None:
        """What it says."""
        return _parse(os.pread(self._file, 4096, 0))

    def write(self, synced: Synced) -> None:
        """Replace what it says."""
        content = json.dumps(asdict(synced)).encode() + b"\n"
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, content, 0)

    def release(self) -> None:
        """Let other writers have it."""
        os.close(self._file)
