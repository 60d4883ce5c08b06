"""What the writer and the command that started it say to each other, a JSON object a line."""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

from dlrun.tracking.secret import Secrets

__all__ = ["Answer", "Orders"]

_GIVE_UP_SECONDS = 0.8  # after the order to close, for a store that is away


class Orders:
    """What the parent says, read by a thread so that the pipe never fills, not even while MLflow is imported.

    Attributes:
        giving_up: when (`time.monotonic`) a store that is away is waited for no longer; None before the order to close.
    """

    def __init__(self) -> None:
        self._lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._parent = os.getppid()
        self.giving_up: float | None = None
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        for line in sys.stdin.buffer:
            if line.startswith(b'{"close"'):  # noted here: the other thread may be waiting for the store
                seconds = float(json.loads(line).get("give_up", _GIVE_UP_SECONDS))
                self.giving_up = time.monotonic() + seconds
            self._lines.put(line)
        self._lines.put(None)

    def first(self) -> dict[str, Any]:
        """The first order; empty when there is none."""
        line = self._lines.get()
        return json.loads(line) if line else {}

    def take(self, seconds: float) -> Iterator[dict[str, Any]]:
        """The orders that have come, waiting `seconds` for the first one."""
        try:
            line = self._lines.get(timeout=seconds)
            while True:
                yield {"orphan": self._parent} if line is None else json.loads(line)
                line = self._lines.get_nowait()
        except queue.Empty:
            # A process that inherited the pipe may keep it open beyond the parent's death.
            if os.getppid() != self._parent:
                yield {"orphan": self._parent}


class Answer:
    """The writer's last words, given once: by the thread that writes, or by the one that sees no use in it."""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets
        self._turn = threading.Lock()

    def give(self, pending: int, error: str | None) -> None:
        """Say how many runs are left unsent, and why; a second call never returns."""
        self._turn.acquire()  # for ever: who comes second waits for the end of the process
        told = None if error is None else self._secrets.hidden(error)
        try:
            print(json.dumps({"pending": pending, "error": told}), flush=True)  # noqa: T201  # the answer
        except BrokenPipeError:  # nobody is left to hear it
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
