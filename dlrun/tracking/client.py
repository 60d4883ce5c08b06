"""The trainer's side of tracking: starts the writer, tells it of runs, asks it at the end. Never imports MLflow.

    writer = Writer.start(spec["tracking"], work)     # before TensorFlow is imported: both start together
    writer.watch(run_dir)                             # of every run, before or after its first event
    report = writer.close(timeout=30)

Nothing here waits for the writer but `close`.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

from dlrun.tracking import children, state
from dlrun.tracking.secret import Secrets
from dlrun.tracking.store import tracking_uri

__all__ = ["Report", "Writer"]

_GRACE_SECONDS = 2.0  # for a writer that gave up at its own deadline to say so


@dataclass(frozen=True)
class Report:
    """How a command's tracking ended.

    Attributes:
        complete: whether the store has everything.
        pending: how many runs it has not got everything of; the next command sends the rest.
        error: what went wrong, as a sentence.
        uri: the store, without its password; empty when nothing is recorded.
    """

    complete: bool
    pending: int
    error: str | None
    uri: str


class Writer:
    """The writer process of one command. Made by `start`."""

    def __init__(
        self, uri: str, process: subprocess.Popen[bytes] | None, log: Path | None, secrets: Secrets | None = None
    ) -> None:
        self._uri = uri
        self._secrets = secrets or Secrets({})
        self._process = process
        self._log = log
        self._unsent = bytearray()
        self._watched: dict[Path, None] = {}

    @classmethod
    def start(cls, tracking: Mapping[str, Any], work: Path, secrets: Mapping[str, str] | None = None) -> Self:
        """Start the writer; with `tracking=none` there is none, and the other calls do nothing.

        Args:
            tracking: the spec's `tracking`, environment variables put in.
            work: where `runs/` lies.
            secrets: those variables, name to value: they are kept out of the writer's log and report.

        Raises:
            OSError: `runs/` cannot be made or written.
        """
        return cls.to(tracking_uri(tracking, work), work, secrets)

    @classmethod
    def to(cls, uri: str, work: Path, secrets: Mapping[str, str] | None = None) -> Self:
        """Start the writer of the store at `uri`; with an empty one there is none. Else as `start`."""
        if not uri:
            return cls("", None, None)
        runs = work.resolve() / "runs"
        runs.mkdir(parents=True, exist_ok=True)
        log = runs / f".writer-{os.getpid()}-{time.time_ns():x}.log"
        with log.open("wb") as errors:
            process = subprocess.Popen(
                children.command("dlrun.tracking.writer"),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd=work,
                env=children.environment(),
                process_group=0,  # Ctrl-C is this process's to handle: the writer ends when it is told to
            )
        writer = cls(uri, process, log, Secrets({**children.credentials(), **(secrets or {})}))
        os.set_blocking(writer._stdin.fileno(), False)
        # Through the pipe, not as an argument: a URI may hold a password, and arguments are everybody's to read.
        order = {"uri": uri, "work": str(work.resolve()), "log": str(log), "secrets": writer._secrets.values}
        writer._tell(order)
        return writer

    def watch(self, run_dir: Path) -> None:
        """Have the run in `run_dir` recorded. Call it at the start of every attempt, and for a run that is pending."""
        if self._process is None:
            return
        self._watched[run_dir.resolve()] = None
        self._tell({"watch": str(run_dir.resolve())})

    def close(self, timeout: float, *, give_up: float | None = None) -> Report:
        """Let the writer finish, and end it.

        Args:
            timeout: how many seconds to wait for a store that takes what it is given. What it has not got then stays
                in the journals.
            give_up: how many seconds to wait for one that is away; None for about one.
        """
        if self._process is None:
            return Report(complete=True, pending=0, error=None, uri=self._uri)
        self._tell({"close": timeout} | ({} if give_up is None else {"give_up": give_up}))
        deadline = time.monotonic() + timeout + _GRACE_SECONDS
        self._flush(deadline)
        error = self._last_words(deadline)
        self._end()
        pending = len(state.pending(self._watched, self._uri))
        if pending and error is None:
            error = "The tracking writer ended before it was done"
        if error is not None and self._log is not None and self._log.exists():
            error += f" (the writer's log: {self._log})"
        told, uri = None if error is None else self._secrets.hidden(error), self._secrets.hidden(self._uri)
        return Report(complete=not pending and error is None, pending=pending, error=told, uri=uri)

    def stop(self) -> None:
        """End it at once, without asking how far it came: what it has not sent stays in the journals."""
        if self._process is None:
            return
        self._end()
        if self._log is not None and self._log.exists() and not self._log.stat().st_size:
            self._log.unlink()

    @property
    def _stdin(self) -> IO[bytes]:
        assert self._process is not None and self._process.stdin is not None
        return self._process.stdin

    def _tell(self, message: Mapping[str, Any]) -> None:
        self._unsent += json.dumps(message).encode() + b"\n"
        self._pump()

    def _pump(self) -> bool:
        """Hand over what the pipe takes now; what it does not take waits here. Whether nothing is left."""
        try:
            while self._unsent:
                del self._unsent[: os.write(self._stdin.fileno(), self._unsent)]
        except BlockingIOError:
            return False
        except BrokenPipeError:  # it is dead: `close` says so
            self._unsent.clear()
        return True

    def _flush(self, deadline: float) -> None:
        while not self._pump() and time.monotonic() < deadline:
            select.select([], [self._stdin], [], 0.1)
        with suppress(OSError):
            self._stdin.close()
        if self._process is not None:
            self._process.stdin = None  # `communicate` would flush what is closed

    def _last_words(self, deadline: float) -> str | None:
        """The writer's own report; None when it is content."""
        assert self._process is not None
        try:
            output, _ = self._process.communicate(timeout=max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            return "The store did not answer in time"
        try:
            words: dict[str, str | None] = json.loads(output.splitlines()[-1])
        except (ValueError, IndexError):
            return f"The tracking writer died (exit code {self._process.returncode})"
        return words.get("error")

    def _end(self) -> None:
        """Leave no process: a writer killed at any instant costs nothing but what it had not sent."""
        assert self._process is not None
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
