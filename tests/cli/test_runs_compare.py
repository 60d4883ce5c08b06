"""What was run, and what was best: `dlrun runs` and `dlrun compare`."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from analysis.synthetic import Project
from click.testing import CliRunner, Result
from filelock import FileLock

from dlrun.analysis.runs import read_sweep
from dlrun.cli import compare, runs
from dlrun.cli.extent import with_more_seeds
from dlrun.errors import UserError
from dlrun.tracking.journal import Journal


@pytest.fixture
def project(work: Path) -> Project:
    """The working directory, to be filled with runs."""
    return Project(work)


def run_compare(*words: str) -> Result:
    return CliRunner().invoke(compare.command, words)


def run_runs(*words: str) -> Result:
    return CliRunner().invoke(runs.command, words)


def refused(found: Result) -> str:
    assert isinstance(found.exception, UserError), found.exception
    return str(found.exception)


def flat(text: str) -> str:
    return " ".join(text.split())


def test_compare_reads_well(project: Project) -> None:
    ids = project.accuracies({0.001: [0.951, 0.962, 0.943], 0.01: [0.971, 0.975, 0.969]})
    sweep = project.sweep({"a": ids[:3], "b": ids[3:]})
    lines = run_compare().output.splitlines()
    assert lines[0] == f"sweep {sweep[:8]}: 2 trials, 6 runs"
    assert lines[1].split() == ["learning_rate", "test_accuracy", "best", "n", "to", "best", "p"]
    assert lines[3].split() == ["0.01", "0.9717", "±", "0.0076", "0.9750", "3"]
    assert lines[4].split() == ["0.001", "0.9520", "±", "0.0237", "0.9620", "3", "-0.0197", "0.035"]
    assert lines[6].startswith("Best: learning_rate=0.01. It leads the second by 0.0197 (95%")
    assert all(len(line) <= 80 for line in lines)


def test_compare_shows_what_failed(project: Project) -> None:
    project.accuracies({0.001: [0.95, 0.96]})
    cause = {"kind": "ValueError", "message": "a shape is wrong"}
    project.run({"optimizer.learning_rate": 0.001, "seed": 2}, {}, "failed", cause=cause)
    project.run({"optimizer.learning_rate": 10.0}, {}, "diverged", cause={"kind": "nan", "message": "loss at epoch 2"})
    text = flat(run_compare("runs").output)
    assert "0.001 0.955" in text and "2 of 3" in text
    assert "0.001 1 of 3 failed ValueError: a shape is wrong" in text
    assert "10 diverged nan: loss at epoch 2" in text


def test_compare_says_where_a_difference_is_of_two_seeds_of_many(project: Project) -> None:
    for rate, first in ((0.1, 0), (0.01, 8)):
        for seed in range(first, first + 10):
            value = 0.9 - first / 400 + 0.001 * (seed * (1 + first) % 4)
            project.run({"optimizer.learning_rate": rate, "seed": seed}, {"test_accuracy": value})
    text = flat(run_compare("runs").output)
    assert "The difference of learning_rate=0.01 to the best is of the 2 seeds that both have, not of 10." in text
    assert "Two seeds: the interval rests on a normal distribution" in text


def test_compare_with_nothing_finished(project: Project) -> None:
    project.run({"seed": 1}, {}, "failed", cause={"kind": "E", "message": "x"})
    found = run_compare("runs")
    assert found.exception is None
    assert "failed E: x" in flat(found.output)


def test_compare_top(project: Project) -> None:
    project.accuracies({rate: [0.9 + rate] for rate in (0.01, 0.02, 0.03)})
    assert "and 1 more: --top 3" in run_compare("runs", "--top", "2").output
    assert len(json.loads(run_compare("runs", "--top", "2", "--json").output)) == 2


def test_compare_json_is_for_programs(project: Project) -> None:
    ids = project.accuracies({0.001: [0.951, 0.962], 0.01: [0.971, 0.975]})
    first, second = json.loads(run_compare("runs", "--json").output)
    assert first["rank"] == 1
    assert first["optimizer.learning_rate"] == 0.01
    assert (first["metric"], first["n"], first["best"]) == ("test_accuracy", 2, 0.975)
    assert first["mean"] == pytest.approx(0.973)
    assert first["low"] < first["mean"] < first["high"]
    assert set(first["runs"]) == set(ids[2:])
    assert second["difference"] == pytest.approx(-0.0165)
    assert 0 < second["probability_better"] < 0.5
    rows = list(csv.DictReader(io.StringIO(run_compare("runs", "--csv").output)))
    assert float(rows[1]["mean"]) == pytest.approx(0.9565)


def test_compare_markdown(project: Project) -> None:
    project.accuracies({0.001: [0.951, 0.962], 0.01: [0.971, 0.975]})
    lines = run_compare("runs", "--md").output.splitlines()
    assert lines[2] == "| learning_rate | test_accuracy | best | n | to best | p |"
    assert any(line.startswith("Best: learning_rate=0.01.") for line in lines)


def test_compare_by_another_metric_and_key(project: Project) -> None:
    project.accuracies({0.001: [0.951, 0.962], 0.01: [0.971, 0.975]})
    project.run({"model.dropout": 0.5}, {"test_accuracy": 0.9, "test_loss": 0.1})
    assert "Lower is better" in run_compare("runs", "--metric", "test_loss").output
    text = flat(run_compare("runs", "--by", "dropout").output)
    assert "averaged over learning_rate" in text
    assert "--by must be a key that varies; got seed." in refused(run_compare("runs", "--by", "seed"))


def with_epochs(project: Project, run: str, *metrics: dict[str, float]) -> None:
    """Give a run a journal with these epochs."""
    path = project.work / "runs" / run / "journal.jsonl"
    path.unlink()
    with Journal(path) as journal:
        journal.append("start", name=run)
        for epoch, each in enumerate(metrics, 1):
            journal.append("epoch", epoch=epoch, metrics=each)


def put_away(project: Project, *runs: str) -> None:
    for run in runs:
        with Journal(project.work / "runs" / run / "journal.jsonl") as journal:
            journal.append("labels", tags={}, note="", archived=True)


def test_a_curve_where_there_is_room_for_it(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, third, _ = project.accuracies({0.001: [0.951, 0.962], 0.01: [0.971, 0.975]})
    with_epochs(project, first, *({"val_accuracy": value} for value in (0.0, 0.5)))
    with_epochs(project, second, *({"val_accuracy": value} for value in (0.0, 0.5, 1.0)))  # the first stays at 0.5
    with_epochs(project, third, {"val_accuracy": 0.3}, {"val_accuracy": 0.1})
    lines = run_compare("runs").output.splitlines()
    assert lines[1].split()[-1] == "curve"
    assert [line.split()[-1] for line in lines[3:5]] == ["█▁", "▁▆█"]
    assert flat("\n".join(lines)).endswith("curve is val_accuracy by epoch.")
    assert all(len(line) <= 80 for line in lines)
    assert "curve" not in run_compare("runs", "--json").output
    monkeypatch.setenv("COLUMNS", "62")
    assert "curve" not in run_compare("runs").output


def test_only_what_is_shown_has_its_journal_read(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    from dlrun.analysis import epoch_curve

    ids = project.accuracies({0.001: [0.951, 0.962], 0.01: [0.971, 0.975], 0.1: [0.5, 0.6]})
    opened: list[str] = []
    monkeypatch.setattr(epoch_curve, "read", lambda path: opened.append(path.parent.name) or [])
    run_compare("runs", "--top", "1")
    assert sorted(opened) == sorted(ids[2:4])
    opened.clear()
    run_compare("runs", "--json")
    assert opened == []


def test_several_of_any_kind_are_compared_together(project: Project) -> None:
    ids = project.accuracies({0.001: [0.951], 0.01: [0.971], 0.1: [0.5]})
    one, two = project.sweep({"a": ids[:1]}), project.sweep({"b": ids[1:2], "a": ids[:1]}, experiment="E083")
    lines = run_compare(one[:8], "E083", ids[2][:8]).output.splitlines()
    assert lines[0] == f"sweep {one[:8]} and experiment E083 and run {ids[2][:8]}: 3 runs"
    assert [line.split()[0] for line in lines[3:6]] == ["0.01", "0.001", "0.1"]
    assert two not in lines[0]
    assert run_compare(one[:8], one[:8]).output == run_compare(one[:8]).output


def test_conditions_choose_the_runs(project: Project) -> None:
    ids = project.accuracies({0.001: [0.951, 0.962], 0.01: [0.971, 0.975], 0.1: [0.5, 0.6]})
    sweep = project.sweep({"a": ids})
    lines = run_compare("--where", "learning_rate<0.1", "--where", "seed=0").output.splitlines()
    assert lines[0] == f"sweep {sweep[:8]} with learning_rate<0.1, seed=0: 2 runs"
    assert len(json.loads(run_compare("--where", "learning_rate=0.1,0.01", "--json").output)) == 2
    assert "Did you mean --where 'learning_rate>1'?" in refused(run_compare("--where", "learning_rat>1"))
    nothing = run_compare("--where", "learning_rate>1")
    assert nothing.exit_code == 0
    assert flat(nothing.output) == (
        "None of 6 runs fits --where learning_rate>1. For learning_rate>1 there is 0.001, 0.01 or 0.1."
    )
    assert run_compare("--where", "learning_rate>1", "--json").output == "[]\n"


def test_archived_runs_are_left_out_unless_asked_for(project: Project) -> None:
    ids = project.accuracies({0.001: [0.951, 0.962], 0.01: [0.971, 0.975]})
    sweep = project.sweep({"a": ids[:2], "b": ids[2:]})
    put_away(project, ids[3])
    text = run_compare(sweep[:8]).output
    assert text.startswith(f"sweep {sweep[:8]}: 2 trials, 3 runs\n")
    assert "1 archived left out: --archived shows them too.\n" in text
    assert run_compare("--archived").output.startswith(f"sweep {sweep[:8]}: 2 trials, 4 runs\n")
    assert run_compare(ids[3][:8]).output.startswith(f"run {ids[3][:8]}: 1 run\n")
    put_away(project, *ids[:3])
    assert refused(run_compare()).startswith("There are no runs")
    assert run_compare(sweep[:8]).output == f"Archived are all 4 runs of sweep {sweep[:8]}. --archived shows them.\n"


def test_sorted_by_a_column_or_another_metric(project: Project) -> None:
    project.accuracies({0.01: [0.951, 0.962], 0.001: [0.971, 0.975], 0.1: [0.5, 0.6]})
    rows = json.loads(run_compare("runs", "--sort", "learning_rate", "--json").output)
    assert [(row["optimizer.learning_rate"], row["rank"]) for row in rows] == [(0.001, 1), (0.01, 2), (0.1, 3)]
    project.run({"optimizer.learning_rate": 1.0}, {"test_accuracy": 0.4, "test_mae": 0.1})
    rows = json.loads(run_compare("runs", "--sort", "test_mae", "--top", "2", "--json").output)
    assert [(row["rank"], row["test_mae"]) for row in rows] == [(4, 0.1), (1, None)]
    assert rows[0]["difference"] < 0, "the statistics stay those of the ranking metric"
    heading, _, first, *_ = run_compare("runs", "--sort", "test_loss", "--top", "2").output.splitlines()[1:]
    assert heading.split()[-1] == "test_loss" and first.split()[-1] == "0.027"
    assert "Did you mean --sort learning_rate?" in refused(run_compare("runs", "--sort", "learning_rat"))
    assert "Choose one of learning_rate, mean, best" in refused(run_compare("runs", "--sort", "xyz"))


def test_a_number_that_a_search_drew_is_shown_in_six_figures(project: Project) -> None:
    project.accuracies({0.0007943282347242813: [0.9, 0.91], 0.1 + 0.2: [0.8, 0.81]})
    lines = run_compare("runs").output.splitlines()
    assert [line.split()[0] for line in lines[3:5]] == ["0.000794328", "0.3"]
    assert "learning_rate=0.0007943282347242813" in flat("".join(lines)), "to be typed it is whole"


def test_the_epoch_of_a_metric_can_be_chosen(project: Project) -> None:
    metrics = {"val_loss": 0.5, "best_val_loss": 0.3, "restored_val_loss": 0.4}
    project.run({"optimizer.learning_rate": 0.1}, metrics)

    def mean(*words: str) -> float:
        (row,) = json.loads(run_compare("runs", "--metric", "val_loss", "--json", *words).output)
        return float(row["mean"])

    assert (mean(), mean("--at", "best"), mean("--at", "last")) == (0.4, 0.3, 0.5)
    assert "val_loss is of the restored epoch" in flat(run_compare("runs", "--metric", "val_loss").output)


def test_two_seeds_get_an_interval_and_a_warning(project: Project) -> None:
    project.accuracies({0.001: [0.951, 0.962], 0.01: [0.971, 0.975]})
    text = flat(run_compare("runs").output)
    assert "0.973 ± 0.025" in text
    assert "Two seeds: the interval " in text
    project.accuracies({0.1: [0.951, 0.962, 0.9]})
    assert "Two seeds" not in run_compare("runs", "--where", "learning_rate=0.1").output


def test_the_effect_of_one_key(project: Project) -> None:
    for rate in (0.001, 0.01):
        for dropout in (0.0, 0.5):
            for seed in range(3):
                value = 0.9 + rate + dropout / 10 + seed * (1 + rate) / 1000
                settings = {"optimizer.learning_rate": rate, "model.dropout": dropout, "seed": seed}
                project.run(settings, {"test_accuracy": value})
    project.run({"optimizer.learning_rate": 9.0}, {}, "diverged", cause={"kind": "nan", "message": "no"})
    text = run_compare("runs", "--by", "learning_rate").output
    lines = [line.split() for line in text.splitlines()]
    assert lines[1] == ["learning_rate", "test_accuracy", "blocks", "seeds", "to", "best", "p"]
    assert lines[3][0] == "0.01" and lines[4][:5] == ["0.001", "0.927001", "6", "3", "-0.009009"]
    assert "9 diverged nan: no" in flat(text)
    assert "Best: learning_rate=0.01. It is ahead of 0.001 by 0.0090" in flat(text)
    assert "averaged over dropout; a block is the same other settings and seed" in flat(text)
    rows = json.loads(run_compare("runs", "--by", "optimizer.learning_rate", "--json").output)
    assert [(row["rank"], row["optimizer.learning_rate"], row["blocks"]) for row in rows[:2]] == [
        (1, 0.01, 6),
        (2, 0.001, 6),
    ]
    assert rows[1]["difference_low"] < rows[1]["difference"] < rows[1]["difference_high"] < 0
    assert (rows[2]["rank"], rows[2]["status"]) == (None, {"diverged": 1})
    by_value = run_compare("runs", "--by", "learning_rate", "--sort", "learning_rate", "--top", "1").output
    assert by_value.splitlines()[3].split()[0] == "0.001"
    assert "--sort must be learning_rate or test_accuracy" in refused(
        run_compare("runs", "--by", "learning_rate", "--sort", "p")
    )


def test_compare_one_trial(project: Project) -> None:
    project.accuracies({0.001: [0.951, 0.962, 0.94]})
    text = run_compare("runs").output
    assert "mlp on digits" in text
    single = flat(run_compare("best").output)
    assert "One run: its uncertainty is not known. The same command with --seeds 5 tells it." in single


def test_compare_nothing(work: Path) -> None:
    assert refused(run_compare()).startswith(f"There are no runs in {work.resolve()} yet.")


def leaderboard_of(project: Project, sweep: str, capsys: pytest.CaptureFixture[str]) -> str:
    record = read_sweep(project.work / "sweeps" / sweep)
    assert record is not None
    compare.print_leaderboard(record)
    return capsys.readouterr().out


def test_leaderboard_of_a_sweep(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    ids = project.accuracies({0.001: [0.951, 0.962], 0.01: [0.971, 0.975]})
    sweep = project.sweep({"a": ids[:2], "b": ids[2:]})
    assert leaderboard_of(project, sweep, capsys).startswith(f"sweep {sweep[:8]}: 2 trials, 4 runs\n")


def test_what_failed_has_no_row_where_a_sweep_ends(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    cause = {"kind": "error", "message": "a shape is wrong"}
    ids = project.accuracies({0.001: [0.951], 0.01: [0.971]})
    failed = project.run({"optimizer.learning_rate": 1.0}, {}, "failed", cause=cause)
    diverged = project.run({"optimizer.learning_rate": 9.0}, {}, "diverged", cause={"kind": "nan", "message": "no"})
    sweep = project.sweep({"a": ids[:1], "b": ids[1:], "c": [failed], "d": [diverged]})
    text = flat(leaderboard_of(project, sweep, capsys))
    assert text.startswith(f"sweep {sweep[:8]}: 4 runs: 2 finished, 1 diverged, 1 failed learning_rate")
    assert "a shape is wrong" not in text and "9 diverged nan: no" in text
    assert "a shape is wrong" in run_compare().output
    alone = project.sweep({"c": [failed]})
    assert flat(leaderboard_of(project, alone, capsys)) == f"sweep {alone[:8]}: 1 run: 1 failed"


def test_an_unfinished_sweep_says_how_far_it_is(project: Project) -> None:
    done = project.accuracies({0.001: [0.951], 0.01: [0.971]})
    stopped = project.run({"optimizer.learning_rate": 1.0}, status=None)
    sweep = project.sweep({"a": [done[0], *(f"{n:016x}" for n in range(3))], "b": [done[1]], "c": [stopped, "f" * 16]})
    lines = [" ".join(line.split()) for line in run_compare().output.splitlines()]
    assert lines[0] == f"sweep {sweep[:8]}: 3 trials, 7 runs: 2 finished, 1 interrupted, 4 queued"
    assert sum("queued" in line for line in lines) == 1  # counted, not listed
    assert "1 interrupted the process ended early" in lines
    assert lines[-1] == f"dlrun resume {sweep[:8]} goes on with it."
    with FileLock(project.work / "runs" / stopped / ".lock"):
        lines = run_compare().output.splitlines()
    assert lines[0].endswith("2 finished, 1 running, 4 queued")
    assert flat(lines[-1]).startswith(f"It is being trained at this moment: dlrun runs {sweep[:8]} shows")


def test_a_sweep_that_has_not_begun_has_a_heading(project: Project) -> None:
    sweep = project.sweep({"a": ["0" * 16], "b": ["1" * 16]})
    lines = run_compare().output.splitlines()
    assert lines == [f"sweep {sweep[:8]}: 2 runs: 2 queued", f"dlrun resume {sweep[:8]} goes on with it."]


def test_what_a_sweep_varies_has_a_column_from_the_first_run_on(project: Project) -> None:
    stopped = project.run({"optimizer.learning_rate": 1.0, "seed": 0}, status=None)
    project.sweep({"a": [stopped], "b": ["f" * 16]}, varied=["data", "optimizer.learning_rate", "seed"])
    lines = [line.split() for line in run_compare().output.splitlines()]
    assert lines[1] == ["data", "learning_rate", "status", "cause"]
    assert lines[3][:3] == ["digits", "1", "interrupted"]


def test_more_seeds_are_not_asked_for_while_runs_wait(project: Project) -> None:
    (run,) = project.accuracies({0.001: [0.951]})
    project.sweep({"a": [run, "0" * 16]})
    assert "--seeds" not in run_compare().output
    project.sweep({"a": [run]})
    assert "--seeds 5" in run_compare().output


def test_nothing_but_divergence_has_a_heading(project: Project) -> None:
    ids = [project.run({"optimizer.learning_rate": rate}, {}, "diverged") for rate in (1.0, 9.0)]
    sweep = project.sweep({"a": ids[:1], "b": ids[1:]})
    lines = run_compare().output.splitlines()
    assert lines[0] == f"sweep {sweep[:8]}: 2 runs: 2 diverged"
    assert lines[1].split() == ["learning_rate", "status", "cause"]


def test_the_command_with_more_seeds(project: Project) -> None:
    ids = project.accuracies({0.001: [0.95, 0.96, 0.97], 0.01: [0.96, 0.975, 0.968]})
    command = "dlrun -m optimizer.learning_rate=0.001,0.01 seed=0,1,2 name='a b'"
    sweep = project.sweep({"a": ids[:3], "b": ids[3:]}, command=command)
    text = run_compare().output
    (more,) = re.findall(r"about (\d+) more seed", flat(text))
    asked = f"'seed=range(0,{3 + int(more)})' 'name=a b'"
    assert f"With them: dlrun -m optimizer.learning_rate=0.001,0.01 {asked}\n" in text
    record = read_sweep(project.work / "sweeps" / sweep)
    assert record is not None
    assert with_more_seeds(record, 31) is None and with_more_seeds(record, None) is None


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("seed=0,1", "'seed=range(0,6)'"),
        ("seed=range(0,3)", "'seed=range(0,7)'"),
        ("seed=range(3)", "'seed=range(0,7)'"),
        ("seed=1,2", None),
        ("seed=7", None),
        ("split.seed=0,1", None),
    ],
)
def test_only_the_first_seeds_are_gone_on_from(project: Project, word: str, expected: str | None) -> None:
    record = read_sweep(project.work / "sweeps" / project.sweep({"a": []}, command=f"dlrun -m '{word}'"))
    assert record is not None
    assert with_more_seeds(record, 4) == (expected and f"dlrun -m {expected}")


def test_many_seeds_get_a_bootstrap_interval(project: Project) -> None:
    project.accuracies({0.001: [0.9 + 0.001 * (seed % 7) for seed in range(100)]})
    text = flat(run_compare("runs").output)
    assert "bootstrap interval (BCa)" in text
    assert "[0." in text


def test_runs_newest_first(project: Project) -> None:
    swept = project.accuracies({0.001: [0.90, 0.92], 0.01: [0.80, 0.99]})
    sweep = project.sweep({"a": swept[:2], "b": swept[2:]}, name="learning_rate x seed")
    alone = project.run({"seed": 9}, {"test_accuracy": 0.5}, started=time.time() - 90, name="seed=9")
    first, second = json.loads(run_runs("--json").output)
    assert (first["id"], first["what"]) == (alone, "seed=9")
    assert (second["id"], second["status"], second["what"]) == (sweep, {"finished": 4}, "learning_rate x seed")
    assert second["result"] == {"test_accuracy": pytest.approx(0.91)}  # the best mean, not the luckiest seed
    lines = run_runs().output.splitlines()
    assert lines[2].split() == [alone[:8], "2", "min", "ago", "finished", "test_accuracy", "0.5000", "seed=9"]
    assert "4 finished" in lines[3]
    assert all(len(line) <= 80 for line in lines)


def test_runs_tell_what_is_not_finished(project: Project) -> None:
    ids = [project.run({"seed": 0}, {"test_accuracy": 0.9}), project.run({"seed": 1}, status=None)]
    project.sweep({"a": ids, "b": ["0" * 16]})
    assert "1 finished, 1 interrupted, 1 queued" in run_runs("--md").output


def test_runs_limit(project: Project) -> None:
    for seed in range(4):
        project.run({"seed": seed}, {"test_accuracy": 0.9})
    assert "and 1 more: --limit 4" in run_runs("--limit", "3").output
    assert len(json.loads(run_runs("--limit", "3", "--json").output)) == 3


def test_runs_nothing(work: Path) -> None:
    assert flat(run_runs().output) == f"There are no runs in {work.resolve()} yet. dlrun trains one."
    assert run_runs("--json").output == "[]\n"


def test_neither_framework_nor_hydra_is_imported(project: Project) -> None:
    project.accuracies({0.001: [0.951, 0.962], 0.01: [0.971, 0.975]})
    code = (
        "import sys; from click.testing import CliRunner; from dlrun.cli import compare, runs;"
        "CliRunner().invoke(compare.command, ['runs']); CliRunner().invoke(runs.command, []);"
        "print(sorted({'tensorflow', 'keras', 'mlflow', 'hydra', 'sklearn', 'pandas'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_causes_that_differ_in_a_number_are_one(project: Project) -> None:
    project.accuracies({0.001: [0.95, 0.96]})
    for seed, loss in enumerate(("6.36e+20", "1.2e+21")):
        cause = {"kind": "explosion", "message": f"loss became {loss}"}
        project.run({"optimizer.learning_rate": 10.0, "seed": seed}, {}, "diverged", cause=cause)
    for seed, message in enumerate(("a shape is wrong", "no such file", "no such file")):
        cause = {"kind": "error", "message": message}
        project.run({"optimizer.learning_rate": 5.0, "seed": seed}, {}, "failed", cause=cause)
    text = flat(run_compare("runs").output)
    assert "10 2 of 2 diverged such as explosion: loss became 6.36e+20 " in f"{text} "
    assert "(1 of 2)" not in text
    assert "5 3 of 3 failed" in text and "no such file (2 of 3)" in text


def test_lists_stand_in_one_piece(project: Project) -> None:
    for hidden in ([32, 16], [64]):
        for seed in (0, 1):
            project.run({"model.hidden": hidden, "seed": seed}, {"test_accuracy": 0.9 + seed / 100 + len(hidden) / 50})
    for words in (("runs",), ("runs", "--by", "hidden")):
        assert any(line.startswith("[32,16] ") for line in run_compare(*words).output.splitlines())


def test_at_that_changes_nothing_says_so(project: Project) -> None:
    project.accuracies({0.001: [0.951, 0.962], 0.01: [0.971, 0.975]})
    for words in ((), ("--by", "learning_rate")):
        text = flat(run_compare("runs", "--at", "last", *words).output)
        assert "--at last changes nothing here: test_accuracy is always of the restored weights" in text
        assert "changes nothing" not in run_compare("runs", *words).output
