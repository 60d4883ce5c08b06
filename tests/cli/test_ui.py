"""`dlrun ui` as a process: it serves its own machine, refuses the rest, and leaves nothing behind."""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from dlrun.cli.ui import command
from dlrun.errors import ConfigError, StorageError
from dlrun.tracking.client import Writer
from dlrun.tracking.owner import is_alive
from dlrun.tracking.uiserver import UiServer, listen

_START = [sys.executable, "-c", "import sys; from dlrun.cli.main import main; sys.exit(main(['ui', '--no-browser']))"]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a store without runs."""
    work = tmp_path_factory.mktemp("ui")
    assert Writer.start({"option": "mlflow", "uri": None}, work).close(60).complete
    return work


@pytest.fixture
def served(project: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """The verb, running and ready, and its port."""
    process = subprocess.Popen(_START, cwd=project, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.search(r"http://127\.0\.0\.1:(\d+)", line)
    assert found, line + process.stdout.read()
    yield process, int(found.group(1))
    process.kill()
    process.communicate()


def _get(port: int, path: str, host: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.putrequest("GET", path, skip_host=True)
    connection.putheader("Host", host)
    connection.endheaders()
    response = connection.getresponse()
    return response.status, response.read()


def _asked(port: int, request: str, *headers: str) -> int:
    """The status of what is sent as it stands: no library mends its headers."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        lines = [f"{request} HTTP/1.1", *headers, "Content-Length: 0", "Connection: close", "", ""]
        connection.sendall("\r\n".join(lines).encode())
        answer = connection.makefile("rb").readline()
    return int(answer.split()[1])


HOSTS = [  # of strangers; PORT stands for the server's
    "10.evil.com",
    "10.evil.com:PORT",
    "192.168.evil.com:PORT",
    "evil.com",
    "localhost.evil.com:PORT",
    "127.0.0.1.evil.com:PORT",
    "127.0.0.1:PORT.evil.com",
    "127.0.0.1:PORT@evil.com",
    "user@127.0.0.1:PORT",
    "127.0.0.1.:PORT",
    "localhost.:PORT",
    "LOCALHOST:PORT",
    "[::1]:PORT",
    "[::ffff:127.0.0.1]:PORT",
    "0.0.0.0:PORT",
    "2130706433:PORT",  # 127.0.0.1 as one number
    "127.0.0.1",
    "127.0.0.1:1",
    "127.0.0.1:PORT, evil.com",
    "",
]
ORIGINS = [
    "null",
    "http://10.evil.com",
    "http://10.evil.com:PORT",
    "http://evil.com",
    "https://evil.com",
    "http://127.0.0.1.evil.com",
    "http://127.0.0.1.evil.com:PORT",
    "http://localhost.evil.com:PORT",
    "http://127.0.0.1:PORT.evil.com",
    "http://127.0.0.1:PORT@evil.com",
    "http://user@127.0.0.1:PORT",
    "http://127.0.0.1",
    "http://localhost:3000",
    "https://127.0.0.1:PORT",
    "http://[::1]:PORT",
    "http://LOCALHOST:PORT",
    "http://127.0.0.1:PORT/",
    "http://localhost.:PORT",
    "file://",
    "",
]
_READ = "/api/2.0/mlflow/experiments/search?max_results=1"
_CHANGES = [f"{method} /{api}/2.0/mlflow/runs/delete" for method in ("POST", "DELETE") for api in ("api", "ajax-api")]


def _let_in(port: int) -> list[str]:
    """What strangers got an answer to: 20 names of hosts and 20 origins, each with what it must not do."""
    own = f"Host: 127.0.0.1:{port}"
    wrong = []
    for host in (f"Host: {each.replace('PORT', str(port))}" for each in HOSTS):
        for request in ("GET /", f"GET {_READ}", f"GET /ajax-api{_READ[4:]}", _CHANGES[0]):
            wrong += [f"{request} {host}"] if _asked(port, request, host) != 403 else []
        for path in ("/health", "/version"):
            wrong += [f"{path} {host}"] if _asked(port, f"GET {path}", host) != 200 else []
    for origin in (f"Origin: {each.replace('PORT', str(port))}" for each in ORIGINS):
        wrong += [f"{request} {origin}" for request in _CHANGES if _asked(port, request, own, origin) != 403]
    for doubled in ((own, "Host: evil.com"), ("Host: evil.com", own)):  # 400: no server may take two
        wrong += [str(doubled)] if _asked(port, "GET /", *doubled) not in (400, 403) else []
    return wrong


def _children(parent: int) -> list[int]:
    found = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    return [int(pid) for pid, above in map(str.split, found.splitlines()) if int(above) == parent]


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def test_it_serves_refuses_and_leaves_nothing_after_ctrl_c(served: tuple[subprocess.Popen[str], int]) -> None:
    process, port = served
    status, page = _get(port, "/", f"127.0.0.1:{port}")
    assert status == 200
    assert b"MLflow" in page
    assert _get(port, "/api/2.0/mlflow/experiments/search?max_results=1", f"localhost:{port}")[0] == 200
    assert len(HOSTS) == len(ORIGINS) == 20
    assert _let_in(port) == []
    # The same requests get past the door from here: what answers then is MLflow, which misses a run's id.
    own, page = f"Host: localhost:{port}", f"Origin: http://localhost:{port}"
    assert _asked(port, _CHANGES[0], own) == _asked(port, _CHANGES[1], own, page) == 400
    children = _children(process.pid)
    assert children
    process.send_signal(signal.SIGINT)
    assert process.wait(15) == 0
    assert _is_free(port)
    assert not any(map(is_alive, children))


def test_killed_it_takes_the_server_along(served: tuple[subprocess.Popen[str], int]) -> None:
    process, port = served
    children = _children(process.pid)
    process.kill()
    deadline = time.monotonic() + 15
    while any(map(is_alive, children)) or not _is_free(port):
        assert time.monotonic() < deadline, "the server outlived its parent"
        time.sleep(0.1)


def test_a_server_that_answers_strangers_is_stopped(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(UiServer, "_status", lambda self, host, path, origin=None, method="GET": 200)
    server = UiServer(f"sqlite:///{project}/mlflow.db", project, listen(None))
    with pytest.raises(StorageError, match="answered a stranger"), server:
        server.wait_until_ready()
    assert server._process.returncode is not None
    assert _is_free(server.port)


def test_a_busy_machine_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that timed out is no answer to a stranger."""
    answers = [None, 200, *[each for _ in range(40) for each in (None, 403)]]
    monkeypatch.setattr(UiServer, "_status", lambda self, *words: answers.pop(0))
    server = UiServer.__new__(UiServer)
    server.port, server._process = 5000, SimpleNamespace(poll=lambda: None)  # type: ignore[assignment]
    server.wait_until_ready()
    server._process = SimpleNamespace(poll=lambda: 1)  # type: ignore[assignment]
    monkeypatch.setattr(UiServer, "_last_error", lambda self: "it broke")
    answers.insert(0, None)
    with pytest.raises(StorageError, match="did not start: it broke"):
        server.wait_until_ready()


def test_without_a_store_it_says_what_makes_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    error = CliRunner().invoke(command, ["--no-browser"]).exception
    assert isinstance(error, StorageError)
    assert str(error).startswith("There is no store yet")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_store_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mlflow.db").write_text("no database" * 100)
    error = CliRunner().invoke(command, ["--no-browser"]).exception
    assert isinstance(error, ConfigError)
    assert "no sqlite database" in str(error)


def test_a_taken_port_is_named(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    with listen(None) as taken:
        port = taken.getsockname()[1]
        error = CliRunner().invoke(command, ["--no-browser", "--port", str(port)]).exception
        assert isinstance(error, StorageError)
        assert str(error).startswith(f"Port {port} is taken")


def test_a_server_has_a_ui_of_its_own() -> None:
    result = CliRunner().invoke(command, ["--store", "http://me:secret@host:5000"], standalone_mode=False)
    assert "http://me:***@host:5000" in result.output
    assert os.environ.get("MLFLOW_TRACKING_URI") is None
