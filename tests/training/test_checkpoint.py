"""Checkpoints: whole or not there, two generations, and whatever is damaged is seen."""

from __future__ import annotations

import io
import os
import random
from collections import OrderedDict, defaultdict
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dlrun.errors import StorageError
from dlrun.training import statefile
from dlrun.training.checkpoint import Checkpoint, Checkpoints
from dlrun.training.engine import Position
from dlrun.training.statefile import DamagedState

STATE = {
    "weights": [np.arange(6, dtype=np.float32).reshape(2, 3), np.zeros((), np.int64), np.array([], np.float64)],
    "random": random.Random(1).getstate(),
    "best": -np.inf,
    "rate": 0.1,
    "scalar": np.float32(0.1),
    "none": None,
    "by_number": {1: "one", "$array": True},
}


def checkpoint(epoch: int, size: int = 0) -> Checkpoint:
    state = STATE | {"epoch": epoch, "ballast": np.random.default_rng(epoch).random(size)}
    return Checkpoint(Position(epoch, 3), state, {"numpy": "2.4"}, stopped=epoch == 2)


def files(folder: Path, suffix: str) -> list[Path]:
    return sorted(folder.glob(f"*{suffix}"))


def test_a_state_comes_back_as_it_was() -> None:
    file = io.BytesIO()
    statefile.save(file, STATE)
    found = statefile.load(file.getvalue())
    for one, other in zip(STATE["weights"], found["weights"], strict=True):  # type: ignore[call-overload]
        assert one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()
    assert {key: found[key] for key in found if key != "weights"} == {k: v for k, v in STATE.items() if k != "weights"}
    assert isinstance(found["random"], tuple) and found["scalar"].dtype == np.float32


def test_numbers_that_the_format_has_not_are_kept_too() -> None:
    bfloat16 = pytest.importorskip("ml_dtypes").bfloat16
    array = np.array([1.5, np.nan, -0.0], dtype=bfloat16)
    file = io.BytesIO()
    statefile.save(file, {"half": array})
    found = statefile.load(file.getvalue())["half"]
    assert found.dtype == array.dtype and found.tobytes() == array.tobytes()


def test_equal_arrays_are_written_once() -> None:
    big, file, once = np.random.default_rng(0).random(10_000), io.BytesIO(), io.BytesIO()
    statefile.save(file, {"weights": big, "best": big.copy(), "good": [big.copy()]})
    statefile.save(once, {"weights": big})
    assert len(file.getvalue()) < len(once.getvalue()) + 1000


@pytest.mark.parametrize(
    "value",
    [{1, 2}, object(), np.array([object()]), OrderedDict(a=1), defaultdict(list), Position(1), Enum("E", "a").a],
)
def test_what_would_not_come_back_as_it_was_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match=r"^callback\.seen\[0\] is a "):
        statefile.save(io.BytesIO(), {"callback": {"seen": [value]}})


def test_what_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path / "checkpoint")
    with pytest.raises(TypeError):
        checkpoints.write(Checkpoint(Position(1), {"seen": {1}}, {}))
    assert list((tmp_path / "checkpoint").iterdir()) == []


def test_damage_in_a_folder_of_others_is_left_there(tmp_path: Path) -> None:
    Checkpoints(tmp_path / "checkpoint").write(checkpoint(1))
    (state,) = files(tmp_path / "checkpoint", ".state")
    state.write_bytes(b"")
    assert Checkpoints(tmp_path / "checkpoint").newest(owned=False) is None
    assert state.exists()


def test_the_two_newest_generations_stay(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path / "checkpoint")
    assert checkpoints.newest() is None and not checkpoints.exist()
    for epoch in (1, 2, 3):
        checkpoints.write(checkpoint(epoch))
    assert len(files(tmp_path / "checkpoint", ".state")) == 2
    found = Checkpoints(tmp_path / "checkpoint").newest()
    assert found is not None
    assert (found.position, found.state["epoch"], found.stopped) == (Position(3, 3), 3, False)
    assert found.origin == {"numpy": "2.4"}
    checkpoints.keep_one()
    assert [path.stem for path in files(tmp_path / "checkpoint", ".json")] == ["00000003"]


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_truncated_generation_gives_way_to_the_one_before(tmp_path: Path, share: float) -> None:
    checkpoints = Checkpoints(tmp_path / "checkpoint")
    checkpoints.write(checkpoint(1))
    checkpoints.write(checkpoint(2))
    newest = files(tmp_path / "checkpoint", ".state")[-1]
    os.truncate(newest, int(newest.stat().st_size * share))
    later = Checkpoints(tmp_path / "checkpoint")
    found = later.newest()
    assert found is not None and found.position.epoch == 1
    assert len(later.damaged) == 1 and later.damaged[0].startswith("checkpoint 2 is damaged (its content")
    assert later.newest() is found and len(later.damaged) == 1  # told once
    later.write(checkpoint(2))
    later.write(checkpoint(3))
    assert [path.stem for path in files(tmp_path / "checkpoint", ".state")] == ["00000002", "00000003"]


def test_one_flipped_bit_is_seen(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path / "checkpoint")
    checkpoints.write(checkpoint(1, size=1000))
    (file,) = files(tmp_path / "checkpoint", ".state")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    assert checkpoints.newest() is None
    assert checkpoints.damaged == ["checkpoint 1 is damaged (its content is not what was written: sha256)"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"epoch": 1}'])
def test_a_manifest_that_is_none_is_damage(tmp_path: Path, content: bytes) -> None:
    checkpoints = Checkpoints(tmp_path / "checkpoint")
    checkpoints.write(checkpoint(1))
    checkpoints.write(checkpoint(2))
    files(tmp_path / "checkpoint", ".json")[-1].write_bytes(content)
    later = Checkpoints(tmp_path / "checkpoint")
    found = later.newest()
    assert found is not None and found.position.epoch == 1 and len(later.damaged) == 1


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no archive", b"\x80\x04\x95pickle"])
def test_what_is_no_state_is_said_to_be_none(content: bytes) -> None:
    with pytest.raises(DamagedState):
        statefile.load(content)


@pytest.mark.parametrize("step", ["os.fsync", "pathlib.Path.replace", "dlrun.training.checkpoint.write_json"])
def test_a_kill_inside_a_write_leaves_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    checkpoints = Checkpoints(tmp_path / "checkpoint")
    checkpoints.write(checkpoint(1))

    def die(*_: Any, **__: Any) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(step, die)
        with pytest.raises(SystemExit):
            checkpoints.write(checkpoint(2))
    assert {path.stem for path in (tmp_path / "checkpoint").iterdir()} == {"00000001"}
    found = Checkpoints(tmp_path / "checkpoint").newest()
    assert found is not None and found.position.epoch == 1
    checkpoints.write(checkpoint(2))
    found = Checkpoints(tmp_path / "checkpoint").newest()
    assert found is not None and found.position.epoch == 2


def test_a_full_disk_leaves_the_older_checkpoint_as_it_was(small_disk: Path) -> None:
    checkpoints = Checkpoints(small_disk / "checkpoint")
    checkpoints.write(checkpoint(1, size=20_000))  # 160 kB
    with pytest.raises(StorageError, match="the disk is full"):
        checkpoints.write(checkpoint(2, size=20_000))
    assert [path.name for path in (small_disk / "checkpoint").iterdir() if "00000002" in path.name] == []
    found = Checkpoints(small_disk / "checkpoint").newest()
    assert found is not None and found.position.epoch == 1
    checkpoints.write(checkpoint(2))  # there is room for a small one
    found = Checkpoints(small_disk / "checkpoint").newest()
    assert found is not None and found.position.epoch == 2
