"""A worker: a process that trains one run after another, as they are handed to it.

Takes `Job`s, and `Keep`s of them, from its pipe, until None or the end of it. Says `Ready` first, then `Begun` and
`Ended` for each. What it prints goes to a file, and from there to the log of the run that printed it.
"""

from __future__ import annotations

import contextlib
import faulthandler
import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from dlrun.config.catalog import Catalog
from dlrun.config.roots import Roots
from dlrun.errors import DlrunError, RunFailed, Terminated
from dlrun.job import Job
from dlrun.sweeps.output import move_to_log
from dlrun.sweeps.trained import train
from dlrun.training.interrupts import Deadline
from dlrun.training.rundir import RunDirectory

__all__ = ["Begun", "Ended", "Keep", "Post", "Ready", "serve"]

_OOM_SCORE = Path("/proc/self/oom_score_adj")
_GRACE_SECONDS = 7.0  # for a checkpoint, after the command has died


@dataclass(frozen=True)
class Post:
    """Where a worker works.

    Attributes:
        roots: where options are looked up and run directories lie.
        output: the file that takes what it prints.
        gpu: the one that it computes on, as CUDA_VISIBLE_DEVICES names it; None leaves it to TensorFlow.
        environment: the command's environment variables.
        trial_timeout: seconds that a run may take, from its beginning; None for as many as it likes.
    """

    roots: Roots
    output: Path
    gpu: str | None
    environment: Mapping[str, str]
    trial_timeout: float | None


@dataclass(frozen=True)
class Keep:
    """Make the model of a run that is over and has kept its weights alone."""

    job: Job


@dataclass(frozen=True)
class Ready:
    """It lives, and takes runs."""


@dataclass(frozen=True)
class Begun:
    """An attempt at the run in hand has begun, the `attempt`th of the run."""

    attempt: int


@dataclass(frozen=True)
class Ended:
    """The run in hand has ended: its result lies in its directory, unless there is an `error` of the call."""

    error: DlrunError | None = None


def serve(pipe: Connection, post: Post) -> None:
    """Train what comes through `pipe`: what a worker's process calls."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the command's to handle; it says SIGTERM
    signal.signal(signal.SIGTERM, _terminate)
    os.environ.clear()
    os.environ.update(post.environment)
    if post.gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = post.gpu
    _end_with_the_command()
    with contextlib.suppress(OSError):  # where memory runs out, Linux is to end a worker and not the command
        _OOM_SCORE.write_text("500")
    catalog = Catalog(post.roots)
    with contextlib.suppress(Terminated, EOFError, BrokenPipeError), _printing_to(post.output):
        pipe.send(Ready())
        while (order := pipe.recv()) is not None:
            job = order.job if isinstance(order, Keep) else order
            directory = RunDirectory(post.roots.work / "runs" / job.id)
            try:
                kept = isinstance(order, Keep)
                error = _kept(job, catalog) if kept else _error_of(job, catalog, pipe, post.trial_timeout)
                pipe.send(Ended(error))
            finally:
                move_to_log(post.output, directory)


def _error_of(job: Job, catalog: Catalog, pipe: Connection, timeout: float | None) -> DlrunError | None:
    """Train a run; what is wrong with the call or with dlrun, as an error that can be carried."""

    def tell(event: str, fields: Mapping[str, Any]) -> None:
        if event == "start":
            pipe.send(Begun(fields["attempt"]))
            if timeout is not None:
                signal.signal(signal.SIGALRM, Deadline(timeout))
                signal.setitimer(signal.ITIMER_REAL, timeout)

    try:
        came = train(job, catalog, tell)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
    return came if isinstance(came, DlrunError) else None


def _kept(job: Job, catalog: Catalog) -> DlrunError | None:
    from dlrun import pipeline

    try:
        pipeline.keep_model(job, catalog)
    except DlrunError as error:
        return error
    except Exception as error:  # noqa: BLE001 - a component of the user's own, say: told, and the sweep is none the worse
        traceback.print_exc()
        return RunFailed(f"{type(error).__name__}: {error}")
    return None


def _terminate(*_: object) -> None:
    raise Terminated


def _end_with_the_command() -> None:
    """Have this process end when the command has: after a checkpoint, if it can write one in time."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(_GRACE_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, name="command-watch", daemon=True).start()


@contextlib.contextmanager
def _printing_to(path: Path) -> Iterator[None]:
    """All that this process prints goes to the file at `path`, the last words of a crash too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab", buffering=0) as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
        faulthandler.enable(file=sys.stderr)
        yield
        sys.stdout.flush()
