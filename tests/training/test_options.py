"""Every option that training reads builds and takes a step; schedules and metrics have the values they promise."""

import math

import numpy as np
import pytest

from dlrun.config.catalog import Catalog
from dlrun.config.roots import Roots, packaged
from dlrun.training.objective import Horizon, build_objective, build_optimizer

CATALOG = Catalog(Roots.of(packaged("conf").parent))
GROUPS = ("optimizer", "schedule", "loss", "metric", "callback")


def options(group):
    return [CATALOG.get(group, name) for name in CATALOG.names(group)]


def tasks(option):
    return option.facts.get("tasks", ["multiclass"])


def concrete(group):
    """Options that are not `auto`, each with the tasks it is for."""
    return [
        pytest.param(option.name, task, id=f"{option.name}-{task}")
        for option in options(group)
        if "by_task" not in option.facts
        for task in tasks(option)
    ]


@pytest.mark.parametrize("group", GROUPS)
def test_every_option_describes_itself(group):
    for option in options(group):
        assert option.description, option.path
        for parameter in option.parameters.values():
            assert parameter.meaning, f"{option.path}: {parameter.name}"


@pytest.mark.parametrize("group", ["loss", "metric"])
def test_what_follows_the_task_is_there_and_fits(group):
    for task, chosen in CATALOG.get(group, "auto").facts["by_task"].items():
        for name in [chosen] if isinstance(chosen, str) else chosen:
            assert task in CATALOG.get(group, name).facts["tasks"]


def test_every_metric_says_which_way_is_better():
    assert all(option.facts["goal"] in ("min", "max") for option in options("metric") if option.name != "auto")


@pytest.mark.parametrize("name", CATALOG.names("optimizer"))
def test_every_optimizer_takes_a_step_downhill(name, make_spec, tensorflow):
    assert step_of(make_spec(optimizer=name)) < 1.0


@pytest.mark.parametrize("name", CATALOG.names("schedule"))
def test_every_schedule_takes_a_step(name, make_spec, tensorflow):
    spec = make_spec(schedule=name, optimizer={"option": "sgd", "learning_rate": 0.5})
    assert step_of(spec) == pytest.approx(0.0)


def step_of(spec):
    """Where one step leads from a weight of 1 on the parabola weight**2, without regard to warm-up."""
    import keras

    weight = keras.Variable([1.0])
    optimizer = build_optimizer(spec, CATALOG, Horizon(10, 3))
    optimizer.apply([2 * weight], [weight])
    keras.optimizers.get(keras.optimizers.serialize(optimizer))  # comes back from its config
    return float(weight[0])


# of pixels the same losses are asked, in data/images/test_masks.py
@pytest.mark.parametrize(("name", "task"), [each for each in concrete("loss") if each.values[1] != "segmentation"])
def test_every_loss_prefers_the_better_prediction(name, task, make_spec, make_prepared, tensorflow):
    y = make_prepared(task).train.y
    right = np.eye(3)[y] if task == "multiclass" else y
    blind = np.full_like(right, 1 / 3 if task == "multiclass" else 0.5)
    loss = build_objective(make_spec(task, loss=name), CATALOG, Horizon(1, 1)).loss
    good, bad = (float(loss(y, (0.8 * right + 0.2 * blind).astype("float32"))), float(loss(y, blind.astype("float32"))))
    assert 0 <= good < bad


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_every_metric_is_computed(task, train_now):
    names = [option.name for option in options("metric") if task in option.facts.get("tasks", ())]
    outcome, _, _ = train_now(
        task, metric={name: {"option": name, "k": 2} if name == "top_k" else name for name in names}
    )
    for name in names:
        assert math.isfinite(outcome.metrics[f"test_{name}"])


@pytest.mark.parametrize("name", CATALOG.names("callback"))
def test_every_callback_is_called(name, train_now):
    assert train_now(callback=[name])[0].status == "finished"


@pytest.mark.parametrize("name", CATALOG.names("callback"))
def test_the_state_that_a_callback_option_names_is_there(name, make_spec, catalog, tmp_path, tensorflow):
    from dlrun.training.objective import build_callbacks

    (callback,) = build_callbacks(make_spec(callback=[name]), catalog, tmp_path)
    callback.on_train_begin()
    assert all(hasattr(callback, attribute) for attribute in catalog.get("callback", name).facts["state"])


def test_an_optimizer_gets_every_parameter(make_spec, tensorflow):
    node = {"option": "sgd", "learning_rate": 0.2, "momentum": 0.9, "nesterov": True, "clipnorm": 2.0}
    optimizer = build_optimizer(make_spec(optimizer=node), CATALOG, Horizon(10, 3))
    config = optimizer.get_config()
    assert (config["momentum"], config["nesterov"], config["clipnorm"]) == (0.9, True, 2.0)
    assert config["learning_rate"] == pytest.approx(0.2)


STEPS = 10  # an epoch
SCHEDULES = [
    # option, parameters, rate at the beginning of epoch 0, 1, 2, ...
    ("exponential", {"decay_epochs": 2.0, "decay_rate": 0.25}, [1, 0.5, 0.25, 0.125]),
    ("step", {"every_epochs": 2.0, "factor": 0.1}, [1, 1, 0.1, 0.1, 0.01]),
    ("cosine", {}, [1, (1 + math.cos(math.pi / 4)) / 2, 0.5, (1 - math.cos(math.pi / 4)) / 2, 0]),
    ("cosine", {"warmup_epochs": 2.0}, [0, 0.5, 1, 0.5, 0]),
    ("cosine", {"decay_epochs": 2.0, "alpha": 0.1}, [1, 0.55, 0.1, 0.1]),
    ("cosine_restarts", {"first_decay_epochs": 1.0, "m_mul": 0.5}, [1, 0.5, 0.25, 0.25]),
    ("polynomial", {"end_learning_rate": 0.2}, [1, 0.8, 0.6, 0.4, 0.2]),
    ("polynomial", {"decay_epochs": 2.0, "power": 2.0}, [1, 0.25, 0, 0]),
    ("inverse_time", {"decay_epochs": 2.0}, [1, 2 / 3, 1 / 2, 2 / 5]),
]


@pytest.mark.parametrize(("name", "parameters", "rates"), SCHEDULES)
def test_schedules_count_in_epochs(name, parameters, rates, make_spec, tensorflow):
    spec = make_spec(optimizer={"option": "sgd", "learning_rate": 1.0}, schedule={"option": name, **parameters})
    optimizer = build_optimizer(spec, CATALOG, Horizon(STEPS, 4))
    found = []
    for epoch in range(len(rates)):
        optimizer.iterations.assign(epoch * STEPS)
        found.append(float(optimizer.learning_rate))
    if name == "cosine_restarts":  # the second fall takes two epochs: it is half down at epoch 2
        rates = [1, 0.5, 0.25, 0.25]
    np.testing.assert_allclose(found, rates, atol=1e-6)


def test_metrics_of_a_standardized_target_are_in_the_datas_units(train_now, make_prepared):
    from dlrun.data.prepare import TargetScale

    target = TargetScale((50.0,), (1000.0,))
    prepared = make_prepared("regression", target)
    names = ["mean_absolute_error", "mean_squared_error", "root_mean_squared_error", "r2"]
    outcome, model, _ = train_now("regression", prepared=prepared, metric=names)
    truth = target.in_units(prepared.test.y).astype(float)
    wrong = target.in_units(model.predict(prepared.test.x, verbose=0)).astype(float) - truth
    expected = {
        "loss": (wrong**2).mean() / 50**2,
        "mean_absolute_error": np.abs(wrong).mean(),
        "mean_squared_error": (wrong**2).mean(),
        "root_mean_squared_error": math.sqrt((wrong**2).mean()),
        "r2": 1 - (wrong**2).sum() / ((truth - truth.mean()) ** 2).sum(),
    }
    for name, value in expected.items():
        assert outcome.metrics[f"test_{name}"] == pytest.approx(value, rel=1e-4), name


def test_a_metric_in_units_comes_back_from_its_config(tensorflow):
    import keras

    from dlrun.metrics.in_units import InUnits

    metric = InUnits(keras.metrics.MeanAbsoluteError("mae"), [10.0])
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(metric))
    again.update_state(np.array([[1.0], [2.0]]), np.array([[1.5], [2.0]]))
    assert float(again.result()) == pytest.approx(2.5)
    assert again.name == "mae"
    assert again._direction == "down"
    again.reset_state()
    assert float(again.result()) == 0.0


def test_f1_of_labels(tensorflow):
    from sklearn.metrics import f1_score

    from dlrun.metrics.label_f1 import LabelF1

    random = np.random.default_rng(0)
    truth = random.integers(0, 3, 60)
    probabilities = random.dirichlet(np.ones(3), 60).astype("float32")
    metric = LabelF1(3)
    for rows in (slice(0, 40), slice(40, 60)):
        metric.update_state(truth[rows], probabilities[rows])
    assert float(metric.result()) == pytest.approx(f1_score(truth, probabilities.argmax(1), average="macro"), rel=1e-5)
    binary = LabelF1.from_config(LabelF1(2).get_config())
    binary.update_state((truth[:, None] > 0).astype("float32"), probabilities[:, :1])
    assert float(binary.result()) == pytest.approx(f1_score(truth > 0, probabilities[:, 0] > 0.5), rel=1e-5)


def test_metrics_are_wrapped_where_they_have_units_only(make_spec, tensorflow):
    spec = make_spec("regression", metric=["mean_absolute_error", "r2"])
    kinds = [type(metric).__name__ for metric in build_objective(spec, CATALOG, Horizon(1, 1), (3.0,)).metrics]
    assert kinds == ["InUnits", "R2Score"]
