"""The pool, with real workers: what one run does to its process costs that run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

import dlrun
from dlrun.api import Answer
from dlrun.sweeps.observer import Nobody
from dlrun.training.result import Result

FATAL = """
import ctypes, os, time
import keras

SEEN = os.path.join(os.path.dirname(__file__), "seen")


class Fatal(keras.callbacks.Callback):
    def __init__(self, how="fine"):
        super().__init__()
        self.how = how

    def on_epoch_end(self, epoch, logs=None):
        print("it is", self.how)
        match self.how:
            case "segfault": ctypes.string_at(0)
            case "hang": time.sleep(600)
            case "exit": os._exit(7)
            case "error": raise ValueError("no good")
            case "leave": raise SystemExit(4)
            case "once" if not os.path.exists(SEEN):
                open(SEEN, "w").close()
                os._exit(9)
            case "memory" if self.params.get("steps", 2) > 1: raise MemoryError("too much")
"""
WORDS = (
    "data=iris", "callback=[fatal]", "trainer.epochs=2", "tracking=none", "launcher.jobs=2",
    "launcher.crash_retries=1", "launcher.trial_timeout=20", "launcher.halve_batch=true", "trainer.batch_size=60",
)  # fmt: skip


class Told(Nobody):
    """What the sweep said."""

    def __init__(self) -> None:
        self.sentences: list[str] = []
        self.attempts: list[tuple[str, str, int, bool]] = []
        self.beside: list[str] = []

    def said(self, text: str) -> None:
        self.sentences.append(text)

    def lost(self, run: str, cause: Mapping[str, Any], attempt: int, again: bool) -> None:
        self.attempts.append((run, cause["kind"], attempt, again))

    def added(self, run: str, of: str, name: str) -> None:
        self.beside.append(run)


@dataclass
class Swept:
    place: Path
    answer: Answer
    told: Told

    def __getitem__(self, how: str) -> Result:
        (found,) = [result for result in self.answer.results if result.name == f"how={how}"]
        return found

    def log(self, how: str) -> str:
        return (self.place / "runs" / self[how].id / "log.txt").read_text()


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Swept:
    """A sweep with every kind of trouble in it."""
    place = tmp_path_factory.mktemp("troubled")
    (place / "conf" / "callback").mkdir(parents=True)
    (place / "conf" / "project.yaml").touch()
    (place / "conf" / "callback" / "fatal.yaml").write_text(
        "# Trouble\n_target_: fatal.Fatal\nhow: fine   # str: which\n"
    )
    (place / "fatal.py").write_text(FATAL)
    told = Told()
    how = "hang,fine,segfault,exit,error,leave,once,memory"  # the others run while one hangs
    answer = dlrun.run([*WORDS, f"callback.fatal.how={how}"], sweep=True, observer=told, directory=place)
    return Swept(place, answer, told)


def test_a_run_costs_itself_and_no_other(swept: Swept) -> None:
    found = {
        result.name.removeprefix("how="): (result.status, (result.cause or {}).get("kind"))
        for result in swept.answer.results
    }
    assert found == {
        "fine": ("finished", None),
        "segfault": ("failed", "crash"),
        "hang": ("failed", "timeout"),
        "exit": ("failed", "crash"),
        "error": ("failed", "error"),
        "leave": ("failed", "error"),
        "once": ("finished", None),
        "memory": ("failed", "out_of_memory"),
    }
    assert "SIGSEGV" in swept["segfault"].cause["message"]
    assert "exit code 7" in swept["exit"].cause["message"]


def test_a_crash_is_tried_again_and_nothing_else_is(swept: Swept) -> None:
    again = {(run, kind) for run, kind, _, again in swept.told.attempts if again}
    assert again == {(swept[how].id, "crash") for how in ("segfault", "exit", "once")}
    assert [swept[how].attempt for how in ("segfault", "exit", "once", "hang", "error")] == [2, 2, 2, 1, 1]


def test_what_a_run_prints_and_its_last_words_are_in_its_log(swept: Swept) -> None:
    assert "it is fine" in swept.log("fine")
    assert "Segmentation fault" in swept.log("segfault") and "fatal.py" in swept.log("segfault")
    assert "it is segfault" not in swept.log("fine")
    assert "no good" in swept.log("error")


def test_a_run_without_memory_is_tried_with_half_the_batch_as_a_run_of_its_own(swept: Swept) -> None:
    (half,) = swept.told.beside
    spec = json.loads((swept.place / "runs" / half / "spec.json").read_text())
    assert spec["trainer"]["batch_size"] == 30
    assert spec["callback"]["fatal"]["how"] == "memory"
    of = [entry for entry in _ledger(swept) if entry.get("of")]
    assert [(entry["run"], entry["of"]) for entry in of] == [(half, swept["memory"].id)]


def test_the_ledger_tells_the_truth_and_nothing_is_left_behind(swept: Swept) -> None:
    last = {entry["run"]: entry["status"] for entry in _ledger(swept)}
    assert {run: last[run] for run in (result.id for result in swept.answer.results)} == {
        result.id: result.status for result in swept.answer.results
    }
    assert not (swept.place / "sweeps" / swept.answer.sweep.id / "workers").exists()
    assert not [
        each
        for each in psutil.Process().children(recursive=True)
        if "dlrun.sweeps" in " ".join(_words(each)) and _depth(each) > 1
    ]


def test_the_sentence_about_workers(swept: Swept) -> None:
    assert swept.told.sentences[0].startswith("2 workers")


def _ledger(swept: Swept) -> list[dict[str, Any]]:
    path = swept.place / "sweeps" / swept.answer.sweep.id / "ledger.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()]


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def _depth(process: psutil.Process) -> int:
    """1 for a child of this process, such as the server that workers are forked from."""
    return process.parents().index(psutil.Process()) + 1
