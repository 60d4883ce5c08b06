"""The journal loses nothing that was appended, wherever it is torn."""

from __future__ import annotations

import errno
import json
import math
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlrun.tracking.journal import Journal, epochs_until, last_attempt, read, read_from

_TEXT = st.text() | st.sampled_from(["NaN", "~NaN", "Infinity", "-Infinity", "~~-Infinity", "\ud800", "\x00", "\n"])
_VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4),
    max_leaves=12,
)


def _same(one: object, other: object) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return (math.isnan(one) and math.isnan(other)) or (
            one == other and math.copysign(1, one) == math.copysign(1, other)
        )
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    return type(one) is type(other) and one == other


@settings(max_examples=150, deadline=None)
@given(value=_VALUE)
def test_every_value_comes_back(value: object, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("journal") / "journal.jsonl"
    with Journal(path) as journal:
        journal.append("epoch", value=value)
    (event,) = read(path)
    assert _same(event["value"], value)
    for line in path.read_text().splitlines():
        json.loads(line, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))


def test_numpy_scalars_are_numbers(tmp_path: Path) -> None:
    with Journal(tmp_path / "j") as journal:
        journal.append("epoch", loss=np.float32(0.5), nan=np.float32("nan"), epoch=np.int64(3))
    (event,) = read(tmp_path / "j")
    assert (event["loss"], event["epoch"]) == (0.5, 3)
    assert math.isnan(event["nan"])


@pytest.mark.parametrize("value", [object(), {1: 2}, np.zeros(2), b"bytes"])
def test_what_would_not_come_back_is_refused(tmp_path: Path, value: object) -> None:
    with Journal(tmp_path / "j") as journal, pytest.raises(TypeError):
        journal.append("epoch", value=value)
    assert read(tmp_path / "j") == []


def test_torn_at_every_byte(tmp_path: Path) -> None:
    path = tmp_path / "j"
    with Journal(path) as journal:
        for epoch in range(3):
            journal.append("epoch", epoch=epoch)
    whole = path.read_bytes()
    ends = [index for index, byte in enumerate(whole) if byte == ord("\n")]
    for size in range(len(whole) + 1):
        path.write_bytes(whole[:size])
        kept = sum(end <= size for end in ends)  # a record that lacks only its newline is whole
        assert [event["epoch"] for event in read(path)] == list(range(kept)), size
        with Journal(path) as journal:
            assert journal.append("end", status="finished") == kept
        assert [event.seq for event in read(path)] == list(range(kept + 1)), size
        assert read_from(path).bad == 0


def test_a_bad_line_is_skipped_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "j"
    with Journal(path) as journal:
        for epoch in range(3):
            journal.append("epoch", epoch=epoch)
    lines = path.read_bytes().splitlines(keepends=True)
    lines[1] = lines[1].replace(b'"epoch": 1', b'"epoch": 7')
    path.write_bytes(b"".join([*lines, b"\x00\x00\n", b"[]\n", b'{"crc": 1}\n']))
    reading = read_from(path)
    assert [event["epoch"] for event in reading.events] == [0, 2]
    assert reading.bad == 4
    with Journal(path) as journal:
        assert journal.append("end") == 3


def test_tailing_sees_each_event_once(tmp_path: Path) -> None:
    path, offset, seen = tmp_path / "j", 0, []
    assert read_from(path) == read_from(path, 0)
    with Journal(path) as journal:
        for epoch in range(5):
            journal.append("epoch", epoch=epoch)
            reading = read_from(path, offset)
            offset, seen = reading.offset, [*seen, *(event["epoch"] for event in reading.events)]
    assert seen == list(range(5))
    assert offset == path.stat().st_size


def test_a_full_disk_leaves_no_half_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write

    def write_some(file: int, content: bytes) -> int:
        if len(content) > 10:
            return real(file, content[:10])
        raise OSError(errno.ENOSPC, "No space left on device")

    with Journal(tmp_path / "j") as journal:
        journal.append("start", run="a")
        before = (tmp_path / "j").read_bytes()
        monkeypatch.setattr(os, "write", write_some)
        with pytest.raises(OSError, match="No space"):
            journal.append("epoch", epoch=1)
        monkeypatch.undo()
        assert (tmp_path / "j").read_bytes() == before
        assert journal.append("epoch", epoch=1) == 1


def test_it_is_forced_to_the_disk_once_a_second_at_most(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forced = []
    monkeypatch.setattr(os, "fsync", forced.append)
    with Journal(tmp_path / "j") as journal:
        for epoch in range(200):
            journal.append("epoch", epoch=epoch)
        assert len(forced) <= 2
    assert 2 <= len(forced) <= 3


def test_a_checkpoint_is_forced_to_the_disk_with_all_before_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forced = []
    with Journal(tmp_path / "j") as journal:
        monkeypatch.setattr(os, "fsync", lambda _: forced.append(len(read(tmp_path / "j"))))
        journal.append("start")
        forced.clear()
        for epoch in (1, 2):
            journal.append("epoch", epoch=epoch)
            journal.append("checkpoint", epoch=epoch, step=0)
        assert forced == [3, 5]
    events = read(tmp_path / "j")
    assert [event.event for event in epochs_until(2, events)] == ["epoch", "epoch"]  # it is not of the epoch


def test_an_attempt_that_goes_on_has_the_epochs_before_it(tmp_path: Path) -> None:
    """Three attempts: the second goes on after epoch 2 of the first, the third after epoch 3, of which one was told."""
    with Journal(tmp_path / "journal.jsonl") as journal:
        journal.append("start", attempt=1)
        journal.append("probe", epoch=0, probe="weight_norm")
        for epoch in (1, 2, 3):
            journal.append("epoch", epoch=epoch, of=1)
        journal.append("end", status="interrupted")
        journal.append("start", attempt=2, resumed={"epoch": 2, "step": 5})
        journal.append("epoch", epoch=3, of=2)
        journal.append("probe", epoch=3, probe="weight_norm")
        journal.append("epoch", epoch=4, of=2)
        journal.append("start", attempt=3, resumed={"epoch": 3, "step": 0})
        journal.append("epoch", epoch=4, of=3)
        journal.append("evaluated", part="test", epoch=4)
    events = last_attempt(read(tmp_path / "journal.jsonl"))
    assert events[0].get("attempt") == 3
    assert [(event["epoch"], event["of"]) for event in events if event.event == "epoch"] == [
        (1, 1), (2, 1), (3, 2), (4, 3),
    ]  # fmt: skip
    assert [event["epoch"] for event in events if event.event == "probe"] == [0, 3]
    assert [event.event for event in events].count("start") == 1
    rest = [event for event in read(tmp_path / "journal.jsonl") if event.seq > 2]  # as a follower reads them
    assert [event["epoch"] for event in last_attempt(rest) if event.event == "epoch"] == [2, 3, 4]


def test_the_last_attempt_begins_with_the_last_start(tmp_path: Path) -> None:
    with Journal(tmp_path / "j") as journal:
        for event in ("start", "epoch", "start", "model"):
            journal.append(event)
    events = read(tmp_path / "j")
    assert [event.seq for event in last_attempt(events)] == [2, 3]
    assert events[0]["pid"] == os.getpid()
