"""Where a run begins: at its beginning, at its checkpoint, at the end of a shorter run."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import dlrun
from dlrun.errors import StorageError, UserError
from dlrun.tracking.journal import last_attempt, read
from dlrun.training import machine
from dlrun.training.result import Result
from dlrun.training.rundir import RunDirectory
from dlrun.training.settings import as_begun

WORDS = ["data=iris", "model.hidden=[8]", "model.dropout=0.2", "callback=[]", "tracking=none", "trainer.device=cpu"]
SAFE = "checkpoint.every_seconds=0"


def run(*words: str) -> Result:
    result = dlrun.run([*WORDS, *words])
    assert isinstance(result, Result)
    return result


def interrupted(*words: str, epoch: int = 4, safe: str = SAFE) -> RunDirectory:
    """Begin a run of ten epochs and stop it behind one of them."""

    def press(event: str, fields: Mapping[str, Any]) -> None:
        if event == "epoch" and fields["epoch"] == epoch:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        dlrun.run([*WORDS, "trainer.epochs=10", safe, *words], listener=press)
    (path,) = (path for path in Path("runs").iterdir() if (path / "spec.json").is_file())
    return RunDirectory(path)


def curve(result: Result) -> list[tuple[Any, ...]]:
    assert result.path is not None
    events = [event for event in last_attempt(read(result.path / "journal.jsonl")) if event.event == "epoch"]
    return [(event["epoch"], event["metrics"], event["learning_rate"]) for event in events]


def warnings(directory: RunDirectory) -> list[str]:
    return [event["text"] for event in last_attempt(read(directory.journal)) if event.event == "warning"]


def test_more_epochs_go_on_where_a_finished_run_ended(work: Path, tmp_path_factory: Any, monkeypatch: Any) -> None:
    keep = "callback=[early_stopping,checkpoint]"  # which give back the best weights: the last ones go on
    shorter = run("trainer.epochs=6", keep, SAFE)
    longer = run("trainer.epochs=12", keep)
    assert longer.resumed == {"epoch": 6, "step": 0, "run": shorter.id} and longer.id != shorter.id
    assert [epoch for epoch, *_ in curve(longer)] == list(range(1, 13))
    events = read(longer.path / "journal.jsonl")  # type: ignore[operator]
    assert [event["epoch"] for event in events if event.event == "checkpoint"] == [6, 12]
    monkeypatch.chdir(tmp_path_factory.mktemp("other"))
    whole = run("trainer.epochs=12", keep)
    assert whole.resumed is None
    assert (whole.fingerprint, whole.metrics, curve(whole)) == (longer.fingerprint, longer.metrics, curve(longer))


def test_a_schedule_that_depends_on_the_total_is_not_extended(work: Path) -> None:
    for schedule, goes_on in {"cosine": False, "step": True}.items():
        run("trainer.epochs=3", f"schedule={schedule}", SAFE)
        assert (run("trainer.epochs=5", f"schedule={schedule}").resumed is not None) == goes_on
    run("trainer.epochs=3", "schedule=cosine", "schedule.decay_epochs=2", SAFE)
    assert run("trainer.epochs=5", "schedule=cosine", "schedule.decay_epochs=2").resumed is not None


def test_a_schedule_is_measured_by_the_steps_that_an_epoch_has(work: Path) -> None:
    """Ten stairs over the training: one step long in 10 steps and in 15, but longer in more epochs."""
    option = Path("conf/schedule/stairs.yaml")
    option.parent.mkdir(parents=True)
    Path("conf/project.yaml").touch()
    option.write_text(
        "# Ten stairs\n_target_: keras.optimizers.schedules.ExponentialDecay\n_derived_:\n"
        "  initial_learning_rate: $learning_rate\n  decay_steps: $total_steps // 10\n  decay_rate: $factor\n"
        "  staircase: true\nfactor: 0.5   # (0, 1]: of the rate before\n"
    )
    run("trainer.epochs=10", "schedule=stairs", SAFE)
    assert run("trainer.epochs=15", "schedule=stairs").resumed is None


def test_a_fast_dev_run_leaves_nothing_to_go_on_with(work: Path) -> None:
    result = run("trainer.epochs=3", "trainer.fast_dev_run=true", SAFE)
    assert result.path is not None and not RunDirectory(result.path).checkpoints.exist()
    assert not Path("runs/.shorter").exists()


def test_a_damaged_end_of_a_shorter_run_is_left_where_it_is(work: Path) -> None:
    shorter = run("trainer.epochs=3", SAFE)
    assert shorter.path is not None
    (state,) = RunDirectory(shorter.path).checkpoints.folder.glob("*.state")
    os.truncate(state, 10)
    assert run("trainer.epochs=5").resumed is None
    assert state.exists()


def test_without_checkpoints_a_run_goes_on_all_the_same_and_leaves_those_it_has(work: Path) -> None:
    checkpoints = interrupted().checkpoints
    before = sorted(path.name for path in checkpoints.folder.iterdir())
    interrupted(epoch=7, safe="checkpoint=none")
    assert sorted(path.name for path in checkpoints.folder.iterdir()) == before
    result = run("trainer.epochs=10", "checkpoint=none")
    assert result.resumed == {"epoch": 4, "step": 0}
    assert [epoch for epoch, *_ in curve(result)] == list(range(1, 11))
    assert not checkpoints.exist() and not Path("runs/.shorter").exists()


def test_a_run_that_was_stopped_early_has_nothing_to_add(work: Path) -> None:
    stop = ["callback=[early_stopping]", "callback.early_stopping.patience=1", "callback.early_stopping.min_delta=1"]
    shorter = run("trainer.epochs=20", *stop, SAFE)
    longer = run("trainer.epochs=40", *stop)
    assert shorter.epochs_run == longer.epochs_run < 20
    assert (shorter.fingerprint, curve(shorter)) == (longer.fingerprint, curve(longer))


def test_another_machine_is_named_and_refused_unless_it_may_be(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = interrupted()
    here = machine.describe()
    monkeypatch.setattr(machine, "describe", lambda: {**here, "tensorflow": "2.30.0", "onednn": "0"})
    before = {path: path.read_bytes() for path in directory.checkpoints.folder.iterdir()}
    with pytest.raises(UserError, match=r"TF_ENABLE_ONEDNN_OPTS: not set -> 0; TensorFlow: .* -> 2\.30\.0.*--inexact"):
        run("trainer.epochs=10", SAFE)
    assert {path: path.read_bytes() for path in directory.checkpoints.folder.iterdir()} == before
    assert directory.status() == "interrupted"
    result = run("trainer.epochs=10", "checkpoint.inexact=true")
    assert (result.status, result.resumed) == ("finished", {"epoch": 4, "step": 0})
    assert result.id == directory.path.name


def test_damage_is_told_once_and_costs_one_generation(work: Path) -> None:
    directory = interrupted()
    newest = sorted(directory.checkpoints.folder.glob("*.state"))[-1]
    os.truncate(newest, newest.stat().st_size // 2)
    result = run("trainer.epochs=10")
    (warning,) = warnings(directory)
    assert "is damaged" in warning and warning.endswith("the run goes on with the one before, of epoch 3")
    assert f"warning: {warning}" in (directory.path / "log.txt").read_text()
    assert result.resumed == {"epoch": 3, "step": 0} and [epoch for epoch, *_ in curve(result)] == list(range(1, 11))


def test_a_run_without_a_good_checkpoint_begins_again(work: Path) -> None:
    directory = interrupted()
    for state in directory.checkpoints.folder.glob("*.state"):
        state.write_bytes(b"")
    result = run("trainer.epochs=10")
    (warning,) = warnings(directory)
    assert warning.endswith("the run begins again") and warning.count("is damaged") == 2
    assert result.resumed is None and [epoch for epoch, *_ in curve(result)] == list(range(1, 11))


def test_threads_and_engine_are_those_of_the_first_start(work: Path) -> None:
    directory = interrupted("trainer.engine=fit")
    trainer = {"threads": None, "device": "cpu"}
    assert as_begun(trainer, directory) == trainer
    assert run("trainer.epochs=10", "trainer.engine=fused", SAFE).engine["name"] == "fit"
    for path in directory.checkpoints.folder.glob("*.json"):
        manifest = json.loads(path.read_text())
        manifest["origin"]["threads"] += 3
        path.write_text(json.dumps(manifest))
    assert as_begun(trainer, directory)["threads"] == machine.resolved_threads(None) + 3


def test_an_engine_that_cannot_go_on_says_why_another_does(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupted("trainer.engine=fused")
    monkeypatch.setattr("dlrun.training.choose.has_own_step", lambda _: True)
    engine = run("trainer.epochs=10", SAFE).engine
    assert engine["name"] == "fit" and "train_step" in engine["why"]


def test_a_diagnosis_that_fails_costs_a_warning(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise ValueError("no such curve")

    monkeypatch.setattr("dlrun.pipeline.diagnose", fail)
    result = run("trainer.epochs=2")
    assert result.status == "finished" and result.path is not None
    directory = RunDirectory(result.path)
    assert directory.model.is_file()
    assert warnings(directory) == ["the training could not be diagnosed: ValueError: no such curve"]


def test_a_log_that_cannot_be_written_hides_no_error(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise StorageError("log.txt cannot be written: the disk is full.")

    def fail(*_: Any) -> None:
        raise ValueError("no such row")

    monkeypatch.setattr(RunDirectory, "log", refuse)
    monkeypatch.setattr("dlrun.pipeline.train", fail)
    result = run("trainer.epochs=2")
    assert result.status == "failed" and result.cause is not None and result.cause["message"] == "no such row"


@pytest.mark.parametrize("small_disk", [2000], indirect=True)
def test_a_disk_that_fills_up_costs_no_epoch(small_disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dlrun.sweeps.room._LEAST_FREE_BYTES", 0)  # of what a command wants before it begins

    def fill(event: str, fields: Mapping[str, Any]) -> None:
        if event == "epoch" and fields["epoch"] == 4:
            with contextlib.suppress(OSError), Path("filler").open("wb", buffering=0) as file:
                while True:
                    file.write(bytes(1000))

    words = [*WORDS, "trainer.epochs=10", "trainer.save_model=never", SAFE]
    with contextlib.chdir(small_disk):
        try:
            full = dlrun.run(words, listener=fill)
            assert full.status == "failed" and "the disk is full" in str(full.cause)
        except StorageError as error:  # not even the result can be written
            assert "the disk is full" in str(error)
        Path("filler").unlink()
        result = dlrun.run(words)
    assert result.status == "finished" and result.resumed is not None and result.resumed["epoch"] >= 3
    assert [epoch for epoch, *_ in curve(result)] == list(range(1, 11))


def test_what_interrupted_it_is_in_the_result(work: Path) -> None:
    result = interrupted().result()
    assert result is not None and result.cause is not None
    assert (result.status, result.cause["kind"]) == ("interrupted", "signal")
    assert result.cause["message"].startswith("SIGINT stopped it")
    assert result.cause["message"].endswith("the same command goes on after epoch 4")


def test_a_clock_that_is_set_by_hours_while_a_run_trains_does_no_harm(work: Path, monkeypatch: Any) -> None:
    calm, began = run("trainer.epochs=10", "checkpoint.every_seconds=600"), time.monotonic()
    assert calm.path is not None
    calm.path.rename("calm")
    hours = itertools.cycle([0, 5, -7, 30, -48])
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + 3600 * next(hours))
    again = run("trainer.epochs=10", "checkpoint.every_seconds=600")
    assert (again.fingerprint, again.metrics, again.status) == (calm.fingerprint, calm.metrics, "finished")
    assert all(0 <= seconds <= time.monotonic() - began for seconds in again.durations.values())
    assert again.started <= again.ended
    events = read(again.path / "journal.jsonl")  # type: ignore[operator]
    assert [event.event for event in events].count("checkpoint") == 0  # none is due before ten minutes have passed
    times = [event.time for event in events]
    assert times == sorted(times)
