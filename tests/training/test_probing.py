"""Probes look and do not touch: what they see, when, and that the training is the same to the bit."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np
import pytest

ALL = ("gradient_norm", "weight_norm", "update_ratio", "dead_units", "zero_gradient_units", "learning_rate_in_force")


@pytest.fixture
def fragile(tensorflow: Any) -> Any:
    """Makes models on which a careless look would leave its mark: dropout, moving averages, a layer that counts."""
    import keras

    @keras.saving.register_keras_serializable("test_probing")
    class Counting(keras.layers.Layer):
        """Adds what depends on how often it was called, training or not."""

        def build(self, shape: Any) -> None:
            self.calls = self.add_weight(shape=(), initializer="zeros", trainable=False)
            self.noise = keras.random.SeedGenerator(5)

        def call(self, x: Any) -> Any:
            self.calls.assign_add(1.0)
            drawn = keras.random.normal(keras.ops.shape(x), seed=self.noise)
            return x + 0.01 * keras.ops.sin(self.calls) + 0.01 * drawn

    def make() -> Any:
        keras.utils.set_random_seed(11)
        return keras.Sequential(
            [
                keras.Input((4,)),
                keras.layers.Dense(8),
                keras.layers.BatchNormalization(),
                keras.layers.Activation("relu"),
                Counting(),
                keras.layers.Dropout(0.4, seed=3),
                keras.layers.Dense(8, activation="tanh"),
                keras.layers.Dense(3, activation="softmax"),
            ]
        )

    return make


@pytest.mark.parametrize("engine", ["fit", "fused"])
def test_a_run_with_probes_has_the_bits_of_one_without(engine: str, train_now: Any, fragile: Any) -> None:
    trainer = {"epochs": 3, "batch_size": 16, "engine": engine}
    plain, without, _ = train_now(model=fragile(), trainer=trainer, metric=["accuracy"])
    probed, with_probes, events = train_now(
        model=fragile(), trainer=trainer, metric=["accuracy"], probe=[*ALL, "saturation"]
    )
    assert [event for event, _ in events].count("probe") == 3 * 7 + 6  # epoch 0 has nothing to compare with
    assert plain.metrics == probed.metrics
    for one, other in zip(without.variables, with_probes.variables, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy(), err_msg=one.path)


def test_both_engines_see_the_same(train_now: Any, fragile: Any) -> None:
    seen = {}
    for engine in ("fit", "fused"):
        trainer = {"epochs": 2, "batch_size": 16, "engine": engine}
        _, _, events = train_now(model=fragile(), trainer=trainer, probe=[*ALL])
        seen[engine] = [list(fields["values"].values()) for event, fields in events if event == "probe"]
    assert seen["fit"] == seen["fused"]


def test_what_is_told(train_now: Any, fragile: Any) -> None:
    _, model, events = train_now(model=fragile(), probe=[*ALL, "saturation"])
    told = [fields for event, fields in events if event == "probe"]
    weighted = [layer.name for layer in model.layers if layer.trainable_variables]
    relu, tanh = model.layers[2].name, model.layers[5].name
    layers = {(each["probe"], tuple(each["values"])) for each in told}
    assert layers == {
        *((probe, tuple(weighted)) for probe in ("gradient_norm", "weight_norm", "update_ratio")),
        *((probe, (relu,)) for probe in ("dead_units", "zero_gradient_units")),
        ("saturation", (tanh,)),
        ("learning_rate_in_force", ("adam",)),
    }
    assert sorted({each["epoch"] for each in told}) == [0, 1, 2, 3, 4]
    assert {each["epoch"] for each in told if each["probe"] == "update_ratio"} == {1, 2, 3, 4}
    assert all(type(value) is float and np.isfinite(value) for each in told for value in each["values"].values())
    order = [(event, fields["epoch"]) for event, fields in events if event in ("epoch", "probe")]
    assert order[:7] == [("probe", 0)] * 6 + [("epoch", 1)]


def look_at(model: Any, x: Any, y: Any, *probes: Any) -> list[dict[str, float]]:
    from dlrun.training.look import looker, weights_of

    before = {name: [weight.numpy() for weight in weights] for name, weights in weights_of(model).items()}
    found = looker(model, {str(i): probe for i, probe in enumerate(probes)})((x, y), before)
    return [{layer: float(value) for layer, value in found[str(i)].items()} for i in range(len(probes))]


def test_the_gradient_norm_is_that_of_finite_differences(make_model: Any, make_prepared: Any) -> None:
    import keras

    from dlrun.probes.gradient_norm import GradientNorm

    rows, model = make_prepared().train, make_model(units=3)
    model.layers[0].kernel_regularizer = None
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy())
    x, y = rows.x.astype(np.float64), rows.y
    (found,) = look_at(model, rows.x, rows.y, GradientNorm())

    def loss(weights: list[np.ndarray]) -> float:
        kernel, bias, kernel2, bias2 = weights
        logits = np.maximum(x @ kernel + bias, 0) @ kernel2 + bias2
        return float((np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(y)), y]).mean())

    weights, step = [each.astype(np.float64) for each in model.get_weights()], 1e-6
    squares = []
    for number, weight in enumerate(weights):
        total = 0.0
        for index in np.ndindex(weight.shape):
            pair = []
            for sign in (1, -1):
                moved = [each.copy() for each in weights]
                moved[number][index] += sign * step
                pair.append(loss(moved))
            total += ((pair[0] - pair[1]) / (2 * step)) ** 2
        squares.append(total)
    expected = {model.layers[0].name: sum(squares[:2]) ** 0.5, model.layers[1].name: sum(squares[2:]) ** 0.5}
    assert found == pytest.approx(expected, rel=1e-4)


def test_a_penalty_is_part_of_the_gradient(tensorflow: Any, make_prepared: Any) -> None:
    import keras

    from dlrun.probes.gradient_norm import GradientNorm

    rows = make_prepared("regression").train
    norms = []
    for penalty in (None, keras.regularizers.L2(0.5)):
        keras.utils.set_random_seed(1)
        dense = keras.layers.Dense(1, use_bias=False, kernel_regularizer=penalty, name="dense")
        model = keras.Sequential([keras.Input((4,)), dense])
        model.compile("sgd", keras.losses.MeanSquaredError())
        norms.append(look_at(model, rows.x, rows.y, GradientNorm())[0]["dense"])
    kernel = dense.kernel.numpy().astype(np.float64)
    plain = 2 * rows.x.T.astype(np.float64) @ (rows.x @ kernel - rows.y) / len(rows.x)
    expected = [np.linalg.norm(plain), np.linalg.norm(plain + 2 * 0.5 * kernel)]
    assert norms == pytest.approx(expected, rel=1e-4)


def test_a_layer_used_twice_and_a_model_with_a_call_of_its_own(tensorflow: Any) -> None:
    import keras

    from dlrun.probes.dead_units import DeadUnits
    from dlrun.probes.weight_norm import WeightNorm

    class Twice(keras.Model):
        """Calls one layer on its inputs and on their negatives, and scales by a weight of its own."""

        def __init__(self) -> None:
            super().__init__(name="twice")
            self.shared = keras.layers.Dense(2, activation="relu", name="shared", kernel_initializer="identity")
            self.head = keras.layers.Dense(1, name="head")

        def build(self, shape: Any) -> None:
            self.scale = self.add_weight(shape=(), initializer="ones", name="scale")
            self.shared.build((None, 2))
            self.head.build((None, 4))

        def call(self, x: Any) -> Any:
            return self.head(keras.ops.concatenate([self.shared(x), self.shared(-x)], axis=-1)) * self.scale

    model = Twice()
    x, y = np.array([[1.0, -1.0], [2.0, -3.0]], np.float32), np.ones((2, 1), np.float32)
    model.compile("sgd", keras.losses.MeanSquaredError())
    model(x)
    dead, norms = look_at(model, x, y, DeadUnits(), WeightNorm())
    assert dead == {"shared": 0.0}  # each unit lives in one of the two calls
    assert list(norms) == ["shared", "head", "twice"]
    assert norms["shared"] == pytest.approx(2**0.5)
    assert norms["twice"] == 1.0


def test_the_output_layer_and_what_works_inside_a_layer_are_not_looked_at(tensorflow: Any) -> None:
    import keras

    from dlrun.probes.saturation import Saturation

    layers = [keras.Input((3, 2)), keras.layers.LSTM(4), keras.layers.Dense(1, activation="sigmoid")]
    model = keras.Sequential(layers)
    model.compile("sgd", keras.losses.BinaryCrossentropy())
    (found,) = look_at(model, np.zeros((2, 3, 2), np.float32), np.ones((2, 1), np.float32), Saturation())
    assert found == {}


def test_a_model_is_traced_once_and_let_go(make_model: Any, make_prepared: Any) -> None:
    import keras

    from dlrun.probes.gradient_norm import GradientNorm
    from dlrun.training.look import looker

    rows, model = make_prepared().train, make_model()
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy())
    for _ in range(3):
        look_at(model, rows.x, rows.y, GradientNorm())
    probes = {"0": GradientNorm()}
    assert looker(model, probes) is looker(model, {"0": GradientNorm()})
    assert looker(model, probes).experimental_get_tracing_count() == 1
    assert looker(model, {"other": GradientNorm()}) is not looker(model, probes)
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None


def test_another_number_is_traced_anew(tensorflow: Any, make_prepared: Any) -> None:
    """Trials share a model and set its numbers: a penalty, label smoothing, a layer's own."""
    import keras

    from dlrun.probes.gradient_norm import GradientNorm
    from dlrun.training.look import looker

    class Times(keras.layers.Layer):
        """Multiplies by a number."""

        def __init__(self) -> None:
            super().__init__()
            self.factor = 1.0
            self.seen = self.add_weight(shape=(), trainable=False)

        def call(self, x: Any) -> Any:
            return x * self.factor

    rows, penalty, active, times = make_prepared("binary").train, keras.regularizers.L2(0.5), 0.5, Times()
    dense = keras.layers.Dense(
        1, "sigmoid", kernel_regularizer=penalty, activity_regularizer=keras.regularizers.L1(active)
    )
    dropout = keras.layers.Dropout(0.5)
    model = keras.Sequential([keras.Input((4,)), times, dropout, dense])
    model.compile("sgd", keras.losses.BinaryCrossentropy(label_smoothing=0.1))
    probes = {"0": GradientNorm()}

    def look() -> tuple[float, Any]:
        return look_at(model, rows.x, rows.y, *probes.values())[0][dense.name], looker(model, probes)

    def smooth(by: float) -> None:
        model.loss._fn_kwargs["label_smoothing"] = by

    found, graph = look()
    for change, back in (
        (lambda: setattr(penalty, "l2", 5.0), lambda: setattr(penalty, "l2", 0.5)),
        (
            lambda: setattr(dense.activity_regularizer, "l1", 5.0),
            lambda: setattr(dense.activity_regularizer, "l1", 0.5),
        ),
        (lambda: smooth(0.9), lambda: smooth(0.1)),
        (lambda: setattr(times, "factor", 2.0), lambda: setattr(times, "factor", 1.0)),
        (
            lambda: setattr(times, "factor", tensorflow.constant(2.0)),
            lambda: setattr(times, "factor", tensorflow.constant(1.0)),
        ),
        (
            lambda: setattr(times, "factor", tensorflow.constant(2.0)),
            lambda: setattr(times, "factor", tensorflow.constant(1.0)),
        ),
    ):
        change()
        assert look()[0] != pytest.approx(found, rel=0.01)
        back()
        again, graph = look()
        assert again == found
    times.seen.assign(7.0)
    dropout.rate = 0.1  # off where nothing is trained
    assert look()[1] is graph


def test_the_rows_are_the_first_that_are_trained_on(make_model: Any, make_prepared: Any) -> None:
    import keras

    from dlrun.probes.weight_norm import WeightNorm
    from dlrun.training.engine import Course
    from dlrun.training.probing import Probing

    model, rows = make_model(), make_prepared().train
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy())
    course = Course(rows, None, 3, 16, "auto", 0, shuffle_window=20)
    probing = Probing({"weight_norm": WeightNorm()}, course, lambda event, fields: None)
    probing.set_model(model)
    probing.on_train_begin()
    np.testing.assert_array_equal(probing._rows[0], rows.x[course.order(0)])


def test_an_epoch_gone_on_with_in_its_middle_has_nothing_to_compare_with(make_model: Any, make_prepared: Any) -> None:
    import keras

    from dlrun.probes.update_ratio import UpdateRatio
    from dlrun.probes.weight_norm import WeightNorm
    from dlrun.training.engine import Course, Position
    from dlrun.training.probing import Probing

    model, told = make_model(), []
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy())
    course = Course(make_prepared().train, None, 3, 16, "auto", 0)
    probes = {"update_ratio": UpdateRatio(), "weight_norm": WeightNorm()}
    probing = Probing(probes, course, lambda event, fields: told.append(fields), Position(1, 2))
    probing.set_model(model)
    probing.on_train_begin()
    probing.on_epoch_end(1)
    probing.on_epoch_end(2)
    assert [(each["epoch"], each["probe"]) for each in told] == [
        (2, "weight_norm"),
        (3, "update_ratio"),
        (3, "weight_norm"),
    ]


def test_a_probe_that_sees_nothing_says_so_once(make_model: Any, make_prepared: Any) -> None:
    import keras

    from dlrun.probes.saturation import Saturation
    from dlrun.training.engine import Course
    from dlrun.training.probing import Probing

    model, told = make_model(), []
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy())
    course = Course(make_prepared().train, None, 3, 16, "auto", 0)
    probing = Probing({"saturation": Saturation()}, course, lambda event, fields: told.append((event, fields)))
    probing.set_model(model)
    probing.on_train_begin()
    probing.on_epoch_end(0)
    text = "probe saturation sees nothing: no layer that the model calls ends in what it looks at"
    assert told == [("warning", {"text": text})]
