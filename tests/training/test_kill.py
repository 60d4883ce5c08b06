"""SIGKILL at random instants: however often and wherever, the run ends with the bits of the run that was left alone."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from dlrun.tracking.journal import last_attempt, read
from dlrun.training.checkpoint import Checkpoints

WORDS = (
    "data=digits",
    "model.hidden=[32]",
    "model.dropout=0.3",
    "metric=[accuracy,f1]",
    "callback=[early_stopping,reduce_lr_on_plateau,checkpoint]",
    "callback.early_stopping.patience=25",
    "callback.reduce_lr_on_plateau.patience=3",
    "callback.checkpoint.monitor=val_loss",
    "trainer.epochs=120",
    "checkpoint.every_seconds=0",
    "tracking=none",
)
SECONDS = 6.0  # a kill comes within so many of the start of the process or of the run: see `killed`


def start(work: Path) -> subprocess.Popen[bytes]:
    work.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "dlrun", *WORDS]
    return subprocess.Popen(command, cwd=work, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def end(work: Path) -> tuple[Any, ...]:
    """What a finished run must have in common with another: its result's numbers, its curves, its last state."""
    (result,) = work.glob("runs/*/result.json")
    found = json.loads(result.read_text())
    assert found["status"] == "finished"
    told = [event for event in last_attempt(read(result.parent / "journal.jsonl")) if event.event == "epoch"]
    assert [event["epoch"] for event in told] == list(range(1, found["epochs_run"] + 1))
    curves = [(event["metrics"], event["learning_rate"]) for event in told]
    kept = Checkpoints(result.parent / "checkpoint").newest()
    assert kept is not None
    optimizer = b"".join(value.tobytes() for value in kept.state["optimizer"])
    return found["fingerprint"], found["metrics"], found["kept_epoch"], curves, optimizer


def killed(work: Path, instants: random.Random, kills: int) -> int:
    """Kill a run at random instants, so often at most, and let it end; gives how often it was killed.

    By turns the instants count from the start of the process, where most fall into what comes before the run, and from
    the start of the run.
    """
    for number in range(kills):
        process = start(work)
        begun = attempts(work)
        while number % 2 and attempts(work) == begun and process.poll() is None:
            time.sleep(0.01)
        time.sleep(instants.uniform(0.0, SECONDS) ** 2 / SECONDS)  # mostly early: there is little to do at the end
        process.kill()
        if process.wait() == 0:  # it was done before
            return number
    _, said = (process := start(work)).communicate()
    assert process.returncode == 0, said.decode()
    return kills


def attempts(work: Path) -> int:
    return sum(path.read_bytes().count(b'"event": "start"') for path in work.glob("runs/*/journal.jsonl"))


@pytest.fixture(scope="module")
def unharmed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, ...]:
    """The end of the run that nobody kills."""
    work = tmp_path_factory.mktemp("unharmed")
    _, said = (process := start(work)).communicate()
    assert process.returncode == 0, said.decode()
    return end(work)


def test_a_killed_run_ends_as_if_nothing_had_happened(unharmed: tuple[Any, ...], tmp_path: Path) -> None:
    assert killed(tmp_path, random.Random(4), kills=4) > 1
    assert end(tmp_path) == unharmed


@pytest.mark.slow
def test_fifty_kills_change_no_bit(unharmed: tuple[Any, ...], tmp_path: Path) -> None:
    instants = random.Random(os.environ.get("DLRUN_KILLS", "50"))
    total = number = 0
    while total < 50:
        work = tmp_path / str(number)
        total += killed(work, instants, kills=6)
        number += 1
        assert end(work) == unharmed, work
        sha256 = json.loads(next(work.glob("runs/*/result.json")).read_text())["fingerprint"]
        sys.stdout.write(f"{total} kills, run {number} ended with sha256 {sha256}\n")
