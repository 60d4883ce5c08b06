"""Real stores that can be taken away: an MLflow server behind a proxy that spoils what it passes on, and PostgreSQL."""

from __future__ import annotations

import http.client
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from dlrun.tracking import children

READY_SECONDS = 90


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wait_until(condition: Callable[[], object], seconds: float = READY_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


class MlflowServer:
    """`mlflow server` on this machine, its runs in a sqlite file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.file = folder / "server.db"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        words = ["-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(self.port), "--workers", "1"]
        places = [
            "--backend-store-uri",
            f"sqlite:///{self.file}",
            "--artifacts-destination",
            str(self.folder / "files"),
        ]
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, *words, *places],
                cwd=self.folder,
                env=children.environment(),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_until(self._answers)

    def signal(self, number: int) -> None:
        """To the server and all its workers."""
        assert self._process is not None
        os.killpg(self._process.pid, number)

    def stop(self) -> None:
        if self._process is not None:
            self.signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self.folder / "server.log").read_text()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=1)
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


class Proxy:
    """Passes requests on to a server, or does what `mode` says instead.

    `pass`; `500`: answers that; `silent`: takes the request and never answers; `torn`: has the server do what is asked,
    and breaks off in the middle of its answer; `token`: passes on what carries the token, and else answers 401; `403`.
    """

    TOKEN = "a-token-of-the-test"

    def __init__(self, target: int, port: int | None = None) -> None:
        self.mode = "pass"
        self.port = port or free_port()
        self.seen = 0
        self._target = target
        self._server: ThreadingHTTPServer | None = None

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _answer(self) -> None:
                proxy.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            setattr(Handler, f"do_{method}", Handler._answer)
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        self.seen += 1
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        mode = self.mode
        if mode == "token":
            mode = "pass" if request.headers.get("Authorization") == f"Bearer {self.TOKEN}" else "401"
        if mode == "silent":
            while self.mode == "silent":
                time.sleep(0.1)
            request.close_connection = True
            return
        if mode in ("401", "403", "500"):
            self._send(request, int(mode), b"You are not authenticated." if mode == "401" else b"Permission denied")
            return
        status, content = self._pass_on(request, body)
        self._send(request, status, content, torn=mode == "torn")

    def _pass_on(self, request: BaseHTTPRequestHandler, body: bytes) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self._target, timeout=60)
        kept = {key: value for key, value in request.headers.items() if key.lower() not in ("host", "accept-encoding")}
        connection.request(request.command, request.path, body or None, kept)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, content

    def _send(self, request: BaseHTTPRequestHandler, status: int, content: bytes, *, torn: bool = False) -> None:
        request.send_response(status)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(content) + (100 if torn else 0)))
        request.end_headers()
        request.wfile.write(content)
        request.close_connection = torn


class Postgres:
    """A PostgreSQL cluster in a folder, run by a user who is not root: it refuses to be run by that one."""

    NEEDED = ("initdb", "pg_ctl")

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._data = folder / "data"
        self._user = self._other_user() if os.getuid() == 0 else None
        if self._user is not None:
            shutil.chown(folder, self._user)
            for parent in folder.parents[:4]:  # what pytest makes is closed to others
                if parent.stat().st_uid == 0 and parent != Path("/tmp"):
                    parent.chmod(parent.stat().st_mode | 0o011)
        self._call("initdb", "-D", str(self._data), "-U", "dlrun", "-A", "trust", "-E", "UTF8", "--no-sync")

    @property
    def uri(self) -> str:
        return f"postgresql://dlrun@127.0.0.1:{self.port}/postgres"

    @classmethod
    def missing(cls) -> str | None:
        """Why it cannot be tried here; None when it can."""
        absent = [name for name in cls.NEEDED if shutil.which(name) is None]
        if absent:
            return f"PostgreSQL is not installed: there is no {' and no '.join(absent)}"
        try:
            import psycopg  # noqa: F401
        except ImportError:
            return "the driver psycopg is not installed"
        if os.getuid() == 0 and cls._other_user() is None:
            return "PostgreSQL refuses to be run by root, and there is no user postgres or nobody"
        return None

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
        self._call("pg_ctl", "-D", str(self._data), "-o", options, "-l", str(self._data / "log"), "-w", "start")

    def stop(self) -> None:
        """As a machine that loses its power."""
        self._call("pg_ctl", "-D", str(self._data), "-m", "immediate", "-w", "stop", is_sure=False)

    def query(self, text: str) -> list[tuple[object, ...]]:
        import psycopg

        connection = psycopg.connect(self.uri)
        try:
            with connection.cursor() as cursor:
                cursor.execute(text)
                return list(cursor.fetchall())
        finally:
            connection.close()

    @staticmethod
    def _other_user() -> str | None:
        names = {entry.pw_name for entry in pwd.getpwall()}
        return next((name for name in ("postgres", "nobody") if name in names), None)

    def _call(self, *words: str, is_sure: bool = True) -> None:
        path = shutil.which(words[0])
        assert path is not None
        subprocess.run(
            [path, *words[1:]],
            check=is_sure,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            user=self._user,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C", "HOME": "/tmp"},
        )
