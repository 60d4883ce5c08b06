"""How many batches a training takes: limit_batches, fast_dev_run, gradient accumulation."""

import keras
import numpy as np
import pytest

from dlrun.errors import ConfigError
from dlrun.training.course import DEV_RUN_BATCHES, check_course, course_of, horizon_of, part_to_test
from dlrun.training.shuffle import permutation

NEAR = {"fit": {"rtol": 0}, "fused": {"rtol": 1e-4, "atol": 1e-6}}  # whether both have the same bits is tested apart
ROWS = 70  # of the training part, see conftest


class Seen(keras.callbacks.Callback):
    """Counts batches."""

    def __init__(self):
        super().__init__()
        self.train = self.validation = 0

    def on_train_batch_end(self, batch, logs=None):
        self.train += 1

    def on_test_batch_end(self, batch, logs=None):
        self.validation += 1


def course(make_spec, make_prepared, **trainer):
    return course_of(make_prepared(), make_spec(trainer={"batch_size": 16, **trainer}))


@pytest.mark.parametrize(("limit", "steps"), [(None, 5), (1, 1), (3, 3), (9, 5), (0.5, 2), (0.01, 1), (0.99, 4)])
def test_an_epoch_has_so_many_steps(limit, steps, make_spec, make_prepared):
    assert course(make_spec, make_prepared, limit_batches=limit).steps_per_epoch == steps


@pytest.mark.parametrize("engine", ["fit", "fused"])
def test_the_first_batches_of_each_epochs_order_are_trained_on(engine, train_now, make_prepared, make_model):
    trainer = {"epochs": 3, "batch_size": 16, "engine": engine, "limit_batches": 2}
    outcome, model, _ = train_now(trainer=trainer, optimizer="sgd")
    prepared, stock = make_prepared(), make_model()
    stock.compile("sgd", "sparse_categorical_crossentropy")
    for epoch in range(3):
        rows = permutation(0, epoch, ROWS)[:32]
        stock.fit(prepared.train.x[rows], prepared.train.y[rows], 16, shuffle=False, verbose=0)
    for found, expected in zip(model.get_weights(), stock.get_weights(), strict=True):
        np.testing.assert_allclose(found, expected, **NEAR[engine])
    assert outcome.epochs_run == 3


def test_schedules_measure_by_the_steps_that_there_are(make_spec, make_prepared):
    spec = make_spec(trainer={"batch_size": 16, "epochs": 7, "limit_batches": 2})
    assert horizon_of(make_prepared(), spec).names(1.0)["total_steps"] == 14


def test_a_fast_dev_run_takes_three_batches_of_each_part(make_spec, make_prepared, make_model, train_now):
    trainer = {"batch_size": 4, "validation_batch_size": 2, "epochs": 50, "fast_dev_run": True}
    prepared, spec = make_prepared(), make_spec(trainer=trainer)
    course = course_of(prepared, spec)
    assert (course.epochs, course.steps_per_epoch) == (1, DEV_RUN_BATCHES)
    assert len(course.validation.x) == len(part_to_test(prepared, spec).x) == 2 * DEV_RUN_BATCHES
    assert horizon_of(prepared, spec).names(1.0)["total_steps"] == 18 * 50  # the rates of the training it stands for

    outcome, _, _ = train_now(trainer=trainer)
    assert (outcome.epochs_run, outcome.fast_dev_run) == (1, True)
    model = make_model()
    model.set_weights(train_now(trainer=trainer)[1].get_weights())
    model.compile("sgd", "sparse_categorical_crossentropy")
    loss = model.evaluate(prepared.test.x[:6], prepared.test.y[:6], verbose=0)
    assert outcome.metrics["test_loss"] == pytest.approx(loss, rel=1e-6)


def test_a_fast_dev_run_calls_batch_hooks_so_often(make_spec, make_prepared, make_model, catalog):
    from dlrun.training.fit import FitEngine
    from dlrun.training.objective import build_objective

    spec = make_spec(trainer={"batch_size": 4, "validation_batch_size": 2, "fast_dev_run": True})
    prepared, seen = make_prepared(), Seen()
    objective = build_objective(spec, catalog, horizon_of(prepared, spec))
    with FitEngine().open(make_model(), objective, course_of(prepared, spec)) as session:
        session.fit([seen])
    assert (seen.train, seen.validation) == (DEV_RUN_BATCHES, DEV_RUN_BATCHES)


@pytest.mark.parametrize("engine", ["fit", "fused"])
def test_gradients_are_accumulated_as_keras_does(engine, train_now, make_prepared, make_model):
    node = {"option": "sgd", "learning_rate": 0.1, "momentum": 0.9, "clipnorm": 0.5, "gradient_accumulation_steps": 4}
    trainer = {"epochs": 3, "batch_size": 16, "engine": engine}
    _, model, _ = train_now(trainer=trainer, optimizer=node)
    prepared, stock = make_prepared(), make_model()
    optimizer = keras.optimizers.SGD(0.1, momentum=0.9, clipnorm=0.5, gradient_accumulation_steps=4)
    stock.compile(optimizer, "sparse_categorical_crossentropy")
    for epoch in range(3):
        rows = permutation(0, epoch, ROWS)
        stock.fit(prepared.train.x[rows], prepared.train.y[rows], 16, shuffle=False, verbose=0)
    assert int(optimizer.iterations) == 15 // 4
    for found, expected in zip(model.get_weights(), stock.get_weights(), strict=True):
        np.testing.assert_allclose(found, expected, **NEAR[engine])


def test_accumulation_over_more_batches_than_there_are_is_refused(make_spec, make_prepared):
    def spec(steps, **trainer):
        node = {"option": "sgd", "gradient_accumulation_steps": steps}
        return make_spec(optimizer=node, trainer={"batch_size": 16, "epochs": 2, **trainer})

    check_course(make_prepared(), spec(10))
    check_course(make_prepared(), spec(11, fast_dev_run=True))
    with pytest.raises(ConfigError, match="must be 10 at most, the batches of the training"):
        check_course(make_prepared(), spec(11))
    with pytest.raises(ConfigError, match="must be 4 at most"):
        check_course(make_prepared(), spec(10, limit_batches=2))
