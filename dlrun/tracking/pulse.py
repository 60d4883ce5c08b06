"""Whether the store answers: noted by the thread that asks it, read by one that must not wait for an answer in vain.

A command waits at its end for a store that is slow, not for one that is away. A store is away when it failed the last
time it was asked, or when a request has had no answer for seconds. A file may take as long as its size asks for; a
model, and what this machine does by itself, such as importing MLflow, any time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, cast

from dlrun.tracking.backend import Backend

__all__ = ["Pulse", "hear_requests", "heard"]

_ANSWER_SECONDS = 5.0  # a server that has answered before may be busy with somebody else
_FIRST_ANSWER_SECONDS = 3.0
_BUSY_SECONDS = 1.0  # how long other writers of a database may keep one waiting, after sqlite's own patience
_BYTES_A_SECOND = 250_000  # of a slow line
_ANY_TIME = frozenset({"log_model", "register"})


class Pulse:
    """What is known of a store from asking it."""

    def __init__(self) -> None:
        self._due: dict[object, tuple[float, float]] = {}  # MLflow sends files from several threads
        self._has_answered = False
        self._failing: float | None = None
        self._is_busy = False

    @contextmanager
    def asking(self, allowance: float = 0.0) -> Iterator[None]:
        """Around a request; `allowance` is how many seconds longer it may take than a small one."""
        request = object()
        self._due[request] = time.monotonic(), allowance
        try:
            yield
            self._has_answered = True
        finally:
            del self._due[request]

    def failed(self, *, is_busy: bool) -> None:
        """The store did not take something; `is_busy`: somebody else was writing it."""
        self._failing = self._failing or time.monotonic()
        self._is_busy = is_busy

    def succeeded(self) -> None:
        """It took something."""
        self._failing = None

    def is_lost(self) -> bool:
        """Whether there is no use in waiting for the store now."""
        now, failing = time.monotonic(), self._failing
        if failing is not None:
            return not self._is_busy or now - failing > _BUSY_SECONDS
        limit = _ANSWER_SECONDS if self._has_answered else _FIRST_ANSWER_SECONDS
        return any(now - asked > limit + allowance for asked, allowance in list(self._due.values()))

    @property
    def is_failing(self) -> bool:
        """Whether it failed when it was last asked; else a request is without an answer."""
        return self._failing is not None


class _Heard:
    """A store that is asked through a pulse."""

    def __init__(self, backend: Backend, pulse: Pulse) -> None:
        self._backend = backend
        self._pulse = pulse

    def __getattr__(self, name: str) -> Any:
        member = getattr(self._backend, name)
        return member if name in _ANY_TIME or not callable(member) else _asked(member, self._pulse)


def heard(backend: Backend, pulse: Pulse) -> Backend:
    """`backend`, with `pulse` told of each request and its answer."""
    return cast(Backend, _Heard(backend, pulse))


def hear_requests(pulse: Pulse) -> None:
    """Have `pulse` told of every HTTP request of this process and its answer, those inside of MLflow's calls included.

    This is for the writer, a process of its own: it changes what `requests` does.
    """
    from requests.adapters import HTTPAdapter

    send = HTTPAdapter.send

    @wraps(send)
    def heard_send(adapter: HTTPAdapter, request: Any, *args: Any, **kwargs: Any) -> Any:
        size = int(request.headers.get("Content-Length") or 0)
        with pulse.asking(size / _BYTES_A_SECOND):
            return send(adapter, request, *args, **kwargs)

    HTTPAdapter.send = heard_send  # type: ignore[assignment, method-assign]


def _asked(ask: Callable[..., Any], pulse: Pulse) -> Callable[..., Any]:
    @wraps(ask)
    def call(*args: Any, **kwargs: Any) -> Any:
        with pulse.asking(sum(_size(given) for given in args if isinstance(given, Path)) / _BYTES_A_SECOND):
            return ask(*args, **kwargs)

    return call


def _size(path: Path) -> int:
    """Of a file, or of all that is in a folder, in bytes."""
    return sum(each.stat().st_size for each in (path, *path.rglob("*")) if each.is_file())
