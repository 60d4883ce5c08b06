"""Trials that crash, hang and eat memory: each costs itself, and its cause is told by kind."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.processes import Command, wait_until
from tests.chaos.records import ledger, results

pytestmark = pytest.mark.slow

FINE, SEGFAULT, MEMORY, HANG = 0.1, 0.5, 0.6, 0.7
SOURCE = f"""import ctypes
import time

import keras


def make(learning_rate):
    if learning_rate == {SEGFAULT}:
        ctypes.string_at(0)
    if learning_rate == {MEMORY}:
        eaten = []
        while True:
            eaten.append(bytearray(50_000_000))
            time.sleep(0.02)
    while learning_rate == {HANG}:
        time.sleep(1000)
    return keras.optimizers.SGD(learning_rate)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose optimizer is as bad as its learning rate says."""
    (tmp_path / "conf" / "optimizer").mkdir(parents=True)
    (tmp_path / "conf" / "project.yaml").touch()
    (tmp_path / "conf" / "optimizer" / "bad.yaml").write_text(
        "# Breaks in as many ways as it has rates\n_target_: bad.make\nlearning_rate: 0.1  # (0, inf): step size\n"
    )
    (tmp_path / "bad.py").write_text(SOURCE)
    return tmp_path


def words(*rates: float, epochs: int = 2) -> tuple[str, ...]:
    listed = ",".join(map(str, rates))
    fixed = ("data=iris", "callback=[]", f"trainer.epochs={epochs}", "optimizer=bad")
    return ("-m", *fixed, f"optimizer.learning_rate={listed}")


def rate_of(result: dict[str, Any]) -> float:
    return float(result["name"].rpartition("=")[2])


def test_a_crash_a_hang_and_a_glutton_cost_themselves_only(project: Path) -> None:
    bounds = ("launcher.trial_timeout=20", "launcher.worker_memory=2", "launcher.crash_retries=1", "launcher.jobs=2")
    with Command(project, (*words(FINE, SEGFAULT, 0.2, MEMORY, HANG, 0.3), *bounds)) as command:
        code, printed = command.end(300)
        command.seconds_until_gone(10)
    assert code == 3, printed
    assert "Traceback" not in printed
    found = {rate_of(result): result for result in results(project).values()}
    statuses = {rate: result["status"] for rate, result in found.items()}
    bad = {SEGFAULT: "crash", MEMORY: "out_of_memory", HANG: "timeout"}
    assert statuses == {FINE: "finished", 0.2: "finished", 0.3: "finished", **dict.fromkeys(bad, "failed")}
    assert {rate: found[rate]["cause"]["kind"] for rate in bad} == bad
    assert "SIGSEGV" in found[SEGFAULT]["cause"]["message"]
    assert found[SEGFAULT]["attempt"] == 2  # once, and the one retry
    ends = {entry["run"]: entry for entry in ledger(project)}
    for rate, kind in bad.items():
        entry = ends[found[rate]["id"]]
        assert (entry["status"], entry["cause"]["kind"]) == ("failed", kind)
        assert (project / entry["log"]).is_file()


def test_one_bad_trial_in_a_hundred(project: Path) -> None:
    good = [round(0.001 * number, 3) for number in range(1, 100)]
    with Command(project, (*words(*good[:50], SEGFAULT, *good[50:]), "tracking=none")) as command:
        code, printed = command.end(300)
        command.seconds_until_gone(10)
    assert code == 3, printed
    found = {rate_of(result): result["status"] for result in results(project).values()}
    assert Counter(found.values()) == {"finished": 99, "failed": 1}
    assert found[SEGFAULT] == "failed"


def test_nothing_outlives_a_killed_command_whose_workers_hang(project: Path) -> None:
    with Command(project, (*words(HANG, FINE, epochs=100_000), "launcher.jobs=2")) as command:
        wait_until(lambda: bool(command.trainers()), 120)  # the other worker hangs by then, or soon
        command.kill_parent()
        assert command.seconds_until_gone(10) < 10
