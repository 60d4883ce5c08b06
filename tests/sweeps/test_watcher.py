"""The watcher: what it says of runs that are told of, looked at, killed, and killed with the command itself."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from dlrun.analysis.ledger import entries_of
from dlrun.sweeps.ledger import Ledger
from dlrun.sweeps.observer import Nobody
from dlrun.sweeps.watcher import Watcher
from dlrun.training.causes import cause
from dlrun.training.outcome import Outcome
from sweeps.directories import Folder, Told, sweep_of

SWEEP = sweep_of({"rate=1": ["a", "b"], "rate=2": ["c"]})
DONE = Outcome("finished", metrics={"test_accuracy": 0.9})


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def watch(folder: Folder, told: Told | None = None, is_told: bool = True) -> Watcher:
    watcher = Watcher(SWEEP, folder.runs, Ledger(folder.sweep), told or Nobody())
    watcher.is_told = is_told
    return watcher


def history(folder: Folder, run: str) -> list[str]:
    return [entry["status"] for entry in entries_of(folder.sweep / "ledger.jsonl") if entry["run"] == run]


def last(folder: Folder, run: str) -> dict:
    *_, entry = (entry for entry in entries_of(folder.sweep / "ledger.jsonl") if entry["run"] == run)
    return {key: value for key, value in entry.items() if key not in ("time", "run")}


def test_a_run_that_is_told_of(folder: Folder) -> None:
    told = Told()
    with watch(folder, told) as watcher:
        watcher.begun("a", 1)
        folder.begin("a", epochs=3)
        wait_until(lambda: len(told.named("epoch")) == 3)
        folder.end("a", DONE)
        watcher.look_at("a")
        watcher.look_at("a")
    assert history(folder, "a") == ["queued", "running", "finished"]
    assert told.named("epoch")[2] == ("a", 3, 10, {"val_loss": 1 / 3})
    assert told.named("ended") == [(("a", "finished"),)]
    assert history(folder, "b") == ["queued"]


def test_runs_that_nobody_tells_of_are_looked_for(folder: Folder) -> None:
    told = Told(wants_epochs=False)
    with watch(folder, told, is_told=False):
        with folder.begin("a", epochs=1).owned():
            wait_until(lambda: told.named("running") == [("a", 1)])
            folder.end("a", DONE)
        wait_until(lambda: bool(told.named("ended")))
        folder.end("b", Outcome.failed(ValueError("no")))
    assert history(folder, "a") == ["queued", "running", "finished"]
    assert last(folder, "b")["cause"] == {"kind": "error", "message": "no", "type": "ValueError"}
    assert told.named("epoch") == []


def test_a_crash_is_queued_again_and_the_last_one_is_a_failure(folder: Folder) -> None:
    told, crash = Told(), cause("crash", "SIGSEGV")
    with watch(folder, told) as watcher:
        watcher.begun("a", 1)
        folder.begin("a")
        watcher.lost("a", crash, 1, again=True)
        watcher.begun("a", 2)
        folder.directory("a").log("the process ended by SIGSEGV")
        watcher.lost("a", crash, 2, again=False)
        watcher.lost("a", crash, 2, again=False)
    assert history(folder, "a") == ["queued", "running", "queued", "running", "failed"]
    assert last(folder, "a") == {"status": "failed", "attempt": 2, "cause": crash, "log": "runs/a/log.txt"}
    assert told.named("lost") == [("a", crash, 1, True), ("a", crash, 2, False)]


def test_a_result_is_told_also_where_the_run_is_called_lost(folder: Folder) -> None:
    told = Told()
    with watch(folder, told) as watcher:
        watcher.begun("a", 1)
        folder.end("a", DONE)
        watcher.lost("a", cause("crash", "SIGKILL"), 1, again=False)
    assert last(folder, "a")["status"] == "finished" and not told.named("lost")


def test_what_an_earlier_attempt_came_to_is_no_news(folder: Folder) -> None:
    folder.end("a", Outcome.failed(MemoryError()))
    told = Told()
    with watch(folder, told) as watcher:
        watcher.begun("a", 2)
        watcher.look_at("a")
        assert not told.named("ended")
        folder.end("a", DONE, attempt=2)
        watcher.look_at("a")
    assert history(folder, "a") == ["queued", "running", "finished"]


def test_the_ledger_is_made_true_after_the_command_was_killed(folder: Folder) -> None:
    with Ledger(folder.sweep) as ledger:
        for run in "abc":
            ledger.record(run, "queued")
            ledger.record(run, "running", attempt=1)
    folder.end("a", DONE)  # it had finished, and nobody had looked
    folder.begin("b", epochs=2)  # killed in the middle
    told = Told()
    with watch(folder, told):
        assert history(folder, "a")[-1] == "finished"
        assert history(folder, "b")[-2:] == ["interrupted", "queued"]
        assert history(folder, "c")[-1] == "queued"  # it never began
    assert last(folder, "b")["status"] == "interrupted"
    with watch(folder, told):
        pass
    assert history(folder, "a").count("finished") == 1


def test_what_was_being_trained_at_the_end_is_interrupted(folder: Folder) -> None:
    told = Told()
    with pytest.raises(KeyboardInterrupt), watch(folder, told) as watcher:
        watcher.begun("a", 1)
        folder.begin("a", epochs=2)
        watcher.begun("b", 1)
        folder.begin("b")
        folder.end("b", Outcome.interrupted("SIGINT stopped it"))
        raise KeyboardInterrupt
    assert last(folder, "a")["cause"] == {"kind": "crash", "message": "its process ended early"}
    assert last(folder, "b")["cause"]["kind"] == "signal"
    assert [last(folder, run)["status"] for run in "abc"] == ["interrupted", "interrupted", "queued"]
    assert told.named("ended") == [(("b", "interrupted"),)] and [call[0] for call in told.named("left")] == ["a"]


def test_an_added_run_is_linked(folder: Folder) -> None:
    told = Told()
    with watch(folder, told) as watcher:
        folder.end("a", Outcome.failed(MemoryError()))
        watcher.look_at("a")
        watcher.added("half", of="a", name="a batch_size=16")
        watcher.begun("half", 1)
        folder.end("half", DONE)
        watcher.look_at("half")
    first, *_ = (e for e in entries_of(folder.sweep / "ledger.jsonl") if e["run"] == "half")
    assert (first["status"], first["of"], first["name"]) == ("queued", "a", "a batch_size=16")
    assert history(folder, "half") == ["queued", "running", "finished"]
    assert last(folder, "a")["cause"]["kind"] == "out_of_memory"
    told = Told()
    with watch(folder, told) as watcher:  # the same command again: it fails again, and its half is done
        watcher.added("half", of="a", name="a batch_size=16")
        watcher.look_at("half")
    assert history(folder, "half") == ["queued", "running", "finished"]
    assert told.named("ended") == [(("half", "finished"),)]


def test_warnings_of_this_attempt_are_told(folder: Folder) -> None:
    from dlrun.tracking.journal import Journal

    told = Told(wants_epochs=False)
    with watch(folder, told) as watcher:
        for attempt, text in ((1, "old"), (2, "new")):
            directory = folder.begin("a", attempt=attempt)
            with Journal(directory.journal) as journal:
                journal.append("warning", text=text)
            directory.log(f"warning: {text}")
        folder.end("a", DONE)
        watcher.look_at("a")
    assert told.named("warned") == [("a", "new")]


def test_a_full_disk_ends_nothing_before_the_sweep_has_ended(folder: Folder) -> None:
    with watch(folder) as watcher:
        ledger = folder.sweep / "ledger.jsonl"
        before = ledger.read_text()
        watcher._ledger.close()
        ledger.unlink()
        ledger.mkdir()
        watcher.begun("a", 1)
        ledger.rmdir()
        ledger.write_text(before)
    assert history(folder, "a") == ["queued", "running"]
    assert all(json.loads(line) for line in ledger.read_text().splitlines())


def wait_until(is_so, seconds: float = 10.0) -> None:
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until, "it has not come to that"
        time.sleep(0.02)
