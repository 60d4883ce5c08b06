"""The ledger: what it takes, what a kill leaves of it, and how quick it is."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import pytest

from dlrun.analysis.ledger import accounts_of, entries_of
from dlrun.errors import StorageError
from dlrun.sweeps.ledger import Ledger

CRASH = {"kind": "crash", "message": "SIGSEGV"}


def statuses(folder: Path) -> list[tuple[str, str]]:
    return [(entry["run"], entry["status"]) for entry in entries_of(folder / "ledger.jsonl")]


def test_what_is_known_is_not_written_again_and_a_cause_is_news(tmp_path: Path) -> None:
    with Ledger(tmp_path) as ledger:
        assert ledger.record("a", "queued") and not ledger.record("a", "queued")
        assert ledger.record("a", "running", attempt=1)
        assert ledger.record("a", "queued", attempt=1, cause=CRASH)
        assert ledger.record("a", "running", attempt=2)
        assert ledger.record("a", "finished", attempt=2)
    with Ledger(tmp_path) as again:
        assert not again.record("a", "finished") and not again.record("a", "finished", attempt=9)
    assert statuses(tmp_path) == [("a", word) for word in ("queued", "running", "queued", "running", "finished")]
    account = accounts_of(entries_of(tmp_path / "ledger.jsonl"))["a"]
    assert (account.status, account.attempt, account.cause) == ("finished", 2, None)


@pytest.mark.parametrize("left", [b'{"time": 1.0, "run": "a", "status": "fin', b"\x00" * 40, b'{"run": 1}', b"[]\n"])
def test_half_a_line_swallows_no_entry(tmp_path: Path, left: bytes) -> None:
    with Ledger(tmp_path) as ledger:
        ledger.record("a", "running")
    with (tmp_path / "ledger.jsonl").open("ab") as file:
        file.write(left)
    with Ledger(tmp_path) as again:
        again.record("a", "interrupted")
        again.record("a", "queued")
    assert statuses(tmp_path) == [("a", "running"), ("a", "interrupted"), ("a", "queued")]


def test_an_entry_that_cannot_be_written_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger(tmp_path / "not there")
    with pytest.raises(StorageError):
        ledger.record("a", "queued")
    with pytest.raises(StorageError):
        ledger.close()
    (tmp_path / "not there").mkdir()
    ledger.record("b", "queued")
    ledger.close()
    assert statuses(tmp_path / "not there") == [("a", "queued"), ("b", "queued")]


def test_threads_write_whole_lines(tmp_path: Path) -> None:
    with Ledger(tmp_path) as ledger:

        def write(number: int) -> None:
            for each in range(50):
                ledger.record(f"{number}-{each}", "finished", cause={"kind": "error", "message": "x" * 200})

        threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    lines = (tmp_path / "ledger.jsonl").read_text().splitlines()
    assert len({json.loads(line)["run"] for line in lines}) == len(lines) == 400


def test_ten_thousand_runs_are_queued_with_one_write(tmp_path: Path) -> None:
    changes = [(f"{number:016x}", "queued", {}) for number in range(10_000)]
    began = time.process_time()
    with Ledger(tmp_path) as ledger:
        ledger.record_all(changes)
    assert Ledger(tmp_path).record_all(changes) == 0
    assert time.process_time() - began < 2.0  # 0.15 s on a quiet machine; a write and an fsync for each took 40
