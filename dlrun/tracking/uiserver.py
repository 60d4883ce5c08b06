"""Start MLflow's UI on a store, see that it is closed to strangers, and leave nothing behind. Never imports MLflow."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from dlrun.errors import StorageError
from dlrun.tracking import children
from dlrun.tracking.guard import ADDRESS, REFUSED_PATHS, SETTINGS

__all__ = ["UiServer", "listen"]

_READY_SECONDS = 90.0
_STOP_SECONDS = 5.0
_SEARCH_PORTS = 100


def listen(port: int | None) -> socket.socket:
    """A socket that listens on loopback: on `port`, or on the first free one from 5000.

    Raises:
        StorageError: the port is taken.
    """
    candidates = range(5000, 5000 + _SEARCH_PORTS) if port is None else (port,)
    for candidate in candidates:
        # No SO_REUSEADDR: it would let two programs share the port on some systems.
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            listener.bind((ADDRESS, candidate))
            listener.listen(128)
        except OSError:
            listener.close()
        else:
            return listener
    if port is None:
        raise StorageError(f"All ports from 5000 to {5000 + _SEARCH_PORTS - 1} are taken; name another with --port")
    raise StorageError(f"Port {port} is taken. Leave out --port for the first free one, or name another")


class UiServer:
    """A running UI. Use it as a context: leaving it, however that comes about, ends every process of it.

    Args:
        uri: the store.
        artifacts: the folder for the files of a new experiment.
        listener: as `listen` gives it; the UI is served there.
    """

    def __init__(self, uri: str, artifacts: Path, listener: socket.socket) -> None:
        self.port = int(listener.getsockname()[1])
        self.url = f"http://{ADDRESS}:{self.port}"
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  # lives as long as the process that writes it
        self._process = subprocess.Popen(
            children.command("dlrun.tracking.server"),
            stdin=subprocess.PIPE,
            stdout=self._errors,
            stderr=self._errors,
            env=children.environment(SETTINGS),
            pass_fds=(listener.fileno(),),
            process_group=0,  # so that nothing it starts outlives it
        )
        orders = {"uri": uri, "artifacts": artifacts.as_uri(), "port": self.port, "socket": listener.fileno()}
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # it died: `wait_until_ready` says why
            self._process.stdin.write(json.dumps(orders).encode() + b"\n")
            self._process.stdin.flush()
        listener.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def wait_until_ready(self) -> None:
        """Wait until it answers, and make sure that it answers nobody else.

        Raises:
            StorageError: it did not start, or a stranger got in.
        """
        deadline = time.monotonic() + _READY_SECONDS
        # The socket listens from the first moment: a request waits there until the server is up.
        while self._answer(deadline, f"{ADDRESS}:{self.port}", "/health") != 200:
            self._go_on_before(deadline)
        for method, host, path, origin in self._strangers():
            status = self._answer(deadline, host, path, origin, method)
            if status != 403:
                raise StorageError(
                    f"MLflow's UI answered a stranger ({method} {path} for Host {host}, Origin {origin}: {status}), "
                    "so it was stopped: another web page could have read the store"
                )

    def wait(self) -> int:
        """Wait until it ends by itself; its exit code."""
        return self._process.wait()

    def stop(self) -> None:
        """End it with everything it started: politely, then for certain."""
        assert self._process.stdin is not None
        with suppress(OSError):
            self._process.stdin.close()
        self._signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_STOP_SECONDS)
        self._signal(signal.SIGKILL)
        self._process.wait()
        self._errors.close()

    def _signal(self, number: int) -> None:
        with suppress(ProcessLookupError, PermissionError):  # macOS says the latter of a group that has ended
            os.killpg(self._process.pid, number)

    def _strangers(self) -> Iterator[tuple[str, str, str, str | None]]:
        """Requests that must be refused: a method, a Host, a path, an Origin."""
        own, api = f"{ADDRESS}:{self.port}", "/api/2.0/mlflow/experiments/search?max_results=1"
        for host in ("evil.example", f"evil.example:{self.port}", "10.evil.com", f"192.168.evil.example:{self.port}"):
            for path in ("/", api):
                yield "GET", host, path, None
        for host in (ADDRESS, f"localhost:{self.port + 1}", f"{own}.evil.example"):
            yield "GET", host, api, None
        for origin in ("http://evil.example", "null", f"http://localhost:{self.port + 1}"):
            yield "GET", own, api, origin
            for prefix in ("/api", "/ajax-api"):  # without a body: nothing would come of it even if it got in
                yield "POST", own, f"{prefix}/2.0/mlflow/runs/delete", origin
        for path in REFUSED_PATHS:
            yield "GET", own, path, None

    def _answer(self, deadline: float, host: str, path: str, origin: str | None = None, method: str = "GET") -> int:
        """The status that a request gets, asked again while a busy machine leaves it without an answer.

        Raises:
            StorageError: the server has ended, or the deadline has passed.
        """
        while (status := self._status(host, path, origin, method)) is None:
            self._go_on_before(deadline)
        return status

    def _go_on_before(self, deadline: float) -> None:
        if self._process.poll() is not None or time.monotonic() > deadline:
            raise StorageError(f"MLflow's UI did not start: {self._last_error()}")
        time.sleep(0.05)

    def _status(self, host: str, path: str, origin: str | None = None, method: str = "GET") -> int | None:
        """The status that a request gets; None while nobody answers."""
        connection = http.client.HTTPConnection(ADDRESS, self.port, timeout=1)
        try:
            connection.putrequest(method, path, skip_host=True)
            connection.putheader("Host", host)
            if origin is not None:
                connection.putheader("Origin", origin)
            connection.endheaders()
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def _last_error(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"it did not answer within {_READY_SECONDS:.0f} s"
