"""What is compared with what: within a data set and its content, without what is put away, in every format alike."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from analysis.synthetic import Project
from click.testing import CliRunner, Result

from dlrun.analysis.runs import read_sweep
from dlrun.cli import compare, runs
from dlrun.errors import UserError
from dlrun.tracking.journal import Journal

RATES = (0.001, 0.01)


@pytest.fixture
def project(work: Path) -> Project:
    return Project(work)


def run_compare(*words: str) -> Result:
    return CliRunner().invoke(compare.command, words)


def run_runs(*words: str) -> Result:
    return CliRunner().invoke(runs.command, words)


def write(project: Project, run: str, **event: str) -> None:
    with Journal(project.work / "runs" / run / "journal.jsonl") as journal:
        journal.append("data", name="digits", **event)


def archive(project: Project, *ids: str) -> None:
    for run in ids:
        with Journal(project.work / "runs" / run / "journal.jsonl") as journal:
            journal.append("labels", tags={}, note="", archived=True)


@pytest.fixture
def two_sets(project: Project) -> Project:
    """Two rates on two data sets, three seeds each; dropout varies on one of them."""
    trials: dict[str, list[str]] = {}
    for data, base in (("digits", 0.90), ("iris", 0.97)):
        for rate in RATES:
            settings = {"data.option": data, "optimizer.learning_rate": rate}
            if data == "iris":
                settings["model.dropout"] = 0.5 if rate == RATES[0] else 0.1
            scores = [base - rate + seed * (2 + rate * 70) / 1000 for seed in range(3)]
            trials[f"{data} {rate}"] = [
                project.run(settings | {"seed": seed}, {"test_accuracy": score}) for seed, score in enumerate(scores)
            ]
    project.sweep(trials)
    return project


def test_programs_get_the_numbers_of_each_data_set(two_sets: Project) -> None:
    rows = json.loads(run_compare("--json").output)
    assert [(row["data"], row["rank"]) for row in rows] == [("digits", 1), ("digits", 2), ("iris", 1), ("iris", 2)]
    assert {row["optimizer.learning_rate"] for row in rows} == {*RATES}
    assert [row["model.dropout"] for row in rows] == [0.0, 0.0, 0.5, 0.1]
    assert all(abs(row["difference"]) < 0.02 for row in rows if row["rank"] == 2), "of the best of its own set"
    for data in ("digits", "iris"):
        alone = json.loads(run_compare("--where", f"data={data}", "--json").output)
        here = [row for row in rows if row["data"] == data]
        assert [row["p"] for row in alone] == [row["p"] for row in here]
        assert "data" not in alone[0]
    found = list(csv.DictReader(io.StringIO(run_compare("--csv").output)))
    assert [row["rank"] for row in found] == ["1", "2", "1", "2"]


def test_a_key_that_varies_on_one_set_only_is_an_error_in_every_format(two_sets: Project) -> None:
    said = {}
    for format in ("--json", "--csv", "--md", ""):
        found = run_compare("--by", "dropout", *filter(None, [format]))
        assert isinstance(found.exception, UserError)
        assert found.output == ""
        said[str(found.exception)] = format
    assert len(said) == 1
    rows = json.loads(run_compare("--by", "learning_rate", "--json").output)
    assert [(row["data"], row["rank"]) for row in rows] == [("digits", 1), ("digits", 2), ("iris", 1), ("iris", 2)]


def test_a_list_of_sweeps_names_no_best_of_several_data_sets(two_sets: Project) -> None:
    (row,) = json.loads(run_runs("--json").output)
    assert row["result"] is None
    assert "2 data sets" in run_runs().output


def test_what_a_difference_rests_on_is_told_to_programs(project: Project) -> None:
    for rate, seeds in ((0.1, range(10)), (0.2, range(8, 18)), (0.3, range(20, 23))):
        for seed in seeds:
            settings = {"optimizer.learning_rate": rate, "seed": seed}
            project.run(settings, {"test_accuracy": 1 - rate + seed % 4 / 100})
    project.run({"optimizer.learning_rate": 0.4}, {}, "failed")
    rows = json.loads(run_compare("runs", "--json").output)
    assert [row["pairs"] for row in rows] == [None, 2, 0, None]
    assert [row["method"] for row in rows[1:]] == ["sign", "Welch", None]
    assert "of the 2 seeds" in rows[1]["warning"]
    assert rows[3]["warning"] is None
    by = json.loads(run_compare("runs", "--by", "learning_rate", "--json").output)
    assert {"pairs", "method", "warning"} <= by[0].keys()


def test_edited_content_is_ranked_for_itself(project: Project) -> None:
    ids = project.accuracies({0.1: [0.95, 0.96, 0.97], 0.2: [0.90, 0.92, 0.91]})
    for place, run in enumerate(ids):
        write(project, run, digest=("1" if place < 3 else "2") * 64)
    found = run_compare("runs").output
    assert "Best: learning_rate=0.1" not in found
    assert "runs in runs, digits (content 111111111111)" in found
    assert "digits was changed between these runs: each content is ranked for itself." in found
    assert found.count("learning_rate") == 2  # it says what differs, though not within the content
    rows = json.loads(run_compare("runs", "--json").output)
    assert [row["optimizer.learning_rate"] for row in rows] == [0.1, 0.2]
    assert [(row["rank"], row["content"][:3], row["p"]) for row in rows] == [(1, "111", None), (1, "222", None)]


def test_what_is_archived_counts_nowhere(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    ids = project.accuracies({0.1: [0.5, 0.99], 0.2: [0.7, 0.71]})
    sweep = read_sweep(project.work / "sweeps" / project.sweep({"a": ids[:2], "b": ids[2:]}))
    assert sweep is not None
    archive(project, ids[1])

    def best_mean(*words: str) -> float:
        (row,) = json.loads(run_runs("--json", *words).output)
        return float(row["result"]["test_accuracy"])

    best, *_ = json.loads(run_compare("--json").output)
    assert best["mean"] == best_mean() == pytest.approx(0.705)
    compare.print_leaderboard(sweep)
    shown = capsys.readouterr().out
    assert "Best: learning_rate=0.2" in shown
    assert "1 archived left out" in shown
    every, *_ = json.loads(run_compare("--json", "--archived").output)
    assert every["mean"] == best_mean("--archived") == pytest.approx(0.745)
