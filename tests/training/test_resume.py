"""A training that was interrupted ends with the bits of one that was left alone: weights, history, callbacks."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dlrun.config.catalog import Catalog
from dlrun.config.roots import Roots
from dlrun.errors import ConfigError, Terminated, UserError
from dlrun.training.checkpoint import Checkpoints

EVERY_BLOCK = {"option": "default", "every_seconds": 0.0}
OPTIONS = Catalog(Roots.of(Path(__file__).parent)).names("callback")
PATIENT = {  # so that the option acts within the epochs of the test
    "early_stopping": {"patience": 3, "min_delta": 0.4},
    "reduce_lr_on_plateau": {"patience": 1, "min_delta": 0.05, "factor": 0.3},
}


@pytest.fixture
def train_killed(train_now, make_model, run_directory, monkeypatch):
    """Train, end it behind some of its checkpoints as a kill would, and go on until it is done."""

    def train(kills: tuple[int, ...] = (), **groups: Any) -> Any:
        groups = {"checkpoint": EVERY_BLOCK, **groups}
        write, written, told = Checkpoints.write, 0, []

        def write_and_die(self, checkpoint):
            nonlocal written
            write(self, checkpoint)
            written += 1
            if written in kills:
                raise KeyboardInterrupt

        monkeypatch.setattr(Checkpoints, "write", write_and_die)
        for _ in kills:
            with pytest.raises(KeyboardInterrupt):
                train_now(model=make_model(dropout=0.3), events=told, **groups)
            run_directory.checkpoints.forget()
        outcome, model, _ = train_now(model=make_model(dropout=0.3), events=told, **groups)
        run_directory.checkpoints.forget()
        state = run_directory.checkpoints.newest().state
        return outcome, model, told, state

    return train


def same(one: Any, other: Any) -> bool:
    """Whether two states are equal to the bit."""
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(same(*pair) for pair in zip(one, other, strict=True))
    return bool(one == other)


def epochs(events: list[tuple[str, Any]]) -> dict[int, Any]:
    """The last telling of each epoch, less the time it took."""
    return {
        fields["epoch"]: (fields["metrics"], fields["learning_rate"]) for event, fields in events if event == "epoch"
    }


def compared(train_killed, run_directory, kills, **groups):
    """Train uninterrupted and interrupted; see that all is the same. Gives the interrupted one."""
    run_directory.checkpoints.clear()
    outcome, model, events, state = train_killed((), **groups)
    run_directory.checkpoints.clear()
    run_directory.path.joinpath("best.weights.h5").unlink(missing_ok=True)
    again, _, told, found = train_killed(kills, **groups)
    assert again.fingerprint == outcome.fingerprint
    assert epochs(told) == epochs(events)
    assert (again.metrics, again.best_epoch, again.kept_epoch) == (
        outcome.metrics,
        outcome.best_epoch,
        outcome.kept_epoch,
    )
    for part in state.keys() - {"files"}:  # Keras writes a file with the names of layers, which the process counts
        assert same(state[part], found[part]), part
    return again, model, told


@pytest.mark.parametrize("engine", ["fit", "fused"])
@pytest.mark.parametrize("option", OPTIONS)
def test_every_callback_goes_on_as_if_nothing_had_happened(train_killed, run_directory, option, engine):
    trainer = {"epochs": 9, "batch_size": 16, "engine": engine}
    callback = {option: {"option": option, **PATIENT.get(option, {})}}
    groups = {"callback": callback, "trainer": trainer, "optimizer": {"option": "adam", "learning_rate": 0.05}}
    outcome, _, told = compared(train_killed, run_directory, (2, 4), **groups)
    assert not [fields for event, fields in told if event == "warning"]
    if option == "early_stopping":
        assert outcome.kept_epoch < outcome.epochs_run < 9


@pytest.mark.parametrize("engine", ["fit", "fused"])
def test_an_epoch_is_gone_on_with_in_its_middle(train_killed, run_directory, monkeypatch, engine):
    steps = {"fit": ("fit.steps_per_block", 1), "fused": ("fused.steps_within_a_second", 2)}
    name, most = steps[engine]
    monkeypatch.setattr(f"dlrun.training.{name}", lambda *_: most)
    trainer = {"epochs": 3, "batch_size": 16, "engine": engine}  # 5 steps an epoch, the last one short
    groups = {"trainer": trainer, "metric": ["accuracy"], "schedule": "exponential"}
    for kills in [(2, 3), (4, 8)]:
        compared(train_killed, run_directory, kills, **groups)


def test_a_training_that_a_callback_has_ended_trains_no_epoch_more(train_killed, run_directory):
    stop = {"option": "early_stopping", "patience": 2, "min_delta": 0.5}
    groups = {"callback": {"early_stopping": stop}, "trainer": {"epochs": 30, "batch_size": 16}}
    outcome, *_ = train_killed((), **groups)
    run_directory.checkpoints.clear()
    again, _, told, _ = train_killed((outcome.epochs_run,), **groups)  # killed behind the last of its epochs
    assert (again.epochs_run, again.fingerprint) == (outcome.epochs_run, outcome.fingerprint)
    assert len([1 for event, _ in told if event == "epoch"]) == outcome.epochs_run


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_training_after_a_checkpoint(train_now, run_directory, number):
    events = _Signalling(number, epoch=2)
    with pytest.raises(KeyboardInterrupt) as caught:
        train_now(events=events, trainer={"epochs": 5, "batch_size": 16})
    assert isinstance(caught.value, Terminated) == (number == signal.SIGTERM)
    assert run_directory.checkpoints.newest().position.epoch == 2
    again, *_ = train_now(trainer={"epochs": 5, "batch_size": 16})
    run_directory.checkpoints.clear()
    assert again.fingerprint == train_now(trainer={"epochs": 5, "batch_size": 16})[0].fingerprint


def test_a_short_training_writes_no_checkpoint(train_now, run_directory):
    train_now(checkpoint="default")
    assert not run_directory.checkpoints.folder.exists()


def test_without_checkpoints_a_signal_still_ends_it(train_now, run_directory):
    with pytest.raises(Terminated):
        train_now(events=_Signalling(signal.SIGTERM, epoch=2), checkpoint="none")
    assert not run_directory.checkpoints.folder.exists()


def test_a_callback_without_declared_state_is_named(train_killed, catalog, monkeypatch):
    monkeypatch.delitem(catalog.get("callback", "early_stopping").facts, "state")
    *_, told, _ = train_killed((2,), callback=["early_stopping"], trainer={"epochs": 4, "batch_size": 16})
    (warning,) = [fields["text"] for event, fields in told if event == "warning"]
    assert warning.startswith("callback.early_stopping does not say what its state is")


def test_a_checkpoint_of_another_model_is_refused(train_killed, train_now, make_model, monkeypatch):
    train_killed((), trainer={"epochs": 2, "batch_size": 16})
    with pytest.raises(UserError, match="is of another model: its weights are"):
        train_now(model=make_model(units=9), trainer={"epochs": 3, "batch_size": 16}, checkpoint=EVERY_BLOCK)


def test_ruined_weights_never_become_a_checkpoint(train_now, make_model, run_directory):
    trainer = {"epochs": 12, "batch_size": 16, "divergence_factor": None}
    ruin = {"option": "sgd", "learning_rate": 1e7}
    outcome, model, _ = train_now(
        "regression", optimizer=ruin, callback=["checkpoint"], trainer=trainer, checkpoint=EVERY_BLOCK
    )
    assert outcome.status == "diverged"
    assert all(np.isfinite(weight).all() for weight in model.get_weights())
    kept = run_directory.checkpoints.newest()
    assert kept is None or all(np.isfinite(value).all() for value in kept.state["model"])


@pytest.fixture
def when_training_begins(tensorflow, monkeypatch):
    """Have early stopping do something when a training begins."""
    import keras

    def have(act):
        stopping = keras.callbacks.EarlyStopping
        begin = stopping.on_train_begin
        monkeypatch.setattr(stopping, "on_train_begin", lambda self, logs=None: (begin(self, logs), act(self)))

    return have


@pytest.mark.parametrize("engine", ["fit", "fused"])
def test_what_a_callback_does_when_training_begins_is_done_once(
    train_killed, run_directory, when_training_begins, engine
):
    def act(callback):
        callback.model.set_weights([np.full_like(weight, 0.01) for weight in callback.model.get_weights()])
        callback.model.optimizer.learning_rate = 0.05

    when_training_begins(act)
    options = {name: {"option": name, **PATIENT[name]} for name in ("early_stopping", "reduce_lr_on_plateau")}
    compared(
        train_killed, run_directory, (3,), callback=options, trainer={"epochs": 5, "batch_size": 16, "engine": engine}
    )


def test_a_callback_whose_state_cannot_be_written_is_told_at_once(
    train_now, run_directory, when_training_begins, catalog, monkeypatch
):
    when_training_begins(lambda callback: setattr(callback, "best_weights", {1}))
    with pytest.raises(
        ConfigError, match=r"^callback\.early_stopping: _state_ must .*; got best_weights, a set\. Keep it"
    ):
        train_now(callback=["early_stopping"])
    train_now(callback=["early_stopping"], checkpoint="none")
    monkeypatch.setitem(catalog.get("callback", "early_stopping").facts, "state", ["wiat"])
    with pytest.raises(ConfigError, match="must name attributes that the callback has; got wiat"):
        train_now(callback=["early_stopping"])
    assert not run_directory.checkpoints.folder.exists()


def test_the_journal_knows_of_a_checkpoint_before_it_is_written(train_now, monkeypatch):
    events, write = [], Checkpoints.write

    def written(self, checkpoint):
        write(self, checkpoint)
        events.append(("written", {"epoch": checkpoint.position.epoch}))

    monkeypatch.setattr(Checkpoints, "write", written)
    train_now(checkpoint=EVERY_BLOCK, trainer={"epochs": 2, "batch_size": 16}, events=events)
    told = [(event, fields["epoch"]) for event, fields in events if event != "evaluated"]
    assert told == [(event, epoch) for epoch in (1, 2) for event in ("epoch", "checkpoint", "written")]


class _Signalling(list[Any]):
    """Events; at the end of an epoch a signal comes."""

    def __init__(self, number: int, epoch: int) -> None:
        super().__init__()
        self.number, self.epoch = number, epoch

    def append(self, event: Any) -> None:
        super().append(event)
        if event[0] == "epoch" and event[1]["epoch"] == self.epoch:
            os.kill(os.getpid(), self.number)
