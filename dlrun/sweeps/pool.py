"""The pool: hands runs to workers, and stands in for those that die."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from multiprocessing.connection import wait
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlrun.config.catalog import Catalog
from dlrun.errors import DlrunError, RunFailed
from dlrun.sweeps.handle import Handle
from dlrun.sweeps.losses import half_of, is_tried_again, write_off
from dlrun.sweeps.output import move_to_log
from dlrun.sweeps.queueing import Order, Queue
from dlrun.sweeps.size import START_SECONDS, Crew, is_worth_one_more
from dlrun.sweeps.worker import Begun, Ended, Post, Ready
from dlrun.training.causes import cause, cause_of
from dlrun.training.interrupts import Deadline
from dlrun.training.rundir import RunDirectory

if TYPE_CHECKING:
    from dlrun.sweeps.watcher import Watcher

__all__ = ["Pool", "Site"]

_SECONDS_BETWEEN_LOOKS = 0.25
_PAUSE_SECONDS = 3.0  # between two looks: the whole command stood still
_GRACE_SECONDS = 5.0  # for a run to end by itself when its time is up, after a checkpoint
_STOP_SECONDS = 20.0  # for the runs in hand to write a checkpoint; a block of steps takes about one
_MOST_STILLBORN = 3  # workers that die before they take a run, one after another: then none will live


@dataclass(frozen=True)
class Site:
    """What a pool works for.

    Attributes:
        folder: of the sweep; what workers print lies below it while they work.
        catalog: where options are looked up.
        launcher: the keys of `launcher=pool`.
        watcher: told what becomes of the runs.
    """

    folder: Path
    catalog: Catalog
    launcher: Mapping[str, Any]
    watcher: Watcher

    def directory(self, order: Order) -> RunDirectory:
        """Of a run."""
        return RunDirectory(self.catalog.roots.work / "runs" / order.job.id)


class Pool:
    """Trains runs in worker processes.

    Args:
        orders: what to train.
        crew: how many workers, and what each may take.
    """

    def __init__(self, site: Site, orders: list[Order], crew: Crew) -> None:
        self._site = site
        self._queue = Queue(orders)
        self._known = {order.job.id for order in orders}
        self._crew = crew
        self._workers: list[Handle] = []
        self._errors: dict[str, DlrunError] = {}
        self._hired = self._stillborn = 0
        self._seconds: float | None = None
        self._looked = time.monotonic()

    def run(self) -> dict[str, DlrunError]:
        """Train all; returns the errors that are the call's and no result of a run, by run.

        Raises:
            KeyboardInterrupt: a signal has ended it, after a checkpoint of each run in hand.
            DlrunError: workers cannot be started, or do not live.
        """
        try:
            while len(self._queue) or self._busy():
                self._employ()
                self._listen()
                self._police()
        except BaseException:
            self._stop()
            raise
        finally:
            self._close()
        return self._errors

    def _busy(self) -> list[Handle]:
        return [worker for worker in self._workers if worker.order is not None]

    def _employ(self) -> None:
        """Hand out runs, to the workers there are and to new ones while these are worth their start."""
        for worker in [worker for worker in self._workers if worker.order is None]:
            if len(self._queue) and not self._give(worker):  # what waits needs other settings
                self._retire(worker)
        while len(self._queue) and len(self._workers) < self._crew.most and self._wants_one_more():
            self._hire()

    def _hire(self) -> None:
        gpus = self._crew.gpus
        gpu = gpus[self._hired % len(gpus)] if gpus else None
        output = self._site.folder / "workers" / f"{self._hired}.txt"
        self._hired += 1
        try:
            limit = self._site.launcher["trial_timeout"]
            worker = Handle(Post(self._site.catalog.roots, output, gpu, dict(os.environ), limit))
        except OSError as error:
            if not self._workers:
                text = f"No worker can be started: {_readable(error)}. launcher.jobs=0 does without."
                raise RunFailed(text) from error
            self._crew = replace(self._crew, most=len(self._workers))  # those that live have to do
            self._site.watcher.say(f"{len(self._workers)} of the workers is all there will be: {_readable(error)}")
            return
        self._workers.append(worker)
        self._give(worker)

    def _wants_one_more(self) -> bool:
        if self._crew.is_asked:
            return True
        busy = self._busy()
        beyond_start = max((worker.elapsed for worker in busy), default=0.0) - START_SECONDS
        seen = self._seconds if beyond_start <= 0 else max(self._seconds or 0.0, beyond_start)
        return is_worth_one_more(len(self._queue), len(busy), seen)

    def _give(self, worker: Handle) -> bool:
        """Hand a worker the next run, one that no other command is at if there is such; False where none suits it."""
        held = {other.order.likeness for other in self._busy() if other.order is not None}
        elsewhere: list[Order] = []
        while (order := self._queue.take(worker.settings, worker.known, held)) is not None:
            if not self._site.directory(order).is_owned():
                break
            elsewhere.append(order)
        waits = order is None and bool(elsewhere)
        if waits:
            order = elsewhere.pop(0)
            self._site.watcher.say(f"{order.job.start['name']} is being trained by another command: it is waited for")
        for other in elsewhere:
            self._queue.put(other)
        if order is not None:
            worker.give(order, waits)
        return order is not None

    def _listen(self) -> None:
        """Hear what workers say for a moment, and find those that have died."""
        ends: dict[Any, Handle] = {worker.pipe: worker for worker in self._workers}
        ends |= {worker.process.sentinel: worker for worker in self._workers if not worker.is_forsaken}
        ready = [ends[end] for end in wait(list(ends), _SECONDS_BETWEEN_LOOKS)]
        for worker in dict.fromkeys([*ready, *(worker for worker in self._workers if worker.is_forsaken)]):
            try:
                for message in worker.messages():
                    self._hear(worker, message)
                    if worker not in self._workers:  # it was told to go, and says no more
                        break
                else:
                    self._look_after(worker)
            except EOFError:
                self._workers.remove(worker)
                self._died(worker)

    def _look_after(self, worker: Handle) -> None:
        """A worker has said nothing more.

        Raises:
            EOFError: it has died.
        """
        if not worker.is_alive():
            raise EOFError
        if not worker.is_forsaken and wait([worker.process.sentinel], 0):  # yet that says it is dead
            worker.is_forsaken = True  # only the server has died

    def _hear(self, worker: Handle, message: Any) -> None:
        match message:
            case Ready():
                worker.is_ready, self._stillborn = True, 0
            case Begun(attempt):
                worker.begins(attempt)
                assert worker.order is not None
                self._site.watcher.begun(worker.order.job.id, attempt)
            case Ended(error):
                self._ended(worker, error)

    def _ended(self, worker: Handle, error: DlrunError | None) -> None:
        order = worker.put_down()
        self._seconds = worker.seconds or self._seconds
        if error is not None:
            self._errors[order.job.id] = error
        result = self._site.directory(order).result()
        if error is not None and (result is None or result.status != "failed"):  # not even that could be written
            self._site.watcher.lost(order.job.id, cause_of(error), worker.attempt, False)
        else:
            self._site.watcher.look_at(order.job.id)
        kind = None if result is None or result.status != "failed" else (result.cause or {}).get("kind")
        if kind == "out_of_memory":
            self._halve(order)
        if kind == "out_of_memory" or worker.has_outgrown(self._crew.worker_bytes):
            self._retire(worker)

    def _retire(self, worker: Handle) -> None:
        self._workers.remove(worker)
        worker.dismiss()
        worker.bury()

    def _died(self, worker: Handle) -> None:
        """A worker is gone. Whoever killed it, the run in its hands goes on elsewhere or has failed."""
        worker.kill()  # where only the process between died that would have told
        worker.bury()
        if worker.order is None:
            return
        order, because = worker.put_down(), worker.cause_of_death()
        directory = self._site.directory(order)
        if not worker.is_ready:
            self._queue.put(order, first=True)
            self._stillbirth(worker)
            return
        move_to_log(worker.post.output, directory)
        if (done := directory.result()) is not None and done.is_final:
            self._site.watcher.look_at(order.job.id)
            return
        order.crashes += 1
        again = is_tried_again(because, order, self._site.launcher)
        if again:
            self._queue.put(order, first=True)
        else:
            write_off(directory, order.job, because)
        self._site.watcher.lost(order.job.id, because, worker.attempt, again)
        if because["kind"] == "out_of_memory":
            self._halve(order)

    def _stillbirth(self, worker: Handle) -> None:
        self._stillborn += 1
        if self._stillborn >= _MOST_STILLBORN:
            said = ""
            with contextlib.suppress(OSError):
                said = worker.post.output.read_text(encoding="utf-8", errors="replace")[-2000:]
            raise RunFailed(f"Workers die before they take a run: {worker.cause_of_death()['message']}.\n{said}")

    def _halve(self, order: Order) -> None:
        """Add the same run with half the batch, where the user allows it and it is not there already."""
        if not self._site.launcher["halve_batch"]:
            return
        half = half_of(order, self._site.catalog)
        if half is None or half.job.id in self._known:
            return
        self._known.add(half.job.id)
        self._site.watcher.added(half.job.id, order.job.id, str(half.job.start["name"]))
        self._queue.put(half, first=True)

    def _police(self) -> None:
        """End what takes too long or too much."""
        limit, most = self._site.launcher["trial_timeout"], self._crew.worker_bytes
        pause, self._looked = time.monotonic() - self._looked, time.monotonic()
        for worker in self._busy():
            if pause > _PAUSE_SECONDS:
                worker.forgive(pause)
            if limit is not None and not worker.waits and worker.elapsed > limit + _GRACE_SECONDS:
                worker.kill(cause("timeout", str(Deadline(limit).end)))
            elif most is not None and (taken := worker.bytes()) > most:
                text = f"its worker took {taken / 1e9:.2f} GB, and launcher.worker_memory leaves it {most / 1e9:.2f} GB"
                worker.kill(cause("out_of_memory", text))

    def _stop(self) -> None:
        """Have the runs in hand write a checkpoint and end; a second Ctrl-C ends them at once."""
        if busy := self._busy():
            runs = "a run writes its checkpoint" if len(busy) == 1 else f"{len(busy)} runs write their checkpoints"
            self._site.watcher.say(f"stopping: {runs}; Ctrl-C again ends at once")
        for worker in self._workers:
            worker.ask_to_stop()
        deadline = time.monotonic() + _STOP_SECONDS
        try:
            while any(worker.is_alive() for worker in self._workers) and time.monotonic() < deadline:
                time.sleep(_SECONDS_BETWEEN_LOOKS / 10)
        finally:
            for worker in self._workers:
                if worker.is_alive():
                    worker.kill()

    def _close(self) -> None:
        for worker in self._workers:
            worker.dismiss()
        for worker in self._workers:
            worker.bury()
            if worker.order is not None:
                move_to_log(worker.post.output, self._site.directory(worker.order))
                self._site.watcher.look_at(worker.order.job.id)
        _tidy(self._site.folder / "workers")


def _readable(error: OSError) -> str:
    if "AF_UNIX path too long" in str(error):
        return "the path of TMPDIR is too long for a socket"
    return str(error)


def _tidy(folder: Path) -> None:
    """Take away what workers printed, when it has gone to the logs of runs; what has not stays."""
    with contextlib.suppress(OSError):
        for file in folder.iterdir():
            if file.stat().st_size == 0:
                file.unlink()
        folder.rmdir()
