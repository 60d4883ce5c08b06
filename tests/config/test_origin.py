"""Where values come from: every kind of place, as `dlrun config` and the messages say it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dlrun.config.origin import Kind
from dlrun.config.spec import flatten
from dlrun.errors import ConfigError, Problem
from dlrun.planning import Planner

FILES = {
    "conf/project.yaml": (
        "# Ours\n"
        "defaults:\n"
        "  - override /tracking: none\n"
        "  - override /callback: [early_stopping, reduce_lr_on_plateau]\n"
        "  - _self_\n"
        "trainer:\n"
        "  epochs: 7\n"
        "callback:\n"
        "  early_stopping:\n"
        "    patience: 3\n"
    ),
    "conf/optimizer/mine.yaml": "# Mine\ndefaults: [adam, _self_]\nbeta_1: 0.5\n",
    "conf/model/snn.yaml": (
        "# Self-normalizing\n"
        "defaults:\n"
        "  - base\n"
        "  - _self_\n"
        "  - override /initializer@_global_.initializer: lecun_normal\n"
        "width: 12   # int [1, inf): units\n"
        "layers: [flatten, dense: $width, activation, dropout]\n"
    ),
    "experiments/first.yaml": (
        "# First\ndefaults:\n  - override /optimizer: mine\n  - _self_\n"
        "optimizer:\n  learning_rate: 0.5\ntrainer:\n  epochs: 9\n"
    ),
    "experiments/mine.yaml": (
        "# Mine\ndefaults:\n  - first\n  - override /data: iris\n  - override /model: snn\n  - _self_\n"
        "model:\n  dropout: 0.25\nseed: 4\n"
    ),
}


@pytest.fixture
def project(work: Path) -> Path:
    for name, text in FILES.items():
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_text(text)
    return work


def origins(directory: Path, *words: str) -> dict[str, tuple[Kind, str]]:
    planner = Planner(directory)
    (run,) = planner.plan(words, sweep=False).runs
    told = planner.origins(run)
    return {key: ((found := told.of(key, run.spec)).kind, found.text) for key in flatten(run.spec)}


def problems(directory: Path, *words: str, sweep: bool = False) -> dict[str, Problem]:
    with pytest.raises(ConfigError) as caught:
        Planner(directory).plan(words, sweep=sweep)
    return {problem.key: problem for problem in caught.value.problems}


def test_every_kind_of_place(project: Path) -> None:
    words = ["experiment=mine", "trainer.batch_size=64", "+metric=[f1]", "metric.accuracy.name=acc", "split=kfold"]
    found = origins(project, *words, "optimizer.epsilon=1e-3", "model.layers.1.dense=5")
    expected = {
        "trainer.batch_size": (Kind.WORD, "command line"),
        "optimizer.epsilon": (Kind.WORD, "command line"),
        "split.option": (Kind.WORD, "command line"),
        "metric.f1.option": (Kind.WORD, "command line, +metric=[f1]"),
        "metric.accuracy.name": (Kind.WORD, "command line"),
        "model.layers": (Kind.WORD, "command line, model.layers.1.dense=5"),
        "optimizer.learning_rate": (Kind.FILE, "experiments/first.yaml:6"),
        "optimizer.option": (Kind.FILE, "experiments/first.yaml:3"),
        "trainer.epochs": (Kind.FILE, "experiments/first.yaml:8"),
        "model.dropout": (Kind.FILE, "experiments/mine.yaml:8"),
        "seed": (Kind.FILE, "experiments/mine.yaml:9"),
        "data.option": (Kind.FILE, "experiments/mine.yaml:4"),
        "tracking.option": (Kind.FILE, "conf/project.yaml:3"),
        "callback.reduce_lr_on_plateau.option": (Kind.FILE, "conf/project.yaml:4"),
        "callback.early_stopping.patience": (Kind.FILE, "conf/project.yaml:10"),
        "optimizer.beta_1": (Kind.FILE, "conf/optimizer/mine.yaml:3"),
        "model.width": (Kind.FILE, "conf/model/snn.yaml:6"),
        "initializer.option": (Kind.FILE, "conf/model/snn.yaml:5"),
        "loss.option": (Kind.TASK, "follows the task: multiclass"),
        "metric.accuracy.option": (Kind.TASK, "follows the task: multiclass"),
        "optimizer.beta_2": (Kind.DEFAULT, "default of optimizer/adam"),
        "callback.early_stopping.min_delta": (Kind.DEFAULT, "default of callback/early_stopping"),
        "model.head": (Kind.DEFAULT, "default of model/base"),
        "trainer.engine": (Kind.DEFAULT, "default of trainer/default"),
        "name": (Kind.DEFAULT, "default"),
        "activation.option": (Kind.DEFAULT, "default"),
    }
    assert {key: found[key] for key in expected} == expected


def test_the_command_line_comes_before_the_experiment_and_that_before_the_project(project: Path) -> None:
    assert origins(project)["trainer.epochs"] == (Kind.FILE, "conf/project.yaml:7")
    assert origins(project, "experiment=mine")["trainer.epochs"] == (Kind.FILE, "experiments/first.yaml:8")
    assert origins(project, "experiment=mine", "trainer.epochs=2")["trainer.epochs"] == (Kind.WORD, "command line")


def test_an_option_may_choose_another_groups_option(work: Path) -> None:
    found = origins(work, "data=truth_table")
    assert found["split.option"][0] is Kind.PACKAGED
    assert found["split.option"][1].startswith("data/truth_table:")
    assert origins(work, "data=truth_table", "data.inputs=6", "split=holdout")["split.option"] == (
        Kind.WORD,
        "command line",
    )


def test_of_two_words_the_last_one_counts(work: Path) -> None:
    found = origins(work, "model.head={dense: {units: 10, activation: softmax}}", "seed=1")
    assert found["model.head.dense.units"][1] == "command line, model.head={dense: {units: 10, activation: softmax}}"


def test_files_are_shown_as_seen_from_where_the_command_runs(project: Path) -> None:
    inside = project / "notes"
    inside.mkdir()
    assert origins(inside)["trainer.epochs"] == (Kind.FILE, "../conf/project.yaml:7")


def place_of(project: Path, files: dict[str, str], key: str, *words: str, sweep: bool = False) -> str | None:
    for name, text in files.items():
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_text(text)
    return problems(project, *words, sweep=sweep)[key].place


@pytest.mark.parametrize(
    ("files", "key", "words", "place"),
    [
        pytest.param(
            {"experiments/mine.yaml": "# M\noptimizer:\n  learning_rate: 0.1\n  momentum: 0.9\n"},
            "optimizer.momentum",
            ["experiment=mine", "optimizer=adam"],
            "experiments/mine.yaml:4",
            id="a key that an experiment sets, of an option that the command line chooses",
        ),
        pytest.param(
            {"experiments/mine.yaml": "# M\ntrainer:\n  epochs: 3\n"},
            "trainer.batch_size",
            ["experiment=mine", "trainer.batch_size=0"],
            "command line",
            id="a word, beside a file that sets another key of the group",
        ),
        pytest.param(
            {"experiments/mine.yaml": "# M\ndefaults: [{override /loss: huber}]\nloss:\n  delta: 2.0\n"},
            "loss",
            ["experiment=mine"],
            "experiments/mine.yaml:2",
            id="a choice, beside a key of the chosen option",
        ),
        pytest.param(
            {"conf/model/mine.yaml": "# M\ndefaults: [base, _self_]\nlayers:\n  - flatten\n  - dens: 3\n"},
            "model.layers[1]",
            ["model=mine"],
            "conf/model/mine.yaml:5",
            id="an item of a model",
        ),
        pytest.param(
            {"conf/split/mine.yaml": "# M\ndefaults: [holdout, _self_]\ntest: 0.9\n"},
            "split.test",
            ["split=mine", "split.validation=0.5", "data=iris"],
            "conf/split/mine.yaml:3",
            id="a default of the project's own option that does not go with what is typed",
        ),
        pytest.param(
            {"conf/project.yaml": "metric:\n  accuracy:\n    nam: x\n"},
            "metric.accuracy.nam",
            [],
            "conf/project.yaml:3",
            id="a key of a list group, in the project",
        ),
    ],
)
def test_a_problem_is_placed(project: Path, files: dict[str, str], key: str, words: list[str], place: str) -> None:
    assert place_of(project, files, key, *words) == place


def test_a_swept_value_of_a_file_is_placed(project: Path) -> None:
    text = "# M\nhydra:\n  sweeper:\n    params:\n      seed: 1,2\n      model.dropout: 0,2\n"
    assert place_of(project, {"experiments/mine.yaml": text}, "model.dropout", "experiment=mine", sweep=True) == (
        "experiments/mine.yaml:6"
    )


def test_a_packaged_default_has_no_place(work: Path) -> None:
    found = problems(work, "split.test=0.9", "data=iris")
    assert {problem.place for problem in found.values()} <= {"command line", None}


def test_an_alias_bomb_is_not_walked_through(project: Path) -> None:
    rows = ["a0: &a0 [x, x]", *(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12))]
    (project / "experiments" / "bomb.yaml").write_text("\n".join(rows) + "\n")
    told: Any = problems(project, "experiment=bomb")
    assert any("bomb.yaml" in (problem.place or problem.key) for problem in told.values())
