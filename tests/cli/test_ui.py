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
    for path in ("/", "/health", "/version", "/api/2.0/mlflow/experiments/search?max_results=1"):
        assert _get(port, path, "10.evil.com")[0] == 403
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
    monkeypatch.setattr(UiServer, "_status", lambda self, host, path, origin=None: 200)
    server = UiServer(f"sqlite:///{project}/mlflow.db", project, listen(None))
    with pytest.raises(StorageError, match="answered a stranger"), server:
        server.wait_until_ready()
    assert server._process.returncode is not None
    assert _is_free(server.port)


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
