"""The writer: one process a command, the only one that touches the store.

It reads its orders from its input, a JSON object a line: `{"uri", "work", "log", "secrets"}` first, then
`{"watch": RUN_DIR}` and at the end `{"close": SECONDS}`. When the input ends without that, its parent is dead: it sends
what the journals hold, marks the runs that nobody goes on with, and ends. It answers with one line,
`{"pending": N, "error": TEXT}`.

Told to close, it goes on for as long as the store takes what it is given, SECONDS at most. A store that is away is
given up within a second: the command has done its work, and `dlrun sync` sends the rest. A run that cannot be sent for
a reason of its own is passed over after some tries, and keeps neither the others nor the command.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from dlrun.tracking.faults import is_busy, is_of_run, of_runs, told
from dlrun.tracking.journal import JOURNAL
from dlrun.tracking.orders import Answer, Orders
from dlrun.tracking.pulse import Pulse, hear_requests, heard
from dlrun.tracking.secret import HidingStream, Secrets
from dlrun.tracking.state import is_pending, note_settled
from dlrun.tracking.store import database, is_server, token
from dlrun.tracking.tombstones import tombstones

if TYPE_CHECKING:
    from dlrun.tracking.backend import Backend
    from dlrun.tracking.project import Projection
    from dlrun.tracking.tree import Tree

__all__ = ["main"]

_log = logging.getLogger("dlrun.tracking")
_POLL_SECONDS = 0.25
_IDLE_SECONDS = 0.0005  # between two looks at the idle runs, for each of them
_NICE = 5  # training comes first where both want the same processor
_BACKOFF_SECONDS = (0.5, 15.0)  # the first pause after a fault, and the longest
_LAST_PAUSE_SECONDS = 1.0  # the longest one while a command waits
_TRIES = 3  # at the end, for what cannot be sent for a reason of its own
_LAST_SECONDS = 5.0  # for what is there, once told to terminate
_GRACE_SECONDS = 1.0  # behind the end, for what was begun before it; a command waits two for the answer


@dataclass
class _Patience:
    """When to try again what the store did not take, and how often it was tried."""

    pause: float = _BACKOFF_SECONDS[0]
    due: float = 0.0
    tries: int = 0

    def after_fault(self, longest: float) -> None:
        self.due = time.monotonic() + min(self.pause, longest)
        self.pause = min(2 * self.pause, _BACKOFF_SECONDS[1])
        self.tries += 1

    def start_over(self) -> None:
        self.pause, self.due, self.tries = _BACKOFF_SECONDS[0], 0.0, 0


class _Writer:
    def __init__(self, uri: str, work: Path, orders: Orders) -> None:
        self._uri = uri
        self._work = work
        self._orders = orders
        self._waiting: dict[Path, _Patience] = {}
        self._idle: dict[Path, int] = {}  # runs to come and runs that ended, with the size of their journals
        self._idle_due = 0.0
        self._projections: dict[Path, Projection] = {}
        self._ended: set[Path] = set()  # runs that ended, while the sweeps above them have not
        self._tree: Tree | None = None
        self._token = ""
        self._store_patience = _Patience()
        self.pulse = Pulse()
        self._deadline: float | None = None
        self._own_faults: dict[Path, str] = {}  # of runs that cannot be sent now, for a reason of their own
        self._passed_over: set[Path] = set()
        self._dead_parent = 0
        self._file: tuple[int, int] | None = None
        self._is_settled = False
        self.error: str | None = None

    def run(self) -> int:
        """Write until told to stop; how many runs are left unsent."""
        while True:
            for order in self._orders.take(0.0 if self._deadline and self._has_work() else _POLL_SECONDS):
                self._obey(order)
            self._wake()
            self._notice_another_store()
            if self._connected():
                self._send()
            if self._deadline is not None and (self._is_done() or time.monotonic() > self._deadline):
                return self.left

    @property
    def left(self) -> int:
        """How many runs are unsent."""
        return len(self._waiting) + len(self._passed_over)

    def should_give_up(self) -> bool:
        """Whether nobody should be kept waiting: the store is away, or it is over, whatever is waited for."""
        self._orders.notice_death()
        now, when = time.monotonic(), self._orders.giving_up
        ends = [end for end in (self._orders.ending, self._deadline) if end is not None]
        if ends and now > min(ends) + _GRACE_SECONDS:
            return True
        return when is not None and now >= when and self.pulse.is_lost()

    def why(self) -> str | None:
        """What went wrong, as a sentence."""
        if self.error is None and not self.pulse.is_failing and self.pulse.is_lost():
            return "it takes requests and does not answer"
        if self.error is None and self._own_faults:
            return of_runs({run_dir.name: why for run_dir, why in sorted(self._own_faults.items())})
        ends = self._orders.ending
        if self.error is None and self.left and ends is not None and time.monotonic() > ends:
            return "it did not take everything in time"
        return self.error

    def stop(self) -> None:
        """Send what is there once more, and end."""
        self._deadline = min(self._deadline or float("inf"), time.monotonic() + _LAST_SECONDS)

    def _obey(self, order: dict[str, Any]) -> None:
        if "watch" in order:
            self._wait_for(Path(order["watch"]))
        elif "close" in order:
            self._hurry()
        elif "orphan" in order and self._deadline is None:
            self._dead_parent = int(order["orphan"])
            self._hurry()

    def _hurry(self) -> None:
        """Turn to the end: what failed is tried once more, at once."""
        self._deadline = self._orders.ending
        self._idle_due = 0.0
        for patience in (self._store_patience, *self._waiting.values()):
            patience.start_over()

    def _wait_for(self, run_dir: Path) -> None:
        self._idle.pop(run_dir, None)
        self._waiting.setdefault(run_dir, _Patience())
        self._is_settled = False

    def _wake(self) -> None:
        """Turn to idle runs whose journal grew; a look costs microseconds a run, and there may be thousands."""
        if time.monotonic() < self._idle_due:
            return
        self._idle_due = time.monotonic() + len(self._idle) * _IDLE_SECONDS
        for run_dir in [run_dir for run_dir, size in self._idle.items() if _journal_size(run_dir) != size]:
            self._wait_for(run_dir)

    def _has_work(self) -> bool:
        now = time.monotonic()
        return self._store_patience.due <= now and any(patience.due <= now for patience in self._waiting.values())

    def _connected(self) -> bool:
        if self._tree is not None:
            return True
        if time.monotonic() < self._store_patience.due:
            return False
        try:
            # Slow where MLflow is imported: the thread that takes orders listens meanwhile.
            from dlrun.tracking.schema import connect
            from dlrun.tracking.sqlbackend import SqlBackend
            from dlrun.tracking.tree import Tree

            found = connect(self._uri, self._work, self.pulse)
            # SQL on a file waits 2 s at most, and requests to a server are heard one by one
            backend = found if isinstance(found, SqlBackend) or is_server(self._uri) else heard(found, self.pulse)
            self._token, self._file = token(self._uri), _file_of(self._uri)
            self._bury(backend)
            self._tree = Tree(backend, self._uri, self._work, self.pulse)
        except Exception as error:  # noqa: BLE001  # whatever the store's libraries raise, the runs go on without it
            self._fault("the store cannot be opened", error, self._store_patience)
            return False
        self._store_patience.start_over()
        self.pulse.succeeded()
        self.error = None
        return True

    def _bury(self, backend: Backend) -> None:
        """Have the store delete what was deleted here, before a run that is trained anew is looked for there."""
        for tombstone in tombstones(self._work, self._token):
            held = backend.run(tombstone.mlflow_run_id)
            if held is not None and tombstone.run in ("", held.tags.get("dlrun.run_id")):  # a note may have been copied
                backend.delete_run(tombstone.mlflow_run_id)
            tombstone.path.unlink(missing_ok=True)

    def _notice_another_store(self) -> None:
        """Begin anew where the store's file was deleted or replaced: what is written to the old one is lost."""
        if self._tree is None or _file_of(self._uri) == self._file:
            return
        for projection in self._projections.values():
            projection.release()
        for run_dir in [*self._projections, *self._idle]:
            self._wait_for(run_dir)
        self._projections.clear()
        self._ended.clear()
        self._tree, self._is_settled = None, False

    def _send(self) -> None:
        for run_dir, patience in list(self._waiting.items()):
            if self._deadline is not None and time.monotonic() > self._deadline:
                return
            if time.monotonic() >= patience.due:
                self._send_one(run_dir, patience)
        if self._deadline is not None and not self._waiting and not self._is_settled:
            self._settle()

    def _send_one(self, run_dir: Path, patience: _Patience) -> None:
        size = _journal_size(run_dir)
        projection = self._projections.get(run_dir)
        if projection is None and not is_pending(run_dir, self._token):
            self._rest(run_dir, size)
            return
        projection = projection or self._begin(run_dir)
        try:
            is_ours = projection.step()
            if is_ours and self._deadline is not None:
                projection.interrupt_if_orphaned(self._dead_parent)
        except Exception as error:  # noqa: BLE001  # as above: the journal keeps it, and it is tried again
            self._fault(f"{run_dir.name} could not be recorded", error, patience, run_dir)
            return
        self.pulse.succeeded()
        if not is_ours:
            self._try_later(run_dir, "another command is recording it", patience)
            return
        patience.start_over()
        self._own_faults.pop(run_dir, None)
        if projection.has_ended or self._deadline is not None:
            # Ended, or nothing more will come: what is in its journal is in the store.
            if projection.has_ended:
                self._ended.add(run_dir)
            self._rest(run_dir, size)
            self.error = None

    def _begin(self, run_dir: Path) -> Projection:
        from dlrun.tracking.project import Projection

        assert self._tree is not None
        self._projections[run_dir] = Projection(run_dir, self._tree, self._token)
        return self._projections[run_dir]

    def _rest(self, run_dir: Path, size: int) -> None:
        """Turn to a run again once its journal is of another size."""
        self._let_go(run_dir)
        self._own_faults.pop(run_dir, None)
        self._idle[run_dir] = size

    def _let_go(self, run_dir: Path) -> None:
        if (projection := self._projections.pop(run_dir, None)) is not None:
            projection.release()
        del self._waiting[run_dir]

    def _try_later(self, run_dir: Path, why: str, patience: _Patience) -> None:
        """Note why a run cannot be sent now, while others can; at the end it is passed over in time."""
        patience.after_fault(self._longest_pause)
        self._own_faults[run_dir] = why
        if self._deadline is not None and patience.tries >= _TRIES:
            self._let_go(run_dir)
            self._passed_over.add(run_dir)

    def _settle(self) -> None:
        assert self._tree is not None
        if time.monotonic() < self._store_patience.due:
            return
        try:
            unsettled = self._tree.close()
        except Exception as error:  # noqa: BLE001  # as above
            self._fault("the sweep could not be ended in the store", error, self._store_patience)
            return
        self.pulse.succeeded()
        self.error = None
        if unsettled and self._store_patience.tries < _TRIES:
            self._store_patience.after_fault(_LAST_PAUSE_SECONDS)
            return
        while self._ended:
            self._note_end(self._ended.pop(), unsettled)
        self._is_settled = True

    def _note_end(self, run_dir: Path, unsettled: Mapping[str, str]) -> None:
        """Note that all is done for a run that has ended, unless its sweep could not be settled."""
        why = unsettled.get(run_dir.name)
        if why is None:
            try:
                note_settled(run_dir, self._token)
            except OSError as error:
                why = told(error)
        if why is not None:
            self._own_faults[run_dir] = why
            self._passed_over.add(run_dir)

    def _is_done(self) -> bool:
        return not self._waiting and self._tree is not None and self._is_settled

    @property
    def _longest_pause(self) -> float:
        return _BACKOFF_SECONDS[1] if self._orders.giving_up is None else _LAST_PAUSE_SECONDS

    def _fault(self, what: str, error: Exception, patience: _Patience, run_dir: Path | None = None) -> None:
        """Note what went wrong; `run_dir` is the run that was being sent."""
        _log.warning("%s (try %d)", what, patience.tries + 1, exc_info=error)
        if run_dir is not None and is_of_run(error):
            self._try_later(run_dir, told(error), patience)
            return
        patience.after_fault(self._longest_pause)
        self.error = told(error)
        if self._tree is None or not is_of_run(error):
            self.pulse.failed(is_busy=is_busy(error))


def main() -> int:
    """Run the writer; see the module."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles it, and says when to end
    os.nice(_NICE)
    orders = Orders()
    first = orders.first()
    if not first:
        return 0
    secrets = Secrets(first.get("secrets", {}))
    _be_quiet(secrets)
    writer = _Writer(first["uri"], Path(first["work"]), orders)
    if is_server(first["uri"]):
        hear_requests(writer.pulse)

    def on_terminate(signum: int, frame: FrameType | None) -> None:
        writer.stop()

    signal.signal(signal.SIGTERM, on_terminate)
    answer, log = Answer(secrets), Path(first["log"])
    threading.Thread(target=_guard, args=(writer, answer, log), daemon=True).start()
    left = writer.run()
    answer.give(left, writer.why())
    _tidy(log)
    return 1 if left or writer.error else 0


def _guard(writer: _Writer, answer: Answer, log: Path) -> None:
    """End the process once there is no use in waiting for the store, whatever the other thread is waiting for.

    To be killed at any instant costs nothing: what was not sent is in the journals.
    """
    while not writer.should_give_up():
        time.sleep(0.1)
    answer.give(writer.left, writer.why())
    _tidy(log)
    os._exit(1)


def _be_quiet(secrets: Secrets) -> None:
    """Log what goes wrong and nothing else; libraries quote addresses in what they raise, so secrets are hidden."""
    sys.stderr = HidingStream(sys.stderr, secrets)
    warnings.simplefilter("ignore")
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(message)s")
    for name in ("alembic", "sqlalchemy"):
        logging.getLogger(name).setLevel(logging.ERROR)


def _tidy(log: Path) -> None:
    """A log in which nothing was written is not left behind."""
    if log.is_file() and log.stat().st_size == 0:
        log.unlink()


def _file_of(uri: str) -> tuple[int, int] | None:
    """What tells the store's file from another one of its name; None where it is no file, or gone."""
    path = database(uri)
    try:
        return None if path is None else (path.stat().st_dev, path.stat().st_ino)
    except OSError:
        return None


def _journal_size(run_dir: Path) -> int:
    try:
        return (run_dir / JOURNAL).stat().st_size
    except OSError:
        return 0


if __name__ == "__main__":
    sys.exit(main())
