"""The engine `fit`: the same bits every time, every row once an epoch, in dlrun's own order."""

import numpy as np
import pytest

from dlrun.training.choose import choose
from dlrun.training.engine import Course
from dlrun.training.objective import Horizon, build_objective
from dlrun.training.shuffle import permutation


@pytest.fixture(scope="module")
def fit_once(make_spec, make_prepared, make_model, catalog):
    """Train for a few epochs; gives weights and history."""
    import keras

    engine = choose("fit").engine

    def once(model=None, callbacks=(), task="multiclass", **course):
        model = make_model(task, dropout=0.3) if model is None else model
        prepared = course.pop("prepared", None) or make_prepared(task)
        plan = {"epochs": 3, "batch_size": 16, "validation_batch_size": "auto", "seed": 5} | course
        course = Course(prepared.train, prepared.validation, **plan)
        objective = build_objective(make_spec(task), catalog, Horizon(course.steps_per_epoch, course.epochs))
        history = keras.callbacks.History()
        with engine.open(model, objective, course) as session:
            session.fit([*callbacks, history])
        return model.get_weights(), history.history

    return once


def equal(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.fixture(scope="module")
def recorder(tensorflow):
    """A model without use that records the first feature of every row it is trained on."""
    import keras
    from keras import ops

    class Recorder(keras.Layer):
        def __init__(self, size):
            super().__init__()
            self.seen = self.add_weight(shape=(size,), initializer="zeros", trainable=False, name="seen")
            self.at = self.add_weight(shape=(), dtype="int32", initializer="zeros", trainable=False, name="at")
            self.scale = self.add_weight(shape=(), initializer="ones")

        def call(self, x, training=False):
            if training:
                places = self.at + ops.arange(ops.shape(x)[0])
                self.seen.assign(ops.scatter_update(self.seen, places[:, None], x[:, 0]))
                self.at.assign_add(ops.shape(x)[0])
            return ops.softmax(x[:, 1:] * self.scale)

    def make(size):
        layer = Recorder(size)
        inputs = keras.Input((4,))
        return keras.Model(inputs, layer(inputs)), layer

    return make


def test_the_same_seed_gives_the_same_bits(fit_once):
    weights, history = fit_once()
    again, history_again = fit_once()
    assert equal(weights, again)
    assert history == history_again


def test_another_seed_gives_another_order(fit_once):
    assert not equal(fit_once(seed=1)[0], fit_once(seed=2)[0])


def test_rows_come_in_the_order_of_the_permutation(fit_once, recorder, make_prepared):
    prepared = make_prepared()
    prepared.train.x[:, 0] = np.arange(70)
    model, layer = recorder(3 * 70)
    fit_once(model, prepared=prepared, seed=9)
    orders = layer.seen.numpy().reshape(3, 70).astype(int)
    for epoch, order in enumerate(orders):
        assert order.tolist() == permutation(9, epoch, 70).tolist()


def test_the_short_last_batch_is_trained_on(fit_once, recorder):
    import keras

    class Steps(keras.callbacks.Callback):
        def on_train_end(self, logs=None):
            self.steps = int(self.model.optimizer.iterations.numpy())

    steps = Steps()
    model, layer = recorder(3 * 70)
    fit_once(model, [steps])  # 70 rows: four batches of 16 and one of 6
    assert steps.steps == 3 * 5
    assert int(layer.at.numpy()) == 3 * 70


def test_a_full_batch_is_one_step(fit_once):
    import keras

    optimizers = []
    remember = keras.callbacks.LambdaCallback(on_train_end=lambda logs: None)
    remember.on_train_end = lambda logs=None: optimizers.append(int(remember.model.optimizer.iterations.numpy()))
    fit_once(callbacks=[remember], batch_size="full")
    assert optimizers == [3]


@pytest.mark.parametrize("kind", ["dense", "convolution", "recurrent"])
def test_blocks_of_steps_give_the_bits_of_single_steps(kind, fit_once, monkeypatch):
    import keras
    from keras import layers

    def model():
        keras.utils.set_random_seed(2)
        body = {
            "dense": [layers.Dense(16, kernel_regularizer="l2"), layers.BatchNormalization(), layers.ReLU()],
            "convolution": [
                layers.Reshape((2, 2, 1)),
                layers.Conv2D(4, 2, padding="same"),
                layers.BatchNormalization(),
                layers.ReLU(),
                layers.Flatten(),
            ],
            "recurrent": [layers.Reshape((4, 1)), layers.LSTM(8, dropout=0.2, seed=4)],
        }[kind]
        return keras.Sequential(
            [keras.Input((4,)), *body, layers.Dropout(0.2, seed=1), layers.Dense(3, activation="softmax")]
        )

    blocks, histories = [], []
    for steps in (5, 1):  # the whole epoch in a block, then one step
        monkeypatch.setattr("dlrun.training.fit.steps_per_block", lambda *_, steps=steps: steps)
        weights, history = fit_once(model())
        blocks.append(weights)
        histories.append(history)
    assert equal(*blocks)
    assert histories[0] == histories[1]


def test_a_callback_that_looks_at_batches_is_called_for_each(fit_once):
    import keras

    batches = []

    class Count(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            batches.append(batch)

    fit_once(callbacks=[Count()])
    assert batches == [0, 1, 2, 3, 4] * 3


def test_validation_does_not_depend_on_its_batches(fit_once):
    one = fit_once(validation_batch_size="full")[1]["val_loss"]
    other = fit_once(validation_batch_size=7)[1]["val_loss"]
    np.testing.assert_allclose(one, other, rtol=1e-6)
