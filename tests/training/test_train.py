"""A training from its spec to its outcome: what is told, what is kept, what ends it."""

import dataclasses
import math

import numpy as np
import pytest

from dlrun.errors import ConfigError


def test_a_training_tells_its_epochs_and_its_test(train_now):
    outcome, model, events = train_now(metric=["accuracy"])
    assert outcome.status == "finished"
    assert (outcome.epochs_run, outcome.kept_epoch, outcome.monitor) == (4, 4, "val_loss")
    assert outcome.engine["name"] == "fit"
    assert outcome.samples == {"train": 70, "validation": 20, "test": 20}
    assert outcome.parameters == model.count_params()
    assert [event for event, _ in events] == ["epoch"] * 4 + ["evaluated"]
    first = events[0][1]
    assert first["epoch"] == 1
    assert set(first["metrics"]) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert all(type(value) is float for value in first["metrics"].values())
    assert first["learning_rate"] == pytest.approx(0.001)
    assert events[-1][1]["part"] == "test"
    assert events[-1][1]["epoch"] == 4


def test_flat_metrics_are_those_of_last_best_and_test(train_now):
    outcome, _, events = train_now(metric=["accuracy"])
    losses = [fields["metrics"]["val_loss"] for event, fields in events if event == "epoch"]
    assert outcome.metrics["val_loss"] == losses[-1]
    assert outcome.metrics["best_val_loss"] == min(losses)
    assert outcome.metrics["restored_val_loss"] == losses[outcome.kept_epoch - 1]
    assert outcome.best_epoch == losses.index(min(losses)) + 1
    assert outcome.metrics["test_accuracy"] == events[-1][1]["metrics"]["accuracy"]


def test_the_best_epoch_can_be_best_in_a_metric(train_now):
    trainer = {"epochs": 6, "batch_size": 16, "monitor": "val_accuracy"}
    outcome, _, events = train_now(metric=["accuracy"], trainer=trainer)
    values = [fields["metrics"]["val_accuracy"] for event, fields in events if event == "epoch"]
    assert outcome.best_epoch == values.index(max(values)) + 1


@pytest.mark.parametrize("callback", ["early_stopping", "checkpoint"])
def test_the_best_epochs_weights_are_kept(callback, train_now, make_prepared, run_directory):
    # Labels of the validation part are turned round: the better it learns, the worse it gets there.
    prepared = make_prepared("binary")
    prepared.validation.y[:] = 1 - prepared.validation.y
    trainer = {"epochs": 8, "batch_size": 16}
    node = {callback: {"option": callback} | ({"patience": 3} if callback == "early_stopping" else {})}
    sgd = {"option": "sgd", "learning_rate": 0.5}
    outcome, model, events = train_now("binary", prepared=prepared, trainer=trainer, callback=node, optimizer=sgd)
    losses = [fields["metrics"]["val_loss"] for event, fields in events if event == "epoch"]
    assert outcome.kept_epoch == losses.index(min(losses)) + 1 < len(losses)
    assert outcome.metrics["restored_val_loss"] == min(losses) != losses[-1] == outcome.metrics["val_loss"]
    values = model.evaluate(prepared.validation.x, prepared.validation.y, verbose=0, return_dict=True)
    assert values["loss"] == pytest.approx(min(losses), rel=1e-5)
    if callback == "early_stopping":
        assert outcome.epochs_run == outcome.kept_epoch + 3
    else:
        assert (run_directory.path / "best.weights.h5").is_file()


def test_a_training_that_diverges_says_when_and_keeps_the_last_good_model(train_now):
    sgd = {"option": "sgd", "learning_rate": 1e6}
    outcome, model, events = train_now("regression", optimizer=sgd, loss="mean_squared_error")
    assert outcome.status == "diverged"
    assert outcome.cause["kind"] == "nan" and "epoch 1" in outcome.cause["message"]
    assert (outcome.kept_epoch, outcome.best_epoch, outcome.epochs_run) == (0, None, 1)
    assert all(np.isfinite(weight).all() for weight in model.get_weights())
    assert math.isfinite(outcome.metrics["test_loss"])
    assert len([event for event, _ in events if event == "epoch"]) == 1


def test_a_loss_that_explodes_is_a_divergence(train_now, make_model):
    import keras

    class Explode(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                self.model.set_weights([1e4 * weight for weight in self.model.get_weights()])

    model = make_model("regression")
    plain_fit = model.fit
    model.fit = lambda *args, callbacks, **more: plain_fit(*args, callbacks=[*callbacks.callbacks, Explode()], **more)
    outcome, model, _ = train_now("regression", model, optimizer={"option": "sgd", "learning_rate": 1e-9})
    assert outcome.status == "diverged"
    assert outcome.kept_epoch == 2
    assert outcome.cause["kind"] == "explosion" and "in epoch 3" in outcome.cause["message"]
    assert max(np.abs(weight).max() for weight in model.get_weights()) < 100


def test_a_first_epoch_that_has_gone_wrong_already_is_a_divergence(train_now, make_prepared):
    """Compared with itself it could not be: guessing one of three classes costs about 1.1."""
    prepared = dataclasses.replace(make_prepared(), classes=("low", "middle", "high"))
    fast = {"option": "adam", "learning_rate": 1e6}
    outcome, _, _ = train_now(prepared=prepared, optimizer=fast, trainer={"epochs": 2})
    assert outcome.status == "diverged"
    assert outcome.cause["kind"] == "explosion" and "in epoch 1" in outcome.cause["message"]
    assert outcome.kept_epoch == 0


def test_a_stop_file_ends_it_after_the_epoch(train_now, run_directory):
    run_directory.stop.touch()
    outcome, _, _ = train_now()
    assert outcome.status == "pruned"
    assert outcome.epochs_run == 1
    assert outcome.cause["kind"] == "pruned" and "after epoch 1" in outcome.cause["message"]


def test_a_monitor_that_nothing_computes_is_told(train_now):
    with pytest.raises(ConfigError, match=r"trainer\.monitor must name something that is computed"):
        train_now(trainer={"epochs": 2, "monitor": "val_f1"})


def test_a_falling_rate_is_noted_epoch_by_epoch(train_now):
    _, _, events = train_now(schedule={"option": "step", "every_epochs": 2.0, "factor": 0.1})
    rates = [fields["learning_rate"] for event, fields in events if event == "epoch"]
    np.testing.assert_allclose(rates, [1e-3, 1e-3, 1e-4, 1e-4], rtol=1e-5)


def test_a_plateau_lowers_the_rate(train_now):
    plateau = {"reduce_lr_on_plateau": {"option": "reduce_lr_on_plateau", "patience": 1, "min_delta": 10.0}}
    _, _, events = train_now(callback=plateau)
    rates = [fields["learning_rate"] for event, fields in events if event == "epoch"]
    np.testing.assert_allclose(rates, [1e-3, 1e-3, 5e-4, 2.5e-4], rtol=1e-5)
    assert all("learning_rate" not in fields["metrics"] for event, fields in events if event == "epoch")
