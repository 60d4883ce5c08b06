"""What workers are forked from."""

from __future__ import annotations

import os
import sys
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

from dlrun.sweeps import fork


def tell(pipe: Connection) -> None:
    """What a forked process finds."""
    imported = {"tensorflow", "keras", "dlrun.pipeline"} <= sys.modules.keys()
    from tensorflow.python.eager import context

    pipe.send(
        {
            "imported": imported,
            "started": context.context()._context_handle is not None,
            "main": getattr(sys.modules["__main__"], "__file__", None),
            "random": __import__("random").__file__,
            "backend": os.environ.get("KERAS_BACKEND"),
        }
    )


def test_a_worker_has_tensorflow_imported_and_not_started(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (work / "random.py").write_text("raise SystemExit('the user has one of his own')\n")
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    found: list[dict[str, Any]] = []
    for _ in range(2):
        ours, theirs = fork.pipe()
        process = fork.start(tell, theirs)
        theirs.close()
        found.append(ours.recv())
        process.join()
        assert process.exitcode == 0
    for told in found:
        assert told["imported"]
        assert not told["started"]  # a tensor made before the fork would have started it
        assert told["main"] is None  # the program that called is not run again
        assert Path(told["random"]).parent != work
