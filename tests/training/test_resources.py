"""What a training takes of the machine: sampled beside it, told to nobody it could disturb."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import psutil
import pytest

from dlrun.tracking.journal import read
from dlrun.training import resources
from dlrun.training.resources import sampled, sampling

_CARDS = """
class NVMLError(Exception): ...
class Memory: used, total = 2e9, 8e9
class Rates: gpu = 37
def nvmlInit(): ...
def nvmlDeviceGetCount(): return 2
def nvmlDeviceGetHandleByIndex(index): return index
def nvmlDeviceGetMemoryInfo(card): return Memory
def nvmlDeviceGetUtilizationRates(card):
    if card: raise NVMLError("not supported")
    return Rates
def nvmlDeviceGetPowerUsage(card): return 71_500
"""


def test_a_sample_has_processor_and_memory() -> None:
    taken = sampled(psutil.Process())
    assert 0 < taken["process_memory_megabytes"] < taken["system_memory_usage_megabytes"]
    assert 0 < taken["system_memory_usage_percentage"] <= 100
    assert taken["cpu_utilization_percentage"] >= 0


def test_each_graphics_card_tells_what_it_can(tmp_path: Path) -> None:
    """A stand-in for NVIDIA's library, whose second card does not tell how busy it is."""
    (tmp_path / "pynvml.py").write_text(_CARDS)
    code = "import psutil; from dlrun.training.resources import sampled; print(sampled(psutil.Process()))"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    taken = eval(done.stdout)
    assert {key: value for key, value in taken.items() if key.startswith("gpu_")} == {
        "gpu_0_memory_usage_megabytes": 2000.0,
        "gpu_0_memory_usage_percentage": 25.0,
        "gpu_0_utilization_percentage": 37.0,
        "gpu_0_power_usage_watts": 71.5,
        "gpu_1_memory_usage_megabytes": 2000.0,
        "gpu_1_memory_usage_percentage": 25.0,
        "gpu_1_power_usage_watts": 71.5,
    }


def test_samples_come_so_often_and_none_after_the_end() -> None:
    taken: list[Mapping[str, float]] = []
    with sampling(0.05, taken.append):
        time.sleep(0.6)
    count = len(taken)
    assert count > 2
    time.sleep(0.15)
    assert len(taken) == count


def test_with_0_seconds_there_is_no_sampling() -> None:
    with sampling(0, lambda values: pytest.fail("sampled")):
        time.sleep(0.05)


def test_a_full_disk_ends_the_sampling_and_not_the_training() -> None:
    calls = []

    def full(values: Mapping[str, float]) -> None:
        calls.append(values)
        raise OSError(28, "No space left on device")

    with sampling(0.02, full):
        time.sleep(0.3)
    assert len(calls) == 1


def test_a_run_has_its_samples_in_its_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import dlrun

    monkeypatch.setattr(resources, "_FIRST_SECONDS", 0.05)
    words = ["tracking=offline", "tracking.system_metrics_seconds=1", "trainer.epochs=150", "trainer.device=cpu"]
    result = dlrun.run([*words, "callback=[]"], directory=tmp_path)
    events = read(result.path / "journal.jsonl")
    samples = [event for event in events if event.event == "system"]
    assert samples
    assert all(0 <= event["seconds"] < 600 and event["values"]["process_memory_megabytes"] > 0 for event in samples)
    assert events[-1].event == "end"
    assert [event.seq for event in events] == list(range(len(events)))
