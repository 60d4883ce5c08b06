"""Who ends the workers of a command that has died."""

from __future__ import annotations

import signal
import subprocess
import sys

from dlrun.sweeps import warden


def sleeper() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-I", "-S", "-c", "import time; time.sleep(60)"])


def test_it_ends_whom_it_was_told_of_and_nobody_else() -> None:
    kept, ended, stranger = sleeper(), sleeper(), sleeper()
    ended.send_signal(signal.SIGSTOP)  # which no other signal reaches
    try:
        program = [sys.executable, "-I", "-S", str(warden.__file__), "0.1"]
        process = subprocess.Popen(program, stdin=subprocess.PIPE, text=True)
        assert process.stdin is not None
        process.stdin.write(f"+{kept.pid}\n+{ended.pid}\n-{kept.pid}\n")
        process.stdin.close()
        assert ended.wait(20) == -signal.SIGKILL
        assert process.wait(20) == 0
        assert kept.poll() is None and stranger.poll() is None
    finally:
        for each in (kept, ended, stranger):
            each.kill()
            each.wait()
