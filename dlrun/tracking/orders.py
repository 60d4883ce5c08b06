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
_ORPHAN_SECONDS = 60.0  # how long a writer whose parent died goes on trying


class Orders:
    """What the parent says, read by a thread so that the pipe never fills, not even while MLflow is imported.

    Attributes:
        giving_up: when (`time.monotonic`) a store that is away is waited for no longer; None before the order to close.
        ending: when all is to be over, done or not; None before that order, or the parent's death.
    """

    def __init__(self) -> None:
        self._lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._parent = os.getppid()
        self.giving_up: float | None = None
        self.ending: float | None = None
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        for line in sys.stdin.buffer:
            if line.startswith(b'{"close"'):  # noted here: the other thread may be waiting for the store
                order, now = json.loads(line), time.monotonic()
                self.giving_up = now + float(order.get("give_up", _GIVE_UP_SECONDS))
                self.ending = now + float(order["close"])
            self._lines.put(line)
        self.notice_death(has_hung_up=True)
        self._lines.put(None)

    def notice_death(self, *, has_hung_up: bool = False) -> None:
        """Set the end once the parent is gone; a process that inherited the pipe may keep that open longer."""
        if self.ending is None and (has_hung_up or os.getppid() != self._parent):
            self.ending = time.monotonic() + _ORPHAN_SECONDS

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
            self.notice_death()
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
