"""`dlrun resume`: the command that was begun, found again; a change refused; the exit codes of signals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

from dlrun.cli.main import main
from dlrun.planning import Planner
from dlrun.sweeps.record import Sweep, Trial
from dlrun.tracking.journal import Journal
from dlrun.training.rundir import RunDirectory

RUN = ["data=iris", "callback=[]", "trainer.epochs=7", "tracking=none"]


def begin(work: Path, *words: str, ended: bool = False, status: str = "finished") -> str:
    """A run directory as a kill leaves it, or as one that has ended with a status; gives the run's id."""
    (planned,) = Planner(work).plan([*RUN, *words], sweep=False).runs
    directory = RunDirectory(work / "runs" / planned.id)
    directory.path.mkdir(parents=True)
    (directory.path / "spec.json").write_text(planned.spec.to_json())
    with Journal(directory.journal) as journal:
        journal.append("start", run=planned.id, attempt=1, command=" ".join(["dlrun", *RUN, *words]), name="a")
    if ended:
        (directory.path / "result.json").write_text(json.dumps({"status": status}))
    return planned.id


@pytest.fixture
def asked(work: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], bool]]:
    """What is trained: words, and whether they are a sweep; nothing is, in truth."""
    calls: list[tuple[list[str], bool]] = []
    monkeypatch.setattr("dlrun.cli.train.train", lambda words, sweep, output: calls.append((words, sweep)) or 0)
    return calls


def test_the_newest_interrupted_run_goes_on_with_its_own_command(work: Path, asked, capsys) -> None:
    begin(work, "seed=1")
    time.sleep(0.01)
    begin(work, "seed=2")
    begin(work, "seed=3", ended=True)
    assert main(["resume"]) == 0
    assert asked == [([*RUN, "seed=2"], False)]
    said = capsys.readouterr().err
    assert "= dlrun data=iris 'callback=[]' trainer.epochs=7 tracking=none seed=2" in said
    assert "1 more was interrupted" in said


def test_a_run_is_addressed_as_everywhere_and_inexact_is_an_override(work: Path, asked) -> None:
    first = begin(work, "seed=1")
    begin(work, "seed=2")
    assert main(["resume", first[:8], "--inexact"]) == 0
    assert asked == [([*RUN, "seed=1", "checkpoint.inexact=true"], False)]


def test_a_word_takes_the_place_of_the_one_that_set_its_key(work: Path, asked, capsys) -> None:
    run = begin(work, "seed=1", "launcher.jobs=1", "checkpoint.inexact=true")
    assert main(["resume", run[:8], "launcher.jobs=1", "--inexact"]) == 0
    assert asked == [([*RUN, "seed=1", "launcher.jobs=1", "checkpoint.inexact=true"], False)]
    said = capsys.readouterr().err
    assert "'callback=[]' trainer.epochs=7 tracking=none seed=1 launcher.jobs=1 checkpoint.inexact=true\n" in said


def sweep(work: Path, ids: list[str], *words: str) -> None:
    command = " ".join(["dlrun", "-m", *RUN, *words])
    trials = [Trial("t", "iris", RUN, ids)]
    Sweep("5" * 16, "seed", command, ("seed",), trials).write(work / "sweeps" / ("5" * 16))


def test_a_run_of_a_sweep_stands_for_its_sweep(work: Path, asked) -> None:
    ids = [begin(work, f"seed={seed}") for seed in (1, 2)]
    sweep(work, ids, "seed=1,2")
    for which in ([], [ids[0][:8]], ["5555"]):
        assert main(["resume", *which]) == 0
    assert asked == [([*RUN, "seed=1,2"], True)] * 3


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["last", "trainer.epochs=9"], "this is another run: trainer.epochs: 7 -> 9."),
        (["last", "model.dropout=0.5", "seed=4"], "model.dropout: 0.0 -> 0.5; seed: 0 -> 4."),
        (["last", "best"], "takes one sweep or run; got last best"),
        (["nothing"], "'nothing' must be last"),
    ],
)
def test_what_is_no_resuming_is_refused(work: Path, asked, capsys, words: list[str], told: str) -> None:
    begin(work)
    assert main(["resume", *words]) == 2
    assert told in capsys.readouterr().err
    assert asked == []


def test_there_must_be_something_to_go_on_with(work: Path, asked, capsys) -> None:
    assert main(["resume"]) == 2
    assert "Nothing was interrupted" in capsys.readouterr().err
    done = begin(work, ended=True)
    assert main(["resume", done[:6]]) == 2
    assert "has nothing left to do: finished" in capsys.readouterr().err


def test_failed_runs_are_named_where_nothing_was_interrupted(work: Path, asked, capsys) -> None:
    sweep(work, [begin(work, f"seed={seed}", ended=True, status="failed") for seed in (1, 2)], "seed=1,2")
    assert main(["resume"]) == 2
    assert "2 runs of sweep 55555555 failed. dlrun resume 55555555 tries them again." in said(capsys)
    assert main(["resume", "5555", "launcher.trial_timeout=60"]) == 0  # how, not what
    assert asked == [([*RUN, "seed=1,2", "launcher.trial_timeout=60"], True)]


def test_what_is_trained_at_this_moment_is_named(work: Path, asked, capsys) -> None:
    sweep(work, [begin(work, f"seed={seed}") for seed in (1, 2)], "seed=1,2")
    with FileLock(next((work / "runs").iterdir()) / ".lock"):
        assert main(["resume"]) == 2
    assert "sweep 55555555 is being trained at this moment. dlrun runs 55555555 shows" in said(capsys)


def test_a_mended_component_is_trained_anew_by_the_command(work: Path, asked, capsys) -> None:
    old = begin(work, "seed=2", ended=True, status="failed")
    (work / "runs" / old).rename(work / "runs" / ("0" * 16))  # as with the component that it had
    sweep(work, [begin(work, "seed=1"), "0" * 16], "seed=1,2")
    assert main(["resume", "last"]) == 2
    told = said(capsys)
    assert "its data or one of its components is not what it was." in told
    assert "Type dlrun -m data=iris 'callback=[]' trainer.epochs=7 tracking=none seed=1,2:" in told
    assert "1 of its 2 runs are trained anew." in told


def test_fewer_runs_are_no_resuming(work: Path, asked, capsys) -> None:
    sweep(work, [begin(work, f"seed={seed}") for seed in (1, 2)], "seed=1,2")
    assert main(["resume", "last", "seed=1"]) == 2
    assert "this is another run: it asks for 1 of 2 runs. Leave the change out" in said(capsys)


def said(capsys: pytest.CaptureFixture[str]) -> str:
    return " ".join(capsys.readouterr().err.split())


def test_edited_data_is_another_run(work: Path, asked, capsys) -> None:
    rows = "\n".join(f"{i},{i % 7},{i % 2}" for i in range(40))
    (work / "t.csv").write_text(f"a,b,y\n{rows}\n")
    (planned,) = Planner(work).plan(["data=csv", "data.path=t.csv", "data.target=y"], sweep=False).runs
    path = work / "runs" / planned.id
    path.mkdir(parents=True)
    (path / "spec.json").write_text(planned.spec.to_json())
    with Journal(path / "journal.jsonl") as journal:
        journal.append("start", command="dlrun data=csv data.path=t.csv data.target=y", attempt=1)
    (work / "t.csv").write_text(f"a,b,y\n{rows}\n41,1,1\n")
    assert main(["resume"]) == 2
    told = said(capsys)
    assert "its data or one of its components is not what it was" in told
    assert "Type dlrun data=csv data.path=t.csv data.target=y: it is trained anew." in told


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 143, marks=pytest.mark.slow)]
)
def test_a_signal_stops_a_run_after_a_checkpoint(
    work: Path, dlrun: Callable[..., subprocess.CompletedProcess[str]], number: int, code: int
) -> None:
    words = ["data=iris", "callback=[]", "trainer.epochs=1200", "tracking=none"]
    process = subprocess.Popen([sys.executable, "-m", "dlrun", *words], cwd=work, stderr=subprocess.PIPE)
    until = time.monotonic() + 90
    while not any(b'"event": "epoch"' in path.read_bytes() for path in work.glob("runs/*/journal.jsonl")):
        assert time.monotonic() < until
        time.sleep(0.05)
    os.kill(process.pid, number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == code, said.decode()
    (result,) = (json.loads(path.read_text()) for path in work.glob("runs/*/result.json"))
    assert result["status"] == "interrupted" and "goes on after epoch" in result["cause"]["message"]
    done = dlrun("resume")
    assert done.returncode == 0, done.stderr
    (result,) = (json.loads(path.read_text()) for path in work.glob("runs/*/result.json"))
    assert (result["status"], result["attempt"]) == ("finished", 2) and result["resumed"]["epoch"] >= 1
