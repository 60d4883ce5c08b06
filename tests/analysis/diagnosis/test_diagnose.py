"""Real trainings that truly have an illness get its finding; healthy ones get none; what is advised is taken."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dlrun.planning import Planner

QUIET = ["tracking=none", "trainer.save_model=never", "trainer.device=cpu"]
DEEP = "model.hidden=[64,64,64,64,64,64,64,64]"
EVERY_PROBE = "probe=[gradient_norm,weight_norm,update_ratio,dead_units,zero_gradient_units,learning_rate_in_force]"

HEALTHY = [
    f"data=digits {EVERY_PROBE}",
    "data=digits model=cnn trainer.epochs=12 probe=[dead_units,gradient_norm]",
    "data=digits activation=tanh probe=[saturation,gradient_norm]",
    "data=digits activation=sigmoid probe=[saturation,gradient_norm]",
    "data=digits model.dropout=0.5 probe=[dead_units]",  # validation is better than training: no illness
    "data=digits optimizer=sgd",
    "data=digits optimizer.learning_rate=0.01",
    "data=digits trainer.epochs=2",
    "data=digits callback=[] trainer.epochs=60",
    "data=iris",
    "data=wine trainer.epochs=10",
    "data=breast_cancer",
    f"data=diabetes {EVERY_PROBE}",
    "data=diabetes model=linear",
    "data=moons",
    "data=circles",
    "data=blobs",
    "data=digits regularizer=l2",
    "data=wine split=none callback=[] trainer.epochs=30",
]
ILL = [
    ("data=digits optimizer.learning_rate=1", "learning_rate_too_high"),
    ("data=digits optimizer.learning_rate=1 trainer.epochs=2", "learning_rate_too_high"),
    ("data=digits optimizer.learning_rate=1e6", "diverged"),
    ("data=digits optimizer.learning_rate=0.1", "learning_rate_too_high"),
    ("data=digits optimizer=sgd optimizer.learning_rate=1", "learning_rate_too_high"),
    ("data=wine optimizer.learning_rate=1", "learning_rate_too_high"),
    ("data=wine preprocess=none", "learning_rate_too_high"),
    ("data=digits optimizer.learning_rate=1e-7 trainer.epochs=15", "learning_rate_too_low"),
    ("data=digits optimizer.learning_rate=1e-7 trainer.epochs=15 model.dropout=0.3 probe=[update_ratio]",
     "learning_rate_too_low"),
    ("data=diabetes optimizer.learning_rate=1e-6 trainer.epochs=30", "learning_rate_too_low"),
    ("data=diabetes optimizer=sgd optimizer.learning_rate=1", "diverged"),
    (f"data=digits activation=sigmoid optimizer=sgd {DEEP} trainer.epochs=12 probe=[gradient_norm]",
     "vanishing_gradients"),
    (f"data=digits activation=sigmoid optimizer=sgd {DEEP} trainer.epochs=12", "stuck_at_chance"),
    ("data=diabetes preprocess=none optimizer=sgd trainer.epochs=3 probe=[gradient_norm]", "exploding_gradients"),
    ("data=digits 'model.layers=[flatten,{dense: {units: 64, bias_initializer: {option: constant, value: -20}}},"
     "activation]' probe=[dead_units,zero_gradient_units] trainer.epochs=12", "dead_units"),
    ("data=digits activation=tanh initializer=random_normal initializer.stddev=30 probe=[saturation]"
     " optimizer=sgd optimizer.learning_rate=1e-5 trainer.epochs=12", "saturation"),
    ("data=moons data.noise=0.6 data.samples=80 model.hidden=[256,256]", "overfitting"),
    ("data=moons data.noise=0.6 data.samples=80 model.hidden=[256,256] callback=[] trainer.epochs=60", "overfitting"),
    ("data=digits 'model.hidden=[1]' trainer.epochs=60", "underfitting"),
    ("data=digits regularizer=l2 regularizer.l2=0.3 trainer.epochs=30", "stuck_at_chance"),
    ("data=circles model=linear", "stuck_at_chance"),
    ("data=truth_table data.gate=xor", "unfinished"),
    ("data=diabetes preprocess=standard 'model.head={dense: {units: 1, activation: relu}}'", "head_loss_mismatch"),
]  # fmt: skip

Train = Callable[[list[str]], Any]


@pytest.fixture(scope="module")
def train(tmp_path_factory: pytest.TempPathFactory) -> Train:
    """Train what words say; the result. A run that was trained before is not trained again."""
    import dlrun

    folder = tmp_path_factory.mktemp("work")
    return lambda words: dlrun.run([*words, *QUIET], directory=folder)


@pytest.fixture(scope="module")
def planner(tmp_path_factory: pytest.TempPathFactory) -> Planner:
    return Planner(tmp_path_factory.mktemp("plan"))


@pytest.mark.parametrize("words", HEALTHY)
def test_a_healthy_training_gets_no_finding(words: str, train: Train) -> None:
    assert train(shlex.split(words)).diagnosis == []


@pytest.mark.parametrize(("words", "kind"), ILL, ids=[words for words, _ in ILL])
def test_an_illness_is_found_and_its_mend_is_accepted(words: str, kind: str, train: Train, planner: Planner) -> None:
    found = {each["kind"]: each for each in train(shlex.split(words)).diagnosis}
    assert kind in found, found
    for finding in found.values():
        assert all(finding[name] for name in ("finding", "evidence"))
        assert finding["try"], finding
        (run,) = planner.plan([*shlex.split(words), finding["try"]], sweep=False).runs
        (before,) = planner.plan(shlex.split(words), sweep=False).runs
        assert run.spec != before.spec


MENDED = [
    "data=digits optimizer.learning_rate=1",
    "data=digits optimizer.learning_rate=0.1",
    "data=digits optimizer.learning_rate=1e-5 trainer.epochs=15",
    "data=wine preprocess=none",
    "data=digits 'model.hidden=[1]' trainer.epochs=60",
    "data=circles model=linear",
    "data=truth_table data.gate=xor",
    f"data=digits activation=sigmoid optimizer=sgd {DEEP} trainer.epochs=40 probe=[gradient_norm]",
]


@pytest.mark.parametrize("words", [MENDED[0], *(pytest.param(words, marks=pytest.mark.slow) for words in MENDED[1:])])
def test_the_mend_helps(words: str, train: Train) -> None:
    """Each is trained a second time with its mend: without `slow`, one of them stands for all."""
    ill = train(shlex.split(words))
    mended = train([*shlex.split(words), ill.diagnosis[0]["try"]])
    assert mended.metrics["best_val_loss"] < 0.8 * ill.metrics["best_val_loss"]


def test_what_was_only_tried_out_is_not_judged(train: Train) -> None:
    words = ["data=digits", "optimizer.learning_rate=10", "trainer.fast_dev_run=true"]
    assert train(words).diagnosis == []


def test_a_sweeps_runs_keep_theirs(tmp_path: Path) -> None:
    import dlrun

    words = ["data=digits", "optimizer.learning_rate=0.001,1", "trainer.epochs=3", *QUIET]
    found = [result.diagnosis for result in dlrun.run(words, sweep=True, directory=tmp_path).results]
    assert [[each["kind"] for each in each_run] for each_run in found] == [[], ["learning_rate_too_high"]]
    again = dlrun.load(str(next(p for p in (tmp_path / "runs").iterdir())), directory=tmp_path)
    assert list(again.diagnosis) in [list(each) for each in found]
