"""What `dlrun check` finds: every distinct model tried once, mistakes told, nothing written."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dlrun.config.catalog import Catalog
from dlrun.config.roots import Roots
from dlrun.data import room
from dlrun.planning import Planner
from dlrun.workflows.distinct import distinct
from dlrun.workflows.preflight import ModelReport, Preflight, preflight

CATALOG = Catalog(Roots.of(Path("/")))
# those of masks want a folder of them: data/images/test_masks.py checks them
FOR_MASKS = {
    name for name in CATALOG.names("model") if CATALOG.get("model", name).facts.get("tasks") == ["segmentation"]
}
MODELS = sorted(set(CATALOG.names("model")) - {"base"} - FOR_MASKS)
_ROWS = ["data=digits", "data.layout=rows"]
SUITABLE = {"cnn": ["data=digits"], "lstm": _ROWS, "gru": _ROWS, "cnn1d": _ROWS}  # the others take iris
QUICK = ["trainer.epochs=2", "trainer.device=cpu"]


@pytest.fixture
def planner(work: Path) -> Planner:
    return Planner(work)


@pytest.fixture
def untimed(monkeypatch: pytest.MonkeyPatch) -> None:
    """No steps are timed, which takes most of the time."""
    from dlrun.workflows import first_steps

    monkeypatch.setattr(first_steps, "_pace", lambda *_: first_steps.Pace(0.001, 0.0, 0.0, 1))


quickly = pytest.mark.usefixtures("untimed")


def checked(planner: Planner, *words: str, sweep: bool = False) -> Preflight:
    return preflight(planner, planner.survey([*QUICK, *words], sweep))


def only(planner: Planner, *words: str) -> ModelReport:
    (model,) = checked(planner, *words).models
    return model


def groups(planner: Planner, *words: str) -> list[int]:
    return [len(group.runs) for group in distinct(planner.survey(words, sweep=True).runs, planner.catalog)]


def keys(model: ModelReport) -> list[str]:
    return [problem.key for problem in model.advice]


@pytest.mark.parametrize("name", MODELS)
def test_every_model_can_be_checked_and_nothing_is_said_against_it(name: str, planner: Planner, work: Path) -> None:
    model = only(planner, f"model={name}", *SUITABLE.get(name, ["data=iris"]))
    assert (model.problems, model.advice) == ([], [])
    assert model.data is not None and model.blueprint is not None and model.first is not None
    assert sum(layer.parameters for layer in model.blueprint.layers) == model.blueprint.parameters > 0
    assert sum(layer.flops for layer in model.blueprint.layers) == model.blueprint.flops > 0
    assert all(layer.path for layer in model.blueprint.layers)
    assert 0 < model.first.pace.step_seconds < 1
    assert list(work.iterdir()) == [], "nothing is written"


@pytest.mark.parametrize(
    ("words", "sizes"),
    [
        (["optimizer.learning_rate=0.1,0.01", "model.dropout=0,0.3", "seed=0,1", "split.seed=0,1"], [16]),
        (["regularizer=l2", "+regularizer.l2=0.1,0.2"], [2]),
        (["model.hidden=[8],[8,8]", "seed=0,1"], [2, 2]),
        (["model=mlp,cnn"], [1, 1]),
        (["activation=relu,tanh"], [1, 1]),
        (["trainer.batch_size=8,16", "trainer.epochs=1,2"], [2, 2]),
        (["optimizer=sgd", "optimizer.momentum=0.0,0.5,0.9"], [1, 2]),
        (["optimizer=adam,sgd"], [1, 1]),
        (["data=iris,wine", "seed=0,1"], [2, 2]),
    ],
)
def test_runs_that_differ_in_rates_share_a_model(words: list[str], sizes: list[int], planner: Planner) -> None:
    assert groups(planner, *words) == sizes


@quickly
def test_a_hundred_trials_of_two_models_are_two_models(planner: Planner, monkeypatch: pytest.MonkeyPatch) -> None:
    from dlrun.workflows import first_steps

    taken: list[str] = []
    take = first_steps.take
    monkeypatch.setattr(first_steps, "take", lambda *given: taken.append(given[0]["model"]["option"]) or take(*given))
    rates = ",".join(f"{rate / 1000}" for rate in range(1, 51))
    found = checked(planner, "data=iris", f"optimizer.learning_rate={rates}", "model.hidden=[8],[4,4]", sweep=True)
    assert [model.group.trials for model in found.models] == [50, 50]
    assert len(taken) == 2


@quickly
def test_impossible_trials_stand_beside_those_that_can_be_run(planner: Planner) -> None:
    layers = "[{repeat: 2, layers: [{conv2d: 2}, activation, {max_pooling2d: 2}]}, flatten, dropout]"
    deeper = layers.replace("repeat: 2", "repeat: 6")
    found = checked(planner, "model.dropout=0,1.5", f"model.layers={layers},{deeper}", sweep=True)
    assert len(found.survey.points) == 4
    reasons = {point.overrides[-2:]: [problem.key for problem in problems] for point, problems in found.impossible}
    assert sorted(reasons.values()) == [
        ["model.dropout"],
        ["model.dropout"],
        ["model.layers[0].layers#3[2].max_pooling2d"],
    ]
    assert [bool(model.problems) for model in found.models] == [False, True]


@quickly
def test_points_that_are_one_run_are_named(planner: Planner) -> None:
    found = checked(planner, "data=iris", "optimizer.learning_rate=1,1.0,0.1", sweep=True)
    (points,) = found.duplicates
    assert [point.overrides[-1] for point in points] == ["optimizer.learning_rate=1", "optimizer.learning_rate=1.0"]
    assert len(found.runs) == 2


def test_what_is_finished_costs_no_time(planner: Planner, monkeypatch: pytest.MonkeyPatch) -> None:
    import dlrun

    words = ["data=iris", "tracking=none", *QUICK]
    done = dlrun.run([*words, "seed=0"])
    found = checked(planner, "data=iris", "tracking=none", "seed=0,1", sweep=True)
    assert found.finished == {done.id}
    (model,) = found.models
    assert model.first is not None
    assert found.seconds(model) == pytest.approx(model.first.pace.seconds(2))


@quickly
@pytest.mark.parametrize(
    ("words", "key", "rule"),
    [
        (["data=iris", "trainer.batch_size=1000"], "trainer.batch_size", "should be at most the rows that train, 90"),
        (
            ["data=diabetes", "model.head={dense: {units: $outputs, activation: sigmoid}}"],
            "model.head",
            "should reach the targets: sigmoid gives 0 to 1",
        ),
        (
            ["data=iris", "activation=exponential", "initializer=random_normal", "initializer.stddev=50"],
            "model.layers[1].layers#0[2].activation",
            "should give finite numbers on the first batch",
        ),
    ],
)
def test_facts_of_the_data_and_the_first_batch(words: list[str], key: str, rule: str, planner: Planner) -> None:
    found = {problem.key: problem.rule for problem in only(planner, *words).advice}
    assert found[key].startswith(rule)


@quickly
def test_a_dead_layer_is_told_and_a_head_that_starts_at_zero_is_none(planner: Planner) -> None:
    dead = "{dense: {units: 8, kernel_initializer: zeros, bias_initializer: {constant: {value: -1}}}}"
    model = only(planner, "data=iris", f"model.layers=[flatten, {dead}, activation]")
    (rule,) = [problem.rule for problem in model.advice if problem.key == "model.layers[1].dense"]
    assert rule.startswith("should tell samples apart")
    assert keys(only(planner, "data=diabetes")) == [], "a regression's output layer starts at zero on purpose"


@quickly
def test_a_layer_without_a_gradient_is_told(planner: Planner) -> None:
    wide = ["initializer=random_normal", "initializer.stddev=1e6"]
    model = only(planner, "data=iris", "activation=hard_sigmoid", *wide)
    (problem,) = model.advice
    assert problem.key == "model.layers[1].layers#0[0].dense"
    assert problem.rule.startswith("should learn: its gradient is exactly 0 on the first batch")


@quickly
def test_a_loss_stands_beside_the_best_blind_answer(planner: Planner) -> None:
    model = only(planner, "data=iris")
    assert model.data is not None and model.first is not None
    assert model.data.guess == pytest.approx(np.log(3))
    assert model.data.classes == pytest.approx({"setosa": 1 / 3, "versicolor": 1 / 3, "virginica": 1 / 3})
    assert model.first.loss > 0
    numbers = only(planner, "data=diabetes")
    assert numbers.data is not None
    assert numbers.data.guess == pytest.approx(1.0, rel=1e-3), "the variance of a standardized target"


@quickly
def test_a_class_that_a_part_misses_is_told(planner: Planner, work: Path) -> None:
    rows = "".join(f"{i % 17},{'rare' if i == 0 else 'ab'[i % 2]}\n" for i in range(60))
    (work / "t.csv").write_text(f"x,kind\n{rows}", encoding="utf-8")
    model = only(planner, "data=csv", "data.path=t.csv", "data.target=kind")
    assert {finding.name for finding in model.findings} == {"absent_class", "rare_class"}
    assert [finding.problem for finding in model.findings] == model.advice
    assert all("'rare'" in str(problem) for problem in model.advice)


def test_a_model_beyond_the_memory_is_not_built(planner: Planner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dlrun.workflows.preflight.available_bytes", lambda: 100_000)
    monkeypatch.setattr("dlrun.workflows.first_steps.take", lambda *_: pytest.fail("it was built"))
    model = only(planner)
    assert [str(problem) for problem in model.problems] == [
        "model must fit into memory, with room for TensorFlow's own work: 100 kB are free; got about 209 kB for 8,970"
        " parameters. Choose a smaller model."
    ]
    assert model.blueprint is not None, "its figures are told all the same"


def test_the_memory_there_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    available = room.available_bytes()
    assert available is None or available > 2**20
    monkeypatch.setattr(room, "_GROUP", tmp_path)
    monkeypatch.setattr(room, "_MEMINFO", tmp_path / "meminfo")
    (tmp_path / "meminfo").write_text("MemTotal: 9000 kB\nMemAvailable: 4000 kB\n")
    assert room.available_bytes() == 4000 * 1024
    (tmp_path / "memory.max").write_text("3000000\n")
    (tmp_path / "memory.current").write_text("1000000\n")
    assert room.available_bytes() == 2_000_000
    (tmp_path / "memory.max").write_text("max\n")
    assert room.available_bytes() == 4000 * 1024


PYTHON = """
import keras

def build(spec, input_shape, outputs):
    x = inputs = keras.Input(input_shape)
    x = keras.layers.Dense(spec["model"]["width"], activation="relu", name="first")(x)
    return keras.Model(inputs, keras.layers.Dense(outputs, activation="softmax", name="last")(x))

class Net(keras.Model):
    def __init__(self, width, outputs):
        super().__init__()
        self.first = keras.layers.Dense(width, activation="relu")
        self.last = keras.layers.Dense(outputs, activation="softmax")

    def call(self, x):
        return self.last(self.first(x))

def subclassed(spec, input_shape, outputs):
    return Net(spec["model"]["width"], outputs)

def broken(spec, input_shape, outputs):
    raise RuntimeError("no such thing")
"""


@pytest.mark.parametrize("made_by", ["build", "subclassed"])
def test_a_model_in_python(made_by: str, work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = only(_python(work, made_by, monkeypatch), "data=iris", "model=mine")
    assert model.advice == []
    assert model.blueprint is not None
    assert [(layer.output, layer.parameters, layer.flops) for layer in model.blueprint.layers] == [
        ((6,), 4 * 6 + 6, 2 * 4 * 6 + 6),
        ((3,), 6 * 3 + 3, 2 * 6 * 3 + 3 + 5 * 3),
    ]


def test_what_a_model_raises_is_told_as_its_problem(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (problem,) = only(_python(work, "broken", monkeypatch), "data=iris", "model=mine").problems
    said = "model must be built and take a step; got RuntimeError. It says: no such thing"
    assert str(problem) == f"{said} ({work}/net_broken.py:22)"


def _python(work: Path, made_by: str, monkeypatch: pytest.MonkeyPatch) -> Planner:
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, f"net_{made_by}", raising=False)
    (work / "conf" / "model").mkdir(parents=True)
    (work / "conf" / "project.yaml").touch()
    option = f"# Mine\n_target_: net_{made_by}.{made_by}\nwidth: 6   # int [1, inf): units\n"
    (work / "conf" / "model" / "mine.yaml").write_text(option)
    (work / f"net_{made_by}.py").write_text(PYTHON)
    return Planner(work)


def test_the_pace_is_that_of_a_training(planner: Planner) -> None:
    """Measured on the engine that trains; a step of 500 rows takes longer than one of 5."""
    steps: Sequence[Any] = [only(planner, f"trainer.batch_size={rows}", "model.hidden=[512,512]") for rows in (5, 500)]
    small, large = (model.first.pace for model in steps)
    assert (small.steps_per_epoch, large.steps_per_epoch) == (216, 3)
    assert large.step_seconds > small.step_seconds
