"""What a streamed training keeps in memory does not grow with its samples."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks.stream import write_csv

_FEW, _MANY, _FEATURES = 200_000, 2_400_000, 64
_BYTES_A_ROW = 80  # labels, split and their copies while the rows are split; a row of samples takes 256
_SPREAD = 100e6  # of two equal trainings


@pytest.mark.slow
def test_memory_stays_flat(work: Path, dlrun: Callable[..., Any]):
    peaks = {}
    for rows in (_FEW, _MANY):
        write_csv(work / "big.csv", rows, _FEATURES)
        words = ["data=csv", "data.path=big.csv", "data.stream=true", "trainer.shuffle_window=65536"]
        words += [
            "trainer.batch_size=1024",
            "trainer.epochs=2",
            "tracking=none",
            "model.hidden=[16]",
            f"name=rows{rows}",
        ]
        done = dlrun(*words, timeout=1800)
        assert done.returncode == 0, done.stderr
        (result,) = [each for each in map(_result, work.glob("runs/*")) if each["name"].endswith(f"rows{rows}")]
        assert sum(result["samples"].values()) == rows
        peaks[rows] = result["cost"]["peak_memory_bytes"]
    grown = peaks[_MANY] - peaks[_FEW]
    assert grown < _SPREAD + (_MANY - _FEW) * _BYTES_A_ROW, peaks
    assert grown < (_MANY - _FEW) * _FEATURES * 4 * 0.6, peaks


def _result(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "result.json").read_text())
    return found
