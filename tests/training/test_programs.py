"""Trials of one structure share a compiled program, and get the bits of a stock model built for each of them."""

import random
from pathlib import Path

import pytest

from dlrun.config.catalog import Catalog
from dlrun.config.roots import Roots
from dlrun.planning import Planner
from dlrun.sweeps.siblings import Siblings
from dlrun.training.structure import structure_of
from tests.training.sameness import spec_of, trained

QUICK = ["trainer.epochs=2", "trainer.batch_size=100", "callback=[]", "trainer.limit_batches=4"]
CATALOG = Catalog(Roots.of(Path(__file__).parent))
GROUPS = ("layer", "regularizer", "optimizer", "loss", "augment")
REUSABLE = [
    (group, name, parameter)
    for group in GROUPS
    for name in CATALOG.names(group)
    for parameter in (*CATALOG.get(group, name).facts.get("reusable", ()), *["learning_rate"] * (group == "optimizer"))
]


def case(group, name, parameter):
    """All optimizers clip and decay by one piece of Keras's code: without `slow`, one of them stands for all."""
    long = group == "optimizer" and name != "adam"
    return pytest.param(group, name, parameter, id=f"{group}-{name}-{parameter}", marks=[pytest.mark.slow] * long)


def words_for(group, name, parameter, value):
    """A command whose run has the number `value` in that place."""
    if group == "layer":
        return [f"model.layers=[{{{name}: {{{parameter}: {value}}}}},flatten,{{dense: 8}},activation]"]
    if group == "augment":
        return [f"augment=[{name}]", f"augment.{name}.{parameter}={value}"]
    data = ["data=breast_cancer"] if group == "loss" and CATALOG.get(group, name).facts["tasks"] == ["binary"] else []
    return [f"{group}={name}", f"{group}.{parameter}={value}", "model.hidden=[8]", *data]


def any_value(group, name, parameter, rng):
    """A value that the parameter's rule allows, not 0."""
    wide, narrow = 10 ** rng.uniform(-5, 0), rng.uniform(0.02, 0.9)
    rule = CATALOG.get(group, name).parameters[parameter].rule
    return f"{wide if rule.accepts(1.5) else narrow:.6g}"


@pytest.fixture
def programs(tensorflow, monkeypatch):
    """The programs of a process that has none yet."""
    from dlrun.training import fused
    from dlrun.training.programs import Programs

    fresh = Programs()
    monkeypatch.setattr(fused, "PROGRAMS", fresh)
    return fresh


@pytest.fixture
def differences(programs, tmp_path):
    """Train with a shared program and with plain Keras; what is not the same to the bit."""
    from dlrun.training.fit import FitEngine
    from dlrun.training.fused import FusedEngine

    def compare(*words):
        spec = spec_of(tmp_path, *QUICK, *words)
        return trained(spec, CATALOG, FusedEngine()).differences(trained(spec, CATALOG, FitEngine()))

    return compare


@pytest.mark.parametrize(("group", "name", "parameter"), [case(*each) for each in REUSABLE])
def test_a_reusable_number_gives_the_bits_of_a_stock_model(group, name, parameter, differences, programs):
    rng = random.Random(f"{group} {name} {parameter}")
    for seed in range(3):  # built, then compiled with the number fed, then used again
        words = words_for(group, name, parameter, any_value(group, name, parameter, rng))
        assert differences(*words, f"seed={seed}") == []
    assert len(programs) == 1
    assert programs.compiled == (1 if parameter == "learning_rate" else 2)


def test_trials_in_any_order_get_their_own_bits(differences, programs):
    rng = random.Random(0)
    for _ in range(6):
        numbers = {
            "seed": rng.randrange(100),
            "optimizer.learning_rate": rng.choice([1e-3, 0.05]),
            "model.dropout": rng.choice([0, 0.1, 0.37]),
            "regularizer.l2": rng.choice([0, 1e-4, 3e-3]),
            "trainer.batch_size": rng.choice([50, 100]),
            "split.seed": rng.randrange(3),
        }
        words = [f"{key}={value}" for key, value in numbers.items()]
        assert differences("regularizer=l2", "model.hidden=[8]", *words) == []
    assert len(programs) <= 4  # a zero is structure: with and without dropout, with and without the penalty


def test_what_varies_in_a_sweep_is_fed_from_its_first_trial_on(programs, tmp_path):
    from dlrun.pipeline import make_ready
    from dlrun.training.fit import FitEngine
    from dlrun.training.fused import FusedEngine
    from dlrun.training.train import objective_of

    words = [
        "regularizer=l2",
        "model.hidden=[8]",
        "model.dropout=0.1,0.37",
        "regularizer.l2=1e-4,3e-3",
        "tracking=none",
    ]
    plan = Planner(tmp_path).plan(
        [*QUICK, *words, "optimizer.learning_rate=1e-3,0.05", "trainer.device=cpu"], sweep=True
    )
    siblings = Siblings(plan).of(plan.runs[0])

    def others():
        for spec in siblings:
            ready = make_ready(spec, CATALOG)
            yield ready.model, objective_of(ready.prepared, spec, CATALOG)

    with programs.expecting(others):
        for spec in (plan.runs[0].spec, plan.runs[3].spec, plan.runs[-1].spec):
            assert trained(spec, CATALOG, FusedEngine()).differences(trained(spec, CATALOG, FitEngine())) == []
    assert (len(siblings), programs.compiled) == (2, 1)


def test_starting_values_are_no_structure(differences, programs):
    for initializer in ("he_normal", "orthogonal"):
        assert differences("model.hidden=[8]", f"initializer={initializer}") == []
    assert programs.compiled == 1


@pytest.mark.parametrize(
    "words",
    [
        ["model.hidden=[9]"],
        ["activation=tanh"],
        ["optimizer.beta_1=0.8"],
        ["optimizer=sgd"],
        ["metric=[accuracy,top_k]"],
        ["model.dropout=0.1"],
        ["schedule=cosine"],
        ["trainer.precision=mixed_bfloat16"],
        ["trainer.class_weight=balanced"],
    ],
    ids=" ".join,
)
def test_everything_else_is_structure(words, tmp_path):
    def structure(*words):
        return structure_of(spec_of(tmp_path, "model.hidden=[8]", *words), CATALOG)

    assert structure(*words) != structure()
    assert structure("optimizer.learning_rate=0.3", "seed=5", "trainer.epochs=7") == structure()


def test_a_schedule_holds_the_learning_rate_and_the_steps(differences, programs):
    for rate, batches in ((0.01, 4), (0.02, 4), (0.02, 3)):
        words = [f"optimizer.learning_rate={rate}", f"trainer.limit_batches={batches}"]
        assert differences("model.hidden=[8]", "schedule=cosine", *words) == []
    assert programs.compiled == 3


def test_a_shared_program_leaves_the_model_that_was_handed_in_stock(programs, tmp_path, work):
    """What is kept of a trial is of Keras's own layers, with the trial's own rates."""
    import json

    from dlrun import run

    for rate, seed in ((0.2, 0), (0.4, 1), (0.6, 2)):
        words = [f"model.dropout={rate}", f"seed={seed}", "model.hidden=[8]", *QUICK, "tracking=none"]
        result = run([*words, "trainer.save_model=always"])
    assert programs.compiled == 2
    config = json.loads(result.load_model().to_json())
    assert [float(each) for each in _values(config, "rate")] == [rate]
    assert {layer for layer in _values(config, "registered_name") if layer} <= {"Functional"}


def _values(config, key):
    if isinstance(config, dict):
        for name, value in config.items():
            if name == key:
                yield value
            yield from _values(value, key)
    elif isinstance(config, list):
        for part in config:
            yield from _values(part, key)


def test_programs_are_bounded_in_number(programs, differences, monkeypatch):
    from dlrun.training import programs as room

    monkeypatch.setattr(room, "_MOST", 2)
    for units in (4, 5, 6):
        assert differences(f"model.hidden=[{units}]") == []
    assert len(programs) == 2
    differences("model.hidden=[4]")
    assert programs.compiled == 4


def test_programs_are_let_go_of_where_memory_is_short(programs, differences, monkeypatch):
    from dlrun.training import programs as room

    monkeypatch.setattr(room, "available_bytes", lambda: 10**8)
    for units in (4, 5):
        differences(f"model.hidden=[{units}]")
    assert len(programs) == 1


def test_a_layer_that_draws_without_a_seed_is_not_used_again(programs, make_model, make_prepared, catalog, make_spec):
    """Its seed is written into the graph when it is traced: another run would get the first one's numbers."""
    import keras
    import tensorflow as tf

    from dlrun.training.engine import Course
    from dlrun.training.fused import FusedEngine
    from dlrun.training.objective import Horizon, build_objective

    class Shaky(keras.layers.Layer):
        def call(self, x, training=False):
            return x + tf.random.normal(tf.shape(x)) if training else x

    def weights(seed):
        keras.utils.set_random_seed(1)
        inputs = keras.Input((4,))
        model = keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(Shaky()(inputs)))
        prepared = make_prepared()
        course = Course(prepared.train, None, 1, 16, "auto", seed)
        objective = build_objective(make_spec(), catalog, Horizon(5, 1))
        with FusedEngine().open(model, objective, course) as session:
            session.fit([])
        return model.get_weights()[0].tolist()

    first = weights(1)
    assert weights(2) != first
    assert weights(1) == first
    assert programs.compiled == 3


def test_without_determinism_small_steps_are_done_in_one_thread(programs, tmp_path, monkeypatch):
    """Last bits may differ then, and no more than they."""
    import numpy as np

    from dlrun.training import process
    from dlrun.training.fused import FusedEngine

    spec = spec_of(tmp_path, *QUICK, "model.hidden=[8]", "optimizer=adamw")
    usual = trained(spec, CATALOG, FusedEngine())
    programs.clear()
    monkeypatch.setattr(process, "is_deterministic", lambda: False)
    quick = trained(spec, CATALOG, FusedEngine())
    assert [kept.program.is_quick for kept in programs._kept.values()] == [True]
    for name, array in usual.arrays.items():
        np.testing.assert_allclose(quick.arrays[name], array, rtol=1e-4, atol=1e-6)


def test_a_class_of_a_users_own_shares_no_program_unless_it_says_so(tmp_path):
    layer = tmp_path / "conf" / "layer" / "twice.yaml"
    layer.parent.mkdir(parents=True)
    (tmp_path / "conf" / "project.yaml").touch()
    (tmp_path / "mine.py").write_text(
        "import keras\n\n\nclass Twice(keras.layers.Layer):\n    pass\n", encoding="utf-8"
    )
    words = ["model.layers=[flatten,twice]"]
    for text, shared in (("", False), ("_reusable_: []\n", True)):
        layer.write_text(f"# Twice its input\n_target_: mine.Twice\n{text}", encoding="utf-8")
        catalog = Catalog(Roots.of(tmp_path))
        assert (structure_of(spec_of(tmp_path, *words), catalog) is not None) == shared
