"""From words to checked specs: grids, places, and how little is composed for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.types import RunMode
from omegaconf import open_dict

from dlrun.config.loader import PRIMARY
from dlrun.config.spec import plain
from dlrun.errors import ConfigError, Problem
from dlrun.models import grammar
from dlrun.planning import Plan, Planner
from dlrun.soundness import Examiner, Sound


@pytest.fixture
def planner(work: Path) -> Planner:
    return Planner(work)


@pytest.fixture
def compositions(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What Hydra is asked to compose from scratch."""
    asked: list[tuple[Any, ...]] = []
    compose = ConfigLoaderImpl._load_configuration_impl

    def counted(self: Any, name: str | None, overrides: list[str], *rest: Any, **more: Any) -> Any:
        asked.append(tuple(overrides))
        return compose(self, name, overrides, *rest, **more)

    monkeypatch.setattr(ConfigLoaderImpl, "_load_configuration_impl", counted)
    return asked


def values(*numbers: float) -> str:
    return ",".join(map(str, numbers))


def problems(planner: Planner, *words: str, sweep: bool = False) -> dict[str, Problem]:
    with pytest.raises(ConfigError) as raised:
        planner.plan(words, sweep)
    return {problem.key: problem for problem in raised.value.problems}


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_a_grid_is_every_combination_the_last_key_fastest(planner: Planner) -> None:
    plan = planner.plan(["model.dropout=0,0.5", "data=iris", "seed=1,2"], sweep=True)
    assert [(run.spec["model"]["dropout"], run.spec["seed"]) for run in plan.runs] == [
        (0.0, 1),
        (0.0, 2),
        (0.5, 1),
        (0.5, 2),
    ]
    assert plan.varied == ("model.dropout", "seed")
    assert plan.runs[0].overrides == ("model.dropout=0", "data=iris", "seed=1")
    assert len({run.id for run in plan.runs}) == 4
    assert [run.trial for run in plan.runs][0::2] == [run.trial for run in plan.runs][1::2]
    assert len({run.trial for run in plan.runs}) == 2


def test_one_run_asked_for_twice_is_one_run(planner: Planner) -> None:
    plan = planner.plan(["data=iris", "optimizer.learning_rate=1,1.0,1e0"], sweep=True)
    assert len(plan.runs) == 1


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("seed=range(3)", [0, 1, 2]),
        ("seed=range(1,7,2)", [1, 3, 5]),
        ("seed=choice(5,4)", [5, 4]),
        ("seed=sort(5,4)", [4, 5]),
    ],
)
def test_sweeps_are_hydras(word: str, expected: list[int], planner: Planner) -> None:
    assert [run.spec["seed"] for run in planner.plan(["data=iris", word], sweep=True).runs] == expected


def test_choices_and_lists_are_swept_too(planner: Planner) -> None:
    plan = planner.plan(["data=iris,wine", "callback=[checkpoint],[]", "model.hidden=[8],[8,8]"], sweep=True)
    assert len(plan.runs) == 8
    assert {run.spec["data"]["option"] for run in plan.runs} == {"iris", "wine"}
    assert {tuple(run.spec["callback"]) for run in plan.runs} == {("checkpoint",), ()}


def test_two_hundred_trials_that_differ_in_numbers_are_composed_once(
    planner: Planner, compositions: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    rates = values(*(0.001 * (index + 1) for index in range(20)))
    words = ["data=iris", f"optimizer.learning_rate={rates}", f"model.dropout={values(*(i / 10 for i in range(10)))}"]
    judged: list[float] = []
    check = grammar.check
    monkeypatch.setattr(
        grammar, "check", lambda spec, *more: judged.append(spec["model"]["dropout"]) or check(spec, *more)
    )
    plan = planner.plan(words, sweep=True)
    assert len(plan.runs) == 200
    assert compositions == [("data=iris",), ("data=iris",)], "one for the runs, one to look for a sweep in the config"
    assert sorted(judged) == [i / 10 for i in range(10)], "a model is judged once, whatever its learning rate"
    assert len({id(run.spec["data"]) for run in plan.runs}) == 1, "what runs share is there once"


def test_each_choice_of_options_is_composed_once(planner: Planner, compositions: list[tuple[Any, ...]]) -> None:
    planner.plan(["optimizer=sgd,adam", "seed=0,1,2"], sweep=True)
    assert sorted(compositions) == [(), ("optimizer=adam",), ("optimizer=sgd",)]
    planner.plan(["optimizer=sgd,adam", "seed=3,4,5"], sweep=True)
    assert len(compositions) == 3


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["model=cnn", "seed=3", "optimizer.learning_rate=1"],
        ["data=diabetes", "callback=[]", "name=${data.option}", "model.hidden.0=5"],
        ["data=truth_table", "metric=[accuracy,f1]", "metric.f1.name=f"],
        [
            "data=iris",
            "tags={a: 1}",
            "tags.b=2",
            "+tags.c=3",
            "++seed=4",
            "+model.dropout=0.5",
            "~callback.early_stopping",
        ],
    ],
)
@pytest.mark.parametrize("mode", RunMode)
def test_what_hydra_composes_for_a_job_is_what_was_planned(words: list[str], mode: RunMode, planner: Planner) -> None:
    (run,) = planner.plan(words, sweep=False).runs
    config = planner.loader.load_configuration(PRIMARY, planner.for_hydra(words), mode)
    with open_dict(config):
        config.pop("hydra")
    values, _ = plain(config)
    composed = Examiner(planner.catalog, lambda _: []).examine(values, ())
    assert isinstance(composed, Sound)
    assert composed.spec == run.spec


def test_the_first_sound_run_is_told_before_the_others_are_looked_at(planner: Planner) -> None:
    told: list[Plan] = []
    with pytest.raises(ConfigError):
        planner.plan(["seed=1,2", "model.dropout=0,2", "launcher.jobs=3"], True, told.append)
    (first,) = told
    assert [run.overrides for run in first.runs] == [("seed=1", "model.dropout=0", "launcher.jobs=3")]
    assert first.varied == ("seed", "model.dropout")
    with pytest.raises(ConfigError):
        planner.plan(["model.dropout=2,0"], True, told.append)
    assert len(told) == 1, "a first run that is wrong is none"


def test_a_plan_says_how_its_runs_are_launched_and_searched_for(planner: Planner) -> None:
    plan = planner.plan(["seed=1,2", "launcher.trial_timeout=60", "search.confirm_above=7"], sweep=True)
    assert (plan.launcher["jobs"], plan.launcher["trial_timeout"]) == ("auto", 60.0)
    assert plan.search == {"option": "grid", "confirm_above": 7}
    assert not {"launcher", "search"} & set(plan.runs[0].spec)


def test_points_that_are_one_run_are_told(planner: Planner) -> None:
    def said(*words: str) -> str:
        return planner.plan(["data=iris", *words], sweep=True).repeats

    assert said("seed=0,1") == ""
    assert said("seed=0,0") == "2 points are 1 run: seed=0 is there twice"
    rates = "optimizer.learning_rate=1,1.0,0.2"
    assert said(rates) == (
        "3 points are 2 runs: optimizer.learning_rate=1 and optimizer.learning_rate=1.0 are the same"
    )


def test_a_problem_of_few_trials_names_them_and_is_not_mended_in_all(planner: Planner) -> None:
    with pytest.raises(ConfigError) as caught:
        planner.plan(["model=mlp,cnn,lstm", "model.hidden=[8]", "seed=0,1"], sweep=True)
    (problem,) = caught.value.problems
    assert (problem.key, problem.instead) == ("model.hidden", None)
    assert caught.value.where == {problem: "model=lstm"} and not caught.value.instead
    with pytest.raises(ConfigError) as caught:
        planner.plan(["model=mlp,cnn", "model.dropout=0,2"], sweep=True)
    assert caught.value.where == {}, "its key and value tell it"


def test_settings_of_a_process_are_swept_where_each_has_workers_of_its_own(planner: Planner) -> None:
    assert len(planner.plan(["trainer.deterministic=true,false", "data=iris"], sweep=True).runs) == 2


def test_a_spec_holds_the_task_and_no_import_path(planner: Planner) -> None:
    (run,) = planner.plan(["data=diabetes"], sweep=False).runs
    assert (run.spec["task"], run.spec["classes"], run.spec["loss"]["option"]) == (
        "regression",
        None,
        "mean_squared_error",
    )
    assert list(run.spec["metric"]) == ["mean_absolute_error", "r2"]
    assert "_target_" not in run.spec.to_json()
    assert not {"lab", "search", "hydra", "experiment"} & set(run.spec)


def test_all_problems_of_all_runs_come_at_once_and_each_once(planner: Planner) -> None:
    with pytest.raises(ConfigError) as raised:
        planner.plan(["seed=0,1,2", "model.dropout=0,2,3", "trainer.epochs=0"], sweep=True)
    found = [(problem.key, problem.got) for problem in raised.value.problems]
    assert sorted(found) == [("model.dropout", "2"), ("model.dropout", "3"), ("trainer.epochs", "0")]


MINE = """\
# Mine
defaults:
  - override /optimizer: sgd
  - _self_
trainer:
  epochs: 0
model:
  dropout: 7
"""


def test_a_place_is_the_command_line_or_the_file_that_sets_the_value(work: Path) -> None:
    write(work / "conf" / "project.yaml", "seed: -1\nmodel:\n  dropout: 8\noptimizer:\n  momentum: 5\n")
    write(work / "experiments" / "mine.yaml", MINE)
    found = problems(Planner(work), "experiment=mine", "split.test=3")
    assert {key: problem.place for key, problem in found.items()} == {
        "seed": "conf/project.yaml:1",
        "optimizer.momentum": "conf/project.yaml:5",
        "trainer.epochs": "experiments/mine.yaml:6",
        "model.dropout": "experiments/mine.yaml:8",
        "split.test": "command line",
    }
    assert found["model.dropout"].got == "7", "the experiment comes before the project"


def test_the_command_line_comes_first(work: Path) -> None:
    write(work / "conf" / "project.yaml", "trainer:\n  epochs: 5\noptimizer:\n  learning_rate: 0.5\n")
    write(work / "experiments" / "mine.yaml", "# Mine\ntrainer:\n  epochs: 6\nmodel:\n  dropout: 0.1\n")
    (run,) = Planner(work).plan(["experiment=mine", "model.dropout=0.2"], sweep=False).runs
    assert run.spec["trainer"]["epochs"] == 6
    assert run.spec["optimizer"]["learning_rate"] == 0.5
    assert run.spec["model"]["dropout"] == 0.2


def test_places_are_told_from_deep_inside_a_project(work: Path) -> None:
    write(work / "conf" / "project.yaml", "seed: -1\n")
    inside = work / "deep" / "inside"
    inside.mkdir(parents=True)
    assert problems(Planner(inside))["seed"].place == "../../conf/project.yaml:1", "as seen from where the command runs"


SWEEP = "# Mine\nhydra:\n  sweeper:\n    params:\n      seed: 1,2\n      model.dropout: 0,0.5\n"


def test_an_experiment_may_bring_its_sweep(work: Path) -> None:
    write(work / "conf" / "project.yaml", "")
    write(work / "experiments" / "mine.yaml", SWEEP)
    planner = Planner(work)
    plan = planner.plan(["experiment=mine", "data=iris"], sweep=True)
    assert (len(plan.runs), plan.varied) == (4, ("seed", "model.dropout"))
    typed = planner.plan(["experiment=mine", "data=iris", "seed=7"], sweep=True)
    assert [run.spec["seed"] for run in typed.runs] == [7, 7], "what is typed is not swept"
    assert len(planner.plan(["experiment=mine", "data=iris"], sweep=False).runs) == 1


def test_a_project_may_name_classes_of_its_own(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setattr(sys, "path", list(sys.path))
    before = list(sys.path)
    Planner(work)
    assert sys.path == before, "outside a project nothing is importable"
    write(work / "conf" / "project.yaml", "")
    Planner(work)
    Planner(work)
    assert sys.path == [*before, str(work.resolve())], "behind everything that is installed"
