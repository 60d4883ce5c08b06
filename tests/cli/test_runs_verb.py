"""`dlrun runs`: chosen, tagged, put away, deleted."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest
from analysis.synthetic import Project
from click.testing import CliRunner, Result

from dlrun.cli import compare, runs
from dlrun.errors import UserError


@pytest.fixture
def project(work: Path) -> Project:
    return Project(work)


def run_runs(*words: str) -> Result:
    return CliRunner().invoke(runs.command, words)


def ids(*words: str) -> list[str]:
    return [row["id"] for row in json.loads(run_runs(*words, "--json").output)]


def refused(*words: str) -> str:
    found = run_runs(*words)
    assert isinstance(found.exception, UserError), (found.exception, found.output)
    return str(found.exception)


def flat(text: str) -> str:
    return " ".join(text.split())


def test_conditions_choose_among_all_runs_newest_first(project: Project) -> None:
    swept = project.accuracies({0.1: [0.8, 0.9]})
    project.sweep({"a": swept})
    failed = project.run({"seed": 5}, status="failed")
    assert set(ids("--where", "learning_rate=0.1")) == set(swept)
    assert ids("--where", "test_accuracy>0.85") == [swept[1]]
    assert ids("--status", "failed,diverged") == [failed]
    assert ids("--status", "failed", "--where", "seed=0") == []
    assert ids(swept[0], failed[:8], failed) == [failed, swept[0]]  # what did not finish comes first
    assert flat(run_runs("--status", "pruned").output) == "There are no runs with status=pruned."


def test_tags_and_notes_are_shown_where_there_are_any(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    swept = project.accuracies({0.1: [0.8, 0.9]})
    sweep = project.sweep({"a": swept})
    assert "tags" not in run_runs().output
    said = run_runs(sweep, "--tag", "idea=wide", "--note", "too slow").output
    assert flat(said) == f"2 runs of sweep {sweep[:8]}: tag idea=wide, note 'too slow'."
    run_runs(swept[0], "--tag", "only=one")
    monkeypatch.setenv("COLUMNS", "120")
    header, _, row = run_runs().output.splitlines()
    assert header.split()[-2:] == ["tags", "note"]
    assert row.split()[-3:] == ["idea=wide", "too", "slow"]  # what all its runs have
    assert "idea=wide only=one" in run_runs(sweep).output
    monkeypatch.setenv("COLUMNS", "80")
    assert f"note of {swept[0][:8]}, {swept[1][:8]}: too slow" in run_runs(sweep).output
    (told,) = json.loads(run_runs("--json").output)
    assert (told["tags"], told["note"], told["archived"]) == ({"idea": "wide"}, "too slow", False)
    assert ids("--where", "tag.only=one") == [swept[0]]
    assert "Nothing changed" in run_runs(sweep, "--tag", "idea=wide").output
    assert flat(run_runs(sweep, "--untag", "only").output).startswith("1 of 2 runs of sweep")


def test_what_is_put_away_is_out_of_lists_and_not_gone(project: Project) -> None:
    alone, swept = project.run({"seed": 9}), project.accuracies({0.1: [0.8, 0.9]})
    sweep = project.sweep({"a": swept})
    run_runs(swept[0], "--archive", "--yes")
    run_runs(alone, "--archive", "--yes")
    assert ids() == [sweep]
    assert run_runs().output.splitlines()[-1] == "and 1 archived: --archived shows them"
    assert set(ids("--archived")) == {sweep, alone}
    assert ids(sweep) == [swept[1]]
    assert "and 1 archived" in run_runs(sweep).output
    assert ids(sweep, "--archived") == swept
    assert ids("--where", "seed=0") == []
    assert ids(alone) == [alone]  # asked for by name
    run_runs(sweep, "--archive", "--yes")
    assert ids() == []
    assert set(ids(sweep)) == set(swept)
    run_runs("runs", "--unarchive")
    assert set(ids()) == {sweep, alone}


def test_deleting_says_what_goes_and_wants_a_yes(project: Project) -> None:
    swept = project.accuracies({0.1: [0.8, 0.9], 0.2: [0.7, 0.6]})
    sweep = project.sweep({"a": swept})
    run_runs(swept[0], "--archive", "--yes")
    said = refused(sweep, "--where", "learning_rate=0.1", "--delete")
    assert "there is no terminal to ask at: --yes answers. It would delete 2 runs, " in said
    assert len(ids(sweep, "--archived")) == 4
    done = flat(run_runs(sweep, "--where", "learning_rate=0.1", "--delete", "--yes").output)
    assert f"Sweep {sweep[:8]} loses 2 of its 4 runs; its command trains them again." in done
    assert done.endswith("B.")
    assert {path.name for path in (project.work / "runs").iterdir() if path.is_dir()} == set(swept[2:])
    done = flat(run_runs(sweep, "--delete", "--yes").output)
    assert f"2 runs and the sweep {sweep[:8]}" in done
    assert "Deleted 2 runs and 1 sweep" in done
    assert ids() == []
    assert list((project.work / "sweeps").iterdir()) == []


def test_all_that_is_wrong_with_a_call_is_told_at_once(project: Project) -> None:
    project.run()
    told = refused("--delete", "--tag", "a=b")
    assert "--delete must stand alone" in told
    assert "--delete must be told which runs" in told
    assert "--yes must go with --delete" in refused("last", "--yes", "--note", "x")
    assert "Did you mean --status finished?" in refused("--status", "finihed")
    assert refused("last", "--tag", "a", "--untag", "?").count("\n\n") == 1
    assert run_runs("last", "--where", "nosuch=1", "--delete", "--yes").exception is not None
    assert len(ids()) == 1


def test_nothing_chosen_is_nothing_done(project: Project) -> None:
    project.run()
    done = flat(run_runs("last", "--status", "failed", "--delete", "--yes").output)
    assert done.endswith("with status=failed: nothing was done.")
    assert len(ids()) == 1


def test_deleted_runs_of_a_sweep_are_not_left_to_do(project: Project) -> None:
    gone, _ = swept = project.accuracies({0.1: [0.8, 0.9]})
    sweep = project.sweep({"a": swept})
    run_runs(gone, "--delete", "--yes")
    assert "1 finished, 1 deleted" in flat(run_runs().output)
    assert ids(sweep, "--status", "deleted") == [gone]
    said = flat(CliRunner().invoke(compare.command, [sweep]).output)
    assert "1 finished, 1 deleted" in said and "dlrun resume" not in said


def test_the_metric_and_what_programs_get(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    swept = project.accuracies({0.1: [0.8, 0.9]})
    sweep = project.sweep({"a": swept})
    failed = project.run({"optimizer.learning_rate": 0.1, "seed": 7}, status="failed", durations={"total_seconds": 2.5})
    monkeypatch.setenv("COLUMNS", "80")
    header, _, *rows = run_runs(sweep).output.splitlines()[1:]
    assert header.split() == ["id", "name", "status", "attempts", "test_accuracy"]
    assert [row.split()[-1] for row in rows] == ["0.8000", "0.9000"]
    assert all(len(line) <= 80 for line in (header, *rows))
    assert "test_accuracy" not in run_runs(failed).output
    (told,) = json.loads(run_runs("--where", "test_accuracy>0.85", "--json").output)
    assert told["metrics"]["test_accuracy"] == 0.9 and told["data"] == "digits"
    assert datetime.fromisoformat(told["started"]).tzinfo is not None
    (told,) = json.loads(run_runs(failed, "--json").output)
    assert (told["metrics"], told["seconds"]) == ({}, 2.5)
    assert '"{""test_accuracy"": 0.9' in run_runs(swept[1], "--csv").output


def test_long_names_beside_a_metric_fit_the_terminal(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = {"optimizer.learning_rate": 0.001, "model.hidden": [32, 16], "trainer.batch_size": 128}
    swept = [project.run({**keys, "seed": seed}, {"test_accuracy": 0.9}) for seed in (0, 1)]
    sweep = project.sweep({"a": swept})
    run_runs(sweep, "--tag", "idea=narrow")
    monkeypatch.setenv("COLUMNS", "80")
    assert all(len(line) <= 80 for line in run_runs(sweep).output.splitlines())
