"""How many workers there are, and when one more is worth its start."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from dlrun.sweeps import size
from dlrun.training import process
from dlrun.training.settings import Settings

LAUNCHER = {"jobs": "auto", "worker_memory": "auto", "trial_timeout": None}
TRAINER = {"device": "auto", "threads": None, "deterministic": True}


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Eight cores, 32 GB, no GPU, TensorFlow not imported."""
    monkeypatch.setattr(size, "cores", lambda: 8)
    monkeypatch.setattr(size, "available_bytes", lambda: 32_000_000_000)
    monkeypatch.setattr(size, "gpus_of", lambda: ())
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    return monkeypatch


def crew(runs: int = 100, **launcher: Any) -> size.Crew:
    return size.crew_for(LAUNCHER | launcher, [TRAINER] * runs, runs)


def test_a_worker_a_core_that_share_the_cores_and_the_memory(machine: pytest.MonkeyPatch) -> None:
    found = crew()
    assert (found.most, found.threads, found.why) == (8, 1, "one a core")
    assert found.worker_bytes == int(0.9 * 32e9 / 8)
    assert crew(jobs=3).threads == 2
    assert crew(jobs=3).is_asked and not found.is_asked
    assert crew(worker_memory=1.5).worker_bytes == 1_500_000_000


def test_no_more_workers_than_runs_memory_or_gpus(machine: pytest.MonkeyPatch) -> None:
    assert crew(runs=3).most == 3
    assert crew(runs=3, jobs=20).most == 3
    machine.setattr(size, "available_bytes", lambda: 2_500_000_000)
    assert (crew().most, crew().why) == (2, "memory for no more")
    machine.setattr(size, "gpus_of", lambda: ("0", "2", "3"))
    machine.setattr(size, "available_bytes", lambda: 64_000_000_000)
    found = crew()
    assert (found.most, found.gpus, found.threads) == (3, ("0", "2", "3"), None)
    assert size.crew_for(LAUNCHER, [TRAINER | {"device": "cpu"}] * 9, 9).gpus == ()


def test_threads_that_were_asked_for_stay(machine: pytest.MonkeyPatch) -> None:
    assert size.crew_for(LAUNCHER, [TRAINER | {"threads": 4}] * 9, 9).threads is None


def test_a_single_worker_has_all_cores(machine: pytest.MonkeyPatch) -> None:
    assert crew(runs=1).threads is None


def test_a_sweep_that_is_nearly_done_computes_as_it_began(machine: pytest.MonkeyPatch) -> None:
    left = size.crew_for(LAUNCHER, [TRAINER], runs=100)
    assert (left.most, left.threads) == (1, 1)


def test_few_runs_stay_where_tensorflow_is_already(machine: pytest.MonkeyPatch) -> None:
    machine.setitem(sys.modules, "tensorflow", sys)
    machine.setattr(process, "_settings", None)
    assert crew(runs=4).most == 0
    assert crew(runs=400).most == 8
    assert crew(runs=4, jobs=2).most == 2
    assert crew(runs=4, trial_timeout=9.0).most == 4  # which holds for another process only
    assert crew(runs=4, worker_memory=2.0).most == 4
    assert size.crew_for(LAUNCHER, [TRAINER, TRAINER | {"deterministic": False}], 2).most == 2
    machine.setattr(process, "_settings", Settings(False, None, "auto"))  # nor can the process be set up anew
    assert crew(runs=4).most == 4


def test_hidden_gpus_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert size.gpus_of() == ()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2, GPU-8f9a,-1")
    assert size.gpus_of() == ("2", "GPU-8f9a")


@pytest.mark.parametrize(
    ("waiting", "workers", "seconds", "worth"),
    [
        (1, 0, None, True),  # somebody must
        (10, 1, None, False),  # 3 s by the guess: done before another has started
        (30, 1, None, True),
        (30, 1, 0.05, False),
        (1, 1, 60.0, True),
        (100, 8, 0.3, False),
        (1000, 8, 0.3, True),
    ],
)
def test_one_more_must_be_ready_before_the_others_are_done(
    waiting: int, workers: int, seconds: float | None, worth: bool
) -> None:
    assert size.is_worth_one_more(waiting, workers, seconds) is worth
