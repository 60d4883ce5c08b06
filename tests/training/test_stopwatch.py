"""What a run cost: rows a second, time to the first step, peak memory."""

from types import SimpleNamespace

import numpy as np
import pytest

from dlrun.training import memory, stopwatch


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until it is set."""
    now = SimpleNamespace(seconds=100.0)
    monkeypatch.setattr(stopwatch.time, "perf_counter", lambda: now.seconds)
    return now


def watch(clock, blocks, rows=70, batch=16):
    """A stopwatch that has seen blocks of steps: `(seconds before, first step, last step, seconds)`."""
    course = SimpleNamespace(train=SimpleNamespace(x=np.zeros(rows)), rows_a_step=batch)
    watch = stopwatch.Stopwatch(course)
    for before, first, last, seconds in blocks:
        clock.seconds += before
        watch.on_train_batch_begin(first)
        clock.seconds += seconds
        watch.on_train_batch_end(last)
    return watch


def test_the_first_block_and_what_lies_between_blocks_do_not_count(clock):
    seen = watch(clock, [(1, 0, 4, 3.0), (5, 0, 4, 0.5), (5, 0, 4, 0.5)])
    assert seen.samples_per_second() == 140  # 70 rows in half a second, the short last batch counted as it is
    assert seen.seconds_to_first_step() == pytest.approx(4.0 - 4 * 0.1)  # less four steps at the later pace


def test_a_block_that_begins_in_an_epochs_middle_counts_its_rows(clock):
    assert watch(clock, [(0, 0, 0, 9.0), (0, 1, 2, 0.5), (0, 3, 4, 0.5)]).samples_per_second() == 54


def test_one_block_is_all_there_is(clock):
    seen = watch(clock, [(1, 0, 4, 3.5)])
    assert (seen.samples_per_second(), seen.seconds_to_first_step()) == (20, 4.5)


def test_without_a_step_nothing_is_known(clock):
    assert watch(clock, []).cost() == {"samples_per_second": None, "seconds_to_first_step": None}


@pytest.mark.parametrize("engine", ["fit", "fused"])
def test_both_engines_are_measured(engine, train_now):
    outcome, _, _ = train_now(trainer={"epochs": 3, "batch_size": 16, "engine": engine})
    assert outcome.cost["samples_per_second"] > 100
    assert 0 < outcome.cost["seconds_to_first_step"] < outcome.durations["train_seconds"]


def test_the_peak_is_the_runs_and_not_the_process(monkeypatch, tmp_path):
    if not memory.forget_peak():
        pytest.skip("this system keeps one peak for the whole process")
    before = memory.peak_bytes()
    large = np.ones(30_000_000)  # 240 MB, every page of it touched
    with_it = memory.peak_bytes()
    del large
    assert with_it - before > 200e6
    assert memory.peak_bytes() >= with_it - 1e6
    memory.forget_peak()
    assert memory.peak_bytes() < with_it - 200e6

    monkeypatch.setattr(memory, "_CLEAR", tmp_path)  # which cannot be written
    monkeypatch.setattr(memory, "_STATUS", tmp_path / "none")
    assert not memory.forget_peak()
    assert 0 < memory.peak_bytes() < with_it + 1e9  # as the system counts it for the process
