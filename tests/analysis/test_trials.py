"""What varies among runs, under which names, and which runs repeat which."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from analysis.synthetic import Project, spec_with
from dlrun.analysis.runs import RunRecord, read_runs
from dlrun.analysis.trials import ABSENT, group, short_names, varying_keys
from dlrun.config.spec import flatten


def record(identity: str, status: str = "finished", started: float = 0.0, **settings: Any) -> RunRecord:
    dotted = {key.replace("__", "."): value for key, value in settings.items()}
    return RunRecord(identity, Path(identity), status, spec=flatten(spec_with(dotted)), started=started)


def test_replicate_keys_do_not_vary() -> None:
    runs = [record("a", seed=0), record("b", seed=1, split__seed=3, split__fold=2)]
    assert varying_keys(runs) == []


def test_how_a_run_was_recorded_does_not_vary() -> None:
    runs = [record("a"), record("b", trainer__engine="fit", tracking__uri="x", name="other", tags__mine=1)]
    assert varying_keys(runs) == []


def test_an_options_own_parameters_are_said_by_its_name() -> None:
    sgd = {"optimizer": {"option": "sgd", "learning_rate": 0.01, "momentum": 0.0}}
    assert varying_keys([record("a"), record("b", **sgd)]) == ["optimizer.option"]
    runs = [record("a"), record("b", **sgd), record("c", optimizer__learning_rate=0.1)]
    assert varying_keys(runs) == ["optimizer.option", "optimizer.learning_rate"]


def test_what_follows_the_data_is_not_repeated() -> None:
    diabetes = {
        "data__option": "diabetes",
        "task": "regression",
        "classes": None,
        "loss__option": "mean_squared_error",
        "metric": {"r2": {"option": "r2"}},
    }
    assert varying_keys([record("a"), record("b", **diabetes)]) == ["data.option"]
    chosen = [record("a"), record("b", loss__option="hinge")]
    assert varying_keys(chosen) == ["loss.option"]


def test_an_option_of_a_list_is_there_or_not() -> None:
    stopping = {"callback": {"early_stopping": {"option": "early_stopping", "patience": 5}}}
    runs = [record("a"), record("b", **stopping)]
    assert varying_keys(runs) == ["callback.early_stopping.option"]
    first, second = group(runs, varying_keys(runs))
    assert first.settings == {"callback.early_stopping.option": ABSENT}
    assert second.settings == {"callback.early_stopping.option": "early_stopping"}


def test_lists_and_booleans_are_told_apart() -> None:
    runs = [record("a", model__hidden=[64]), record("b", model__hidden=[64, 64])]
    assert varying_keys(runs) == ["model.hidden"]
    assert varying_keys([record("a", model__flag=True), record("b", model__flag=1)]) == ["model.flag"]


def test_short_names() -> None:
    assert short_names(["optimizer.option", "optimizer.learning_rate", "callback.early_stopping.option"]) == {
        "optimizer.option": "optimizer",
        "optimizer.learning_rate": "learning_rate",
        "callback.early_stopping.option": "early_stopping",
    }
    assert short_names(["data.noise", "model.noise", "x.model.noise"]) == {
        "data.noise": "data.noise",
        "model.noise": "model.noise",
        "x.model.noise": "x.model.noise",
    }
    assert short_names(["seed", "data.seed"]) == {"seed": "seed", "data.seed": "data.seed"}


def test_runs_are_grouped_in_their_order() -> None:
    runs = [record("a", seed=0, model__dropout=0.5), record("b", seed=0), record("c", seed=1, model__dropout=0.5)]
    trials = group(runs, varying_keys(runs))
    assert [[run.id for run in trial.runs] for trial in trials] == [["a", "c"], ["b"]]


def test_same_settings_twice_count_once() -> None:
    old, new = record("old", started=1.0), record("new", started=2.0)
    broken = record("broken", status="failed", started=3.0)
    (trial,) = group([old, broken, new], [])
    assert [run.id for run in trial.runs] == ["new"]
    assert {run.id for run in trial.superseded} == {"old", "broken"}


def test_grouping_by_some_keys_keeps_the_others_as_replicates() -> None:
    runs = [
        record(f"{dropout}{rate}", model__dropout=dropout, optimizer__learning_rate=rate)
        for dropout in (0.1, 0.2)
        for rate in (0.5, 1.5)
    ]
    trials = group(runs, varying_keys(runs), by=["model.dropout"])
    assert [len(trial.runs) for trial in trials] == [2, 2]
    assert trials[0].settings == {"model.dropout": 0.1}


def test_runs_without_a_spec_stay_apart() -> None:
    runs = [RunRecord("a", Path("a"), "queued", name="x"), RunRecord("b", Path("b"), "queued", name="x"), record("c")]
    assert [len(trial.runs) for trial in group(runs, [])] == [2, 1]


def test_parts_that_are_shared_say_the_same_as_dotted_keys(project: Project) -> None:
    """What differs is looked for in the parts that differ, as if every key of every run were gone through."""
    for rate, hidden, option in ((0.1, [8], "adam"), (0.1, [16], "sgd"), (0.2, [8], "adam")):
        settings = {"optimizer.learning_rate": rate, "model.hidden": hidden, "optimizer.option": option}
        project.run(settings | ({"augment.flip": True} if rate == 0.2 else {}), {})
    runs = read_runs(project.work)
    apart = [replace(run, spec=dict(run.spec)) for run in runs]
    assert varying_keys(runs) == varying_keys(apart)
    assert set(varying_keys(runs)) == {"optimizer.option", "optimizer.learning_rate", "model.hidden", "augment.flip"}
    keys = varying_keys(runs)
    assert [trial.settings for trial in group(runs, keys)] == [trial.settings for trial in group(apart, keys)]
    assert runs[0].spec == apart[0].spec and list(runs[0].spec) == list(apart[0].spec)
    assert (len(runs[0].spec), runs[0].spec.get("no.such", 7), "no.such" in runs[0].spec) == (
        len(apart[0].spec),
        7,
        False,
    )
