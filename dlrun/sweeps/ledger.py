"""The ledger of a sweep, while a command writes it: what became of every run, as it happens."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from dlrun.analysis.ledger import LEDGER, Account, accounts_of, entries_of
from dlrun.tracking.journal import append_whole
from dlrun.training.atomic import storage_errors
from dlrun.training.result import FINAL

__all__ = ["Ledger"]

_FSYNC_SECONDS = 1.0


class Ledger:
    """Appends to `ledger.jsonl` in a sweep's directory. Its methods may be called from any thread.

    An entry is handed to the operating system as it is made, whole lines at a time, so that it outlives this process,
    and the file is forced to the disk once a second at most. One that cannot be written is kept, and written with the
    next one. See `analysis.ledger` for the entries.

    Args:
        directory: the sweep's. Nothing is created there before the first entry.
    """

    def __init__(self, directory: Path) -> None:
        self.path = directory / LEDGER
        self._accounts = accounts_of(entries_of(self.path))
        self._lock = threading.Lock()
        self._file = -1
        self._unwritten: list[bytes] = []
        self._synced = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def record(self, run: str, status: str, **fields: Any) -> bool:
        """Append what became of a run, unless the ledger says so already.

        Args:
            fields: those of an entry; None where there is nothing to say.

        Returns:
            Whether it was news.

        Raises:
            StorageError: it cannot be written; the next call tries again.
        """
        return self.record_all([(run, status, fields)]) > 0

    def record_all(self, changes: Sequence[tuple[str, str, Mapping[str, Any]]]) -> int:
        """As `record`, for many runs with one write; returns how many were news.

        Raises:
            StorageError: they cannot be written; the next call tries again.
        """
        with self._lock:
            news = [entry for change in changes if (entry := self._entry(*change)) is not None]
            self._unwritten += [json.dumps(entry).encode("ascii") + b"\n" for entry in news]
            with storage_errors(self.path):
                self._write()
        return len(news)

    def account(self, run: str) -> Account | None:
        """What the ledger says of a run."""
        return self._accounts.get(run)

    def entries(self) -> Iterator[Mapping[str, Any]]:
        """All entries as they are in the file, oldest first."""
        return entries_of(self.path)

    def close(self) -> None:
        """Force the ledger to the disk and let go of it; the next entry opens it again.

        Raises:
            StorageError: what is not written yet cannot be.
        """
        with self._lock, storage_errors(self.path):
            self._write()
            if self._file >= 0:
                os.fsync(self._file)
                os.close(self._file)
                self._file = -1

    def _entry(self, run: str, status: str, fields: Mapping[str, Any]) -> dict[str, Any] | None:
        """The entry, noted in the run's account; None where it says nothing new."""
        known = self._accounts.get(run)
        said = {key: value for key, value in fields.items() if value is not None}
        entry = {"time": time.time(), "run": run, "status": status, **said}
        account = (known or Account("queued")).after(entry)
        if known is not None and known.status == status and (status in FINAL or account == known):
            return None
        self._accounts[run] = account
        return entry

    def _write(self) -> None:
        """Write all that is unwritten, or nothing of it."""
        if not self._unwritten:
            return
        if self._file < 0:
            self._open()
        append_whole(self._file, b"".join(self._unwritten))
        self._unwritten.clear()
        if time.monotonic() - self._synced >= _FSYNC_SECONDS:
            os.fsync(self._file)
            self._synced = time.monotonic()

    def _open(self) -> None:
        """Open the file; half a line at its end, which a kill has left, is closed."""
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        size = os.fstat(self._file).st_size
        if size and os.pread(self._file, 1, size - 1) != b"\n":
            os.write(self._file, b"\n")
