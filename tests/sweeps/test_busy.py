"""One command at a time is at work on a sweep."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from filelock import FileLock, Timeout

from dlrun.config.identity import sweep_id
from dlrun.errors import StorageError, Terminated, UserError
from dlrun.sweeps.busy import alone

HOLDER = """
import sys, time
from pathlib import Path
from dlrun.sweeps.busy import alone
with alone(Path(sys.argv[1]), "wait", print):
    print("mine", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "sweeps" / ("5" * 16)


def test_a_second_command_is_refused_or_waits_until_the_first_has_gone(folder: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(folder)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == "mine\n"
        owner = rf"Sweep 55555555 is being run by process {holder.pid} on .+ since \d\d:\d\d:\d\d"
        with pytest.raises(UserError, match=owner), alone(folder, "refuse", print):
            pass
        said: list[str] = []
        entered = threading.Event()

        def wait() -> None:
            with alone(folder, "wait", said.append):
                entered.set()

        waiting = threading.Thread(target=wait)
        waiting.start()
        time.sleep(0.5)
        assert not entered.is_set() and f"process {holder.pid}" in said[0]
        holder.send_signal(signal.SIGKILL)  # however it ends
        assert entered.wait(10)
        waiting.join()
    assert len(said) == 1 and not (folder / "owner.json").exists()


@pytest.mark.parametrize("stop", [KeyboardInterrupt, Terminated])
def test_who_stops_waiting_is_told_that_the_other_goes_on(
    folder: Path, stop: type[KeyboardInterrupt], monkeypatch: pytest.MonkeyPatch
) -> None:
    def acquire(lock: FileLock, timeout: float | None = None, **_: object) -> None:
        raise Timeout("held") if timeout == 0 else stop

    monkeypatch.setattr(FileLock, "acquire", acquire)
    said: list[str] = []
    told = "Nothing was begun here: sweep 55555555 is left to the other, which goes on"
    with pytest.raises(stop, match=told) as got, alone(folder, "wait", said.append):
        pass
    assert type(got.value) is stop
    assert said[0].endswith("Ctrl-C leaves it to the other; dlrun runs 55555555 shows how far it is.")


@pytest.mark.parametrize("left", [b"", b"{", b'{"pid": "x"}', b'{"pid": 1, "host": "h", "since": 1e300}', b"[]"])
def test_an_owner_that_cannot_be_read_is_another_command(folder: Path, left: bytes) -> None:
    with alone(folder, "wait", print):
        (folder / "owner.json").write_bytes(left)
        with pytest.raises(UserError, match="is being run by another command"), alone(folder, "refuse", print):
            pass


def test_a_sweep_whose_directory_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "sweeps").touch()
    with pytest.raises(StorageError), alone(tmp_path / "sweeps" / "a", "wait", print):
        pass


def test_two_sweeps_of_the_same_second_are_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 1.0)
    assert sweep_id(["a", "b"]) == sweep_id(["b", "a"]) != sweep_id(["a", "c"])
