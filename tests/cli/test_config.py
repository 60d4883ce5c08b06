"""`dlrun config`: values with their origins, what differs, and the table of trials."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dlrun.cli.main import main
from dlrun.errors import ExitCode

PROJECT = "# Ours\ndefaults:\n  - override /tracking: none\n  - _self_\ntrainer:\n  epochs: 7\n"


@pytest.fixture
def project(work: Path) -> Path:
    (work / "conf").mkdir()
    (work / "conf" / "project.yaml").write_text(PROJECT)
    return work


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["config", *words]) == ExitCode.DONE
    return capsys.readouterr().out


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["config", *words]) == ExitCode.WRONG_CALL
    return capsys.readouterr().err


def test_what_differs_says_where_it_comes_from(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(capsys, "data=iris", "optimizer.learning_rate=0.01").splitlines()
    assert lines[0].endswith(": multiclass, 3 classes")
    assert "  learning_rate: 0.01                  # command line (default 0.001)" in lines
    assert "  epochs: 7                            # conf/project.yaml:6 (default 100)" in lines
    assert "data: iris                             # command line (default digits)" in lines
    assert "loss: sparse_categorical_crossentropy  # follows the task: multiclass (default auto)" in lines
    assert "  beta_1: 0.9" in lines, "a default says nothing"
    assert lines.index("    - flatten") == lines.index("  layers:") + 1, "a long value stands below its key"


def test_only_what_differs(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = printed(capsys, "--changed", "callback=[]", "optimizer.beta_1=0.9")
    assert [" ".join(line.split()) for line in out.splitlines()[1:]] == [
        "optimizer: adam",
        "beta_1: 0.9 # command line",
        "callback: none # command line (default early_stopping)",
        "trainer: default",
        "epochs: 7 # conf/project.yaml:6 (default 100)",
        "tracking: none # conf/project.yaml:3 (default mlflow)",
    ]
    assert printed(capsys, "--diff", "callback=[]", "optimizer.beta_1=0.9") == out
    assert printed(capsys, "--changed", "~callback.early_stopping").count("callback: none  # command line") == 1


def test_nothing_differs(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, "--changed").endswith("; nothing differs from the defaults\n")


def test_the_origin_of_everything(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [" ".join(line.split()) for line in printed(capsys, "-v").splitlines()]
    assert "learning_rate: 0.001 # default of optimizer/adam" in lines
    assert "dropout: 0 # default of model/base" in lines
    assert "optimizer: adam # default" in lines
    assert "name: accuracy # default of metric/accuracy" in lines
    assert sum(" # " in line for line in lines) > 50


def test_colour_marks_what_differs_and_a_pipe_has_none(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from click.testing import CliRunner

    from dlrun.cli.config import command

    assert "\x1b[" not in printed(capsys, "seed=3")
    coloured = CliRunner().invoke(command, ["seed=3", "name=null"], color=True).output
    assert "\x1b[33m\x1b[1mseed: 3\x1b[0m" in coloured
    assert "\x1b[33m\x1b[1mname" not in coloured, "typed, and as the default"


def test_a_secret_is_shown_by_name(
    work: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DLRUN_STORE", "sqlite:///canary.db")
    word = "tracking.uri=${oc.env:DLRUN_STORE}"
    for flags in ((), ("-v",), ("--changed",), ("--json",)):
        out = printed(capsys, *flags, word)
        assert "${oc.env:DLRUN_STORE}" in out
        assert "canary" not in out


def test_json_is_the_spec(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert json.loads(printed(capsys, "--json", "seed=3"))["seed"] == 3


def test_trials_stand_in_rows_with_their_replicates(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = printed(capsys, "-m", "data=iris", "model.dropout=0,0.3,0.0", "seed=0,1", "trainer.epochs=3,3")
    rows = [line.split() for line in out.splitlines()]
    assert rows[0] == ["trial", "dropout", "seed", "runs"]
    assert [row[:4] for row in rows[2:4]] == [["1", "0", "0,", "1"], ["2", "0.3", "0,", "1"]]
    assert all(len(id) == 8 for row in rows[2:4] for id in row[4:])
    assert "2 trials, 4 runs" in out
    assert "The same in all: trainer.epochs=3" in out
    assert "8 combinations left out, being a run that is there already: " in out


def test_many_replicates_are_put_together(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = printed(capsys, "-m", "data=iris", "optimizer=adam,sgd", "seed=range(0,10)")
    assert "adam        0 to 9" in out
    assert "and 8 more" in out


def test_trials_for_programs(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = json.loads(printed(capsys, "-m", "--json", "data=iris", "seed=0,1"))
    assert [(row["run"], row["seed"]) for row in rows] == [(1, 0), (2, 1)]
    assert rows[0]["trial"] == rows[1]["trial"] and rows[0]["id"] != rows[1]["id"]
    assert printed(capsys, "-m", "--csv", "data=iris", "seed=0,1").splitlines()[0] == "run,seed,id,trial"
    assert printed(capsys, "-m", "--md", "data=iris", "seed=0,1").startswith("| run | seed | id | trial |")


def test_a_sweep_of_groups_and_lists(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = printed(capsys, "-m", "data=iris", "callback=[],[early_stopping]", "model.hidden=[3],[4,5]")
    assert "none" in out and "early_stopping" in out and "[4, 5]" in out
    assert "4 trials, 4 runs" in out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["-m", "--changed"], "--changed is for one config: leave -m out."),
        (["-m", "-v"], "--origin is for one config: leave -m out."),
        (["--csv"], "--csv is for the table of trials: add -m. --json prints the config."),
        (["--sede"], "dlrun config knows no --sede. dlrun config --help shows its flags."),
    ],
)
def test_flags_that_do_not_go(work: Path, capsys: pytest.CaptureFixture[str], words: list[str], says: str) -> None:
    assert says in refused(capsys, *words)
