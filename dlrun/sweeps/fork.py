"""Processes that begin with TensorFlow imported: forked from a server that imports it once.

The server is Python's own (`multiprocessing`, start method `forkserver`). It and what it forks end with the command:
by themselves, or by the warden.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import types
from collections.abc import Callable, Iterator
from multiprocessing import forkserver, resource_tracker
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerProcess

__all__ = ["Process", "cool", "cooled_by_errors", "gone", "pipe", "start", "warm"]

if TYPE_CHECKING:
    Process = ForkServerProcess
else:
    Process = Any

_CONTEXT = multiprocessing.get_context("forkserver")
_PRELOAD = "dlrun.sweeps.preload"
_READ_AT_IMPORT = ("TF_", "XLA_", "KERAS_", "CUDA_", "OMP_", "KMP_", "MKL_", "PYTHON", "LD_")
"""How the environment variables begin that take effect while libraries are imported, and not later."""

_GRACE_SECONDS = 9.0  # for workers to end by themselves when the command has died; they take seven at most

_main_lock = threading.Lock()
_warden: subprocess.Popen[str] | None = None
_imported_with: dict[str, str] = {}


def warm() -> None:
    """Have TensorFlow imported by the server, beside whatever this process goes on to do; returns at once.

    Raises:
        OSError: the server cannot be started.
    """
    global _imported_with
    now = {name: value for name, value in os.environ.items() if name.startswith(_READ_AT_IMPORT)}
    if now != _imported_with:
        cool()
        _imported_with = now
    _CONTEXT.set_forkserver_preload([_PRELOAD])
    resource_tracker.ensure_running()  # first: when it starts it lets signals through again
    with _undisturbed():
        forkserver.ensure_running()


def cool() -> None:
    """End the server, in the middle of its import too; workers that still live are on their own."""
    server = forkserver._forkserver
    pid = server._forkserver_pid  # type: ignore[attr-defined]  # Python has no public way to end it
    if pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        server._stop()  # type: ignore[attr-defined]


@contextlib.contextmanager
def cooled_by_errors() -> Iterator[None]:
    """What goes wrong inside ends the server: nobody will need it."""
    try:
        yield
    except BaseException:
        cool()
        raise


def pipe() -> tuple[Connection, Connection]:
    """The two ends of a pipe; the second goes to the process that is started."""
    return _CONTEXT.Pipe()


def start(target: Callable[..., None], *arguments: Any) -> Process:
    """Fork a process that calls `target`; waits until TensorFlow is imported.

    Raises:
        OSError: the server cannot be started, or has ended while it imported TensorFlow; or no process can be.
    """
    warm()
    process = _CONTEXT.Process(target=target, args=arguments)
    try:
        with _without_main():
            process.start()
    except EOFError as error:
        raise OSError("the process that imports TensorFlow for them has ended") from error
    _tell_warden(f"+{process.pid}")
    return process


def gone(process: Process) -> None:
    """A process that was started has ended."""
    _tell_warden(f"-{process.pid}")


def _tell_warden(line: str) -> None:
    global _warden
    if _warden is None or _warden.poll() is not None:
        program = str(Path(__file__).with_name("warden.py"))
        quiet = subprocess.DEVNULL
        _warden = subprocess.Popen(
            [sys.executable, "-I", "-S", program, str(_GRACE_SECONDS)],
            stdin=subprocess.PIPE,
            stdout=quiet,
            stderr=quiet,
            text=True,
            start_new_session=True,  # what is sent to the command's group is not meant for it
        )
    assert _warden.stdin is not None
    with contextlib.suppress(OSError):
        _warden.stdin.write(f"{line}\n")
        _warden.stdin.flush()


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """What is started inside never sees Ctrl-C, which is the command's to handle; finds dlrun where this process has
    found it; and takes no `random.py` of the working directory for Python's own."""
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    root = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(filter(None, (os.environ.get("PYTHONPATH"), root)))
    settings = {"PYTHONSAFEPATH": "1", "PYTHONPATH": path}
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


@contextlib.contextmanager
def _without_main() -> Iterator[None]:
    """A child has no use for the program that started the command: a script without a `__main__` guard would be run
    once more in each."""
    with _main_lock:
        main = sys.modules["__main__"]
        sys.modules["__main__"] = types.ModuleType("__main__")
        try:
            yield
        finally:
            sys.modules["__main__"] = main
