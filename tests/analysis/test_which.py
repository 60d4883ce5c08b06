"""What runs are called."""

from __future__ import annotations

import pytest

from analysis.synthetic import Project
from dlrun.analysis.runs import read_runs
from dlrun.analysis.which import best_of_each, find_run, find_runs
from dlrun.errors import UserError
from dlrun.tracking.journal import Journal


def test_last_is_the_newest_sweep_or_run_outside_one(project: Project) -> None:
    swept = project.accuracies({0.001: [0.9, 0.91]})
    sweep = project.sweep({"learning_rate=0.001": swept})
    assert find_runs("last", project.work).title == f"sweep {sweep[:8]}"
    assert [run.id for run in find_runs("last", project.work).runs] == swept
    assert find_run("last", project.work).id == swept[-1]
    alone = project.run({"seed": 9}, {"test_accuracy": 0.5})
    assert [run.id for run in find_runs("last", project.work).runs] == [alone]


def test_best_is_of_the_best_trial_not_the_luckiest_seed(project: Project) -> None:
    ids = project.accuracies({0.001: [0.90, 0.92], 0.01: [0.80, 0.99]})
    assert find_run("best", project.work).id == ids[1]
    assert find_run("best@test_loss", project.work).id == ids[1]


def test_best_stays_on_the_newest_data(project: Project) -> None:
    project.run({"data.option": "iris"}, {"test_accuracy": 1.0})
    digits = project.run({"data.option": "digits"}, {"test_accuracy": 0.9})
    assert find_run("best", project.work).id == digits


def test_best_needs_a_finished_run_with_the_metric(project: Project) -> None:
    project.run({"seed": 7}, {}, "failed")
    with pytest.raises(UserError, match="best needs a finished run; there is none yet"):
        find_run("best", project.work)
    project.accuracies({0.001: [0.9]})
    with pytest.raises(UserError, match=r"got test_acc\. Did you mean best@test_accuracy"):
        find_run("best@test_acc", project.work)


def test_short_ids(project: Project) -> None:
    first = project.run({"seed": 1}, {"test_accuracy": 0.9}, id="abcd000011112222")
    project.run({"seed": 2}, {"test_accuracy": 0.9}, id="abce000011112222")
    sweep = project.sweep({"x": [first]})
    assert find_run("abcd", project.work).id == first
    assert find_run("ABCD0000", project.work).id == first
    assert find_runs(sweep[:8], project.work).sweep is not None
    assert find_run(sweep[:8], project.work).id == first
    with pytest.raises(UserError, match="abc fits run abcd000011112222, run abce000011112222"):
        find_run("abc", project.work)


def test_paths(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = project.accuracies({0.001: [0.9, 0.91]})
    sweep = project.sweep({"x": ids[:1]})
    monkeypatch.chdir(project.work)
    elsewhere = project.work / "elsewhere"
    assert find_run(f"runs/{ids[0]}", elsewhere).id == ids[0]
    assert len(find_runs(f"sweeps/{sweep}/", elsewhere).runs) == 1
    assert len(find_runs("runs", elsewhere).runs) == 2
    assert len(find_runs(".", elsewhere).runs) == 2


def test_experiments(project: Project) -> None:
    run = project.run({"name": "mine"}, {"test_accuracy": 0.9})
    project.sweep({"x": [run]}, command="dlrun -m experiment=dropout_helps", experiment="dropout_helps")
    assert find_runs("dropout_helps", project.work).title == "experiment dropout_helps"
    assert find_run("dropout_helps", project.work).id == run
    assert [found.id for found in find_runs("mine", project.work).runs] == [run]
    with pytest.raises(UserError, match="Did you mean dropout_helps"):
        find_runs("dropout_help", project.work)


def test_nothing_there(project: Project) -> None:
    for which in ("last", "abcd", "nonsense"):
        with pytest.raises(UserError, match="There are no runs in"):
            find_runs(which, project.work)
    with pytest.raises(UserError, match="There are no runs in"):
        find_run("last", project.work)


def test_unknown_names_say_what_may_stand_there(project: Project) -> None:
    project.accuracies({0.001: [0.9]})
    with pytest.raises(UserError, match="Did you mean last"):
        find_runs("lst", project.work)
    with pytest.raises(UserError, match="dlrun runs lists what there is"):
        find_runs("qqqqqqqqqqq", project.work)


def test_what_is_archived_is_neither_the_last_nor_the_best(project: Project) -> None:
    worse, better = project.accuracies({0.001: [0.9], 0.01: [0.95]})
    older, newer = project.sweep({"a": [worse]}), project.sweep({"b": [better]})
    with Journal(project.work / "runs" / better / "journal.jsonl") as journal:
        journal.append("labels", tags={}, note="", archived=True)
    assert find_runs("last", project.work).title == f"sweep {older[:8]}"
    assert find_run("last", project.work).id == find_run("best", project.work).id == worse
    assert find_run(better[:8], project.work).id == better
    assert [run.id for run in find_runs(newer, project.work).runs] == [better]


def test_each_data_set_has_a_best_run_of_its_own(project: Project) -> None:
    iris = project.run({"data.option": "iris"}, {"test_accuracy": 1.0})
    project.run({"data.option": "digits", "seed": 1}, {"test_accuracy": 0.8})
    digits = project.run({"data.option": "digits", "seed": 0}, {"test_accuracy": 0.9})
    project.run({"data.option": "wine"}, {}, "failed")
    found = best_of_each(read_runs(project.work))
    assert {best.data: (best.run.id, best.metric) for best in found} == {
        "iris": (iris, "test_accuracy"),
        "digits": (digits, "test_accuracy"),
    }
