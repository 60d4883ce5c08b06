"""What a person says of runs, and that they were deleted, reaches MLflow."""

from __future__ import annotations

import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dlrun.tracking.journal import Event
from dlrun.tracking.translate import Translator

NOTE = "mlflow.note.content"
REPEAT = "Repeat it with\n\n    dlrun seed=1"


def events(*fields: tuple[str, dict[str, Any]]) -> list[Event]:
    return [Event(seq, 1.0, name, given) for seq, (name, given) in enumerate(fields)]


START = ("start", {"command": "dlrun seed=1", "tags": {"owner": "ann", "kind": "x"}})
FIRST = ("labels", {"tags": {"owner": "bob", "idea": "wide"}, "note": "slow", "archived": True})
SECOND = ("labels", {"tags": {"owner": "", "a b": "c"}, "note": "", "archived": False})


@pytest.mark.parametrize("cut", [0, 1, 2, 3])
def test_the_last_word_counts_in_however_many_batches(cut: int) -> None:
    translator, said = Translator(), events(START, FIRST, SECOND)
    held: dict[str, str] = {}
    for part in (said[:cut], said[cut:]):
        batch = translator.translate(part)
        held = {name: text for name, text in held.items() if name not in batch.gone} | batch.tags
    assert held == {"kind": "x", "a b": "c", NOTE: REPEAT}


def test_labels_become_tags_and_a_note_above_the_command() -> None:
    batch = Translator().translate(events(START, FIRST))
    assert batch.tags == {
        "owner": "bob",
        "kind": "x",
        "idea": "wide",
        NOTE: f"slow\n\n{REPEAT}",
        "dlrun.archived": "true",
    }
    assert batch.gone == set()


def test_another_attempt_does_not_take_back_what_was_said() -> None:
    translator = Translator()
    translator.translate(events(START, FIRST))
    assert translator.translate(events(START)).tags["owner"] == "bob"


def test_who_says_nothing_of_a_note_leaves_that_of_the_store() -> None:
    batch = Translator().translate(events(START, ("labels", {"tags": {"a": "b"}, "note": "", "archived": False})))
    assert NOTE not in batch.tags
    assert NOTE not in batch.gone


@pytest.mark.slow  # a training and a store
def test_from_the_command_line_to_the_store(work: Path, dlrun: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    def typed(*words: str) -> None:
        done = dlrun(*words)
        assert done.returncode == 0, done.stderr

    def held() -> dict[str, str]:
        with sqlite3.connect(work / "mlflow.db") as store:
            rows = store.execute(
                "select key, value from tags join runs using (run_uuid) where lifecycle_stage = 'active'"
            )
            return dict(rows)

    typed("data=iris", "trainer.epochs=1")
    typed("runs", "last", "--tag", "idea=wide", "--note", "slow", "--archive", "--yes")
    typed("sync")
    assert (held()["idea"], held()["dlrun.archived"], held()["dlrun.status"]) == ("wide", "true", "finished")
    assert held()[NOTE].startswith("slow\n\nRepeat it with")
    typed("runs", "runs", "--untag", "idea", "--note", "", "--unarchive")  # last is the newest that is not put away
    typed("sync")
    assert not {"idea", "dlrun.archived"} & held().keys()
    assert held()[NOTE].startswith("Repeat it with")
    typed("runs", "last", "--delete", "--yes")
    typed("sync")
    assert held() == {}
    assert list((work / "runs" / ".deleted").glob("*")) == []
