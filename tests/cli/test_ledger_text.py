"""What is said of a sweep from its ledger: how far it came, what failed, and each run of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from analysis.synthetic import Project
from click.testing import CliRunner
from sweeps.directories import Folder, sweep_of

from dlrun.analysis.runs import read_sweep
from dlrun.cli import runs
from dlrun.cli.ledger_text import failures, gathered, how_far, mends
from dlrun.sweeps.ledger import Ledger
from dlrun.training.causes import Cause, cause
from dlrun.workflows.resume import address

CRASH = cause("crash", "its process was ended by SIGSEGV")
NO_ROOM = cause("out_of_memory", "5 GB were asked for", "MemoryError")


def test_how_far_a_sweep_came(tmp_path: Path) -> None:
    folder, sweep = Folder(tmp_path), sweep_of({"rate=1": list("abcd"), "rate=2": list("efgh")})
    assert how_far(sweep, tmp_path) == "0 of 8 runs finished, 8 not begun"
    with Ledger(folder.sweep) as ledger:
        words = ("finished", "finished", "diverged", "failed", "interrupted", "interrupted", "queued")
        for run, status in zip("abcdefg", words, strict=True):
            ledger.record(run, status)
    checkpoint = tmp_path / "runs" / "e" / "checkpoint" / "00000001.json"
    checkpoint.parent.mkdir(parents=True)
    checkpoint.write_text(json.dumps({"epoch": 3, "step": 0, "sha256": "", "bytes": 0, "origin": {}}))
    assert how_far(sweep, tmp_path) == (
        "2 of 8 runs finished, 1 diverged, 1 failed, 1 interrupted after a checkpoint, 1 interrupted, 2 not begun"
    )


def test_what_failed_is_told_by_kind_with_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder, sweep = (
        Folder(tmp_path),
        sweep_of({"rate=1": [f"a{n}" for n in range(12)], "rate=2": ["b"], "rate=3": ["c"]}),
    )
    with Ledger(folder.sweep) as ledger:
        assert failures(sweep, tmp_path) == []
        for run in sweep.trials[0].runs:
            ledger.record(run, "failed", cause=CRASH, attempt=3, log=f"runs/{run}/log.txt")
        ledger.record("b", "failed", cause=NO_ROOM, attempt=1)
        ledger.record("half", "queued", of="b", name="rate=2 batch_size=16")
        ledger.record("half", "finished", attempt=1)
        ledger.record("c", "failed", cause=cause("error", "a shape is wrong", "ValueError"))
    assert failures(sweep, tmp_path) == [
        "12 runs failed (crash):",
        "  a0; a1; a2; a3; a4; a5; a6; a7; a8; a9; and 2 more: its process was ended by SIGSEGV, in 3 attempts;"
        " log of the first: runs/a0/log.txt",
        "1 run failed (out of memory):",
        "  b: 5 GB were asked for; with half the batch it finished (rate=2 batch_size=16)",
        "1 run failed (error):",
        "  c: ValueError: a shape is wrong",
    ]
    assert mends(sweep, tmp_path) == ["dlrun resume 55555555 tries them again, and so does the same command."]


def test_runs_that_took_too_long_are_told_together(tmp_path: Path) -> None:
    folder, sweep = Folder(tmp_path), sweep_of({"rate=1": list("ab")})
    with Ledger(folder.sweep) as ledger:
        for epoch, run in enumerate("ab"):
            text = f"it took longer than launcher.trial_timeout=2 seconds; the same command goes on after epoch {epoch}"
            ledger.record(run, "failed", cause=cause("timeout", text))
    line = "  a; b: it took longer than launcher.trial_timeout=2 seconds"
    assert failures(sweep, tmp_path) == ["2 runs failed (timeout):", line]


def test_runs_that_differ_in_their_seed_are_told_together() -> None:
    assert gathered(["seed=0", "seed=1", "seed=2"]) == "seeds 0, 1 and 2"
    assert gathered(["seed=1 rate=2", "seed=3 rate=2", "rate=3"]) == "rate=2, seeds 1 and 3; rate=3"
    assert gathered([f"rate=1 seed={seed}" for seed in range(11)]) == "rate=1, 11 seeds"
    assert gathered(["mine", "mine"]) == "mine; mine"  # a name of the user's own


@pytest.mark.parametrize(
    ("causes", "told"),
    [
        (
            [cause("error", "no thirteen (own.py:7)", "ValueError"), cause("error", "no (own.py:9)", "ValueError")],
            ["Mend own.py, then type the same command: the runs that use it are trained anew."],
        ),
        (
            [cause("bad_config", "a\nlayer must be built. (/x/own.py:7)\nb must be. (conf/a.yaml:1)"), CRASH],
            [
                "Mend /x/own.py and conf/a.yaml, then type the same command: the runs that use them are trained anew,"
                " and what failed otherwise is tried again."
            ],
        ),
        (
            [cause("timeout", "it took longer than launcher.trial_timeout=0.5 seconds")],
            ["tries them again", "With more time for each run: dlrun resume 55555555 launcher.trial_timeout=1"],
        ),
        (
            [cause("out_of_memory", "its worker took 2.10 GB, and launcher.worker_memory leaves it 2.00 GB")],
            [
                "tries them again",
                "With more memory for each worker: dlrun resume 55555555 launcher.worker_memory=4",
                "With half the batch where memory ran out: dlrun resume 55555555 launcher.halve_batch=true",
            ],
        ),
    ],
)
def test_what_to_do_about_failures(causes: list[Cause], told: list[str], tmp_path: Path) -> None:
    folder, sweep = Folder(tmp_path), sweep_of({"rate=1": list("ab")})
    with Ledger(folder.sweep) as ledger:
        assert mends(sweep, tmp_path) == []
        for run, each in zip("ab", causes, strict=False):
            ledger.record(run, "failed", cause=each)
    lines = mends(sweep, tmp_path)
    assert len(lines) == len(told)
    assert all(text in line for line, text in zip(lines, told, strict=True))


@pytest.fixture
def project(work: Path) -> Project:
    return Project(work)


def swept(project: Project) -> tuple[str, list[str], str]:
    """A sweep of a finished and a failed run, and of one with half the batch beside the failed one."""
    ids = [
        project.run({"seed": 0}, {"test_accuracy": 0.9}, attempt=1),
        project.run({"seed": 1}, {}, "failed", cause=NO_ROOM, attempt=2),
    ]
    half = project.run({"seed": 1, "trainer.batch_size": 16}, {"test_accuracy": 0.8}, attempt=1)
    sweep = project.sweep({"a": [*ids, "0" * 16]})
    (project.work / "runs" / ids[1] / "log.txt").touch()
    with Ledger(project.work / "sweeps" / sweep) as ledger:
        ledger.record(ids[1], "failed", attempt=2, cause=NO_ROOM)
        ledger.record(half, "queued", of=ids[1], name="seed=1 batch_size=16")
        ledger.record(half, "finished")
        ledger.record("0" * 16, "queued", attempt=1, cause=CRASH)
    return sweep, ids, half


def test_each_run_of_a_sweep(project: Project) -> None:
    sweep, ids, half = swept(project)
    found = CliRunner().invoke(runs.command, [sweep[:4]])
    lines = [" ".join(line.split()) for line in found.output.splitlines()]
    assert lines[0] == f"sweep {sweep[:8]}"
    assert f"{ids[1][:8]} seed=1 failed 2" in lines
    assert f"{ids[1][:8]}: out of memory: 5 GB were asked for" in " ".join(lines)
    assert f"{half[:8]} was added beside {ids[1][:8]} with half the batch, which failed" in lines
    assert f"log of {ids[1][:8]}: runs/{ids[1]}/log.txt" in lines
    assert f"{'0' * 8}: crash: its process was ended by SIGSEGV" in lines  # what a queued run is begun once more for

    table = json.loads(CliRunner().invoke(runs.command, [sweep[:4], "--json"]).output)
    told = {row["id"]: row for row in table}
    assert len(told) == 4 and told[half]["of"] == ids[1]
    failed = told[ids[1]]
    assert (failed["status"], failed["kind"], failed["attempts"]) == ("failed", "out_of_memory", 2)
    assert failed["log"] == str(project.work / "runs" / ids[1] / "log.txt")
    assert told[ids[0]]["kind"] is None and told[ids[0]]["log"] is None
    assert "and 3 more runs: --limit 4" in CliRunner().invoke(runs.command, [sweep[:4], "--limit", "1"]).output


@pytest.mark.parametrize("columns", ["60", "80", "200"])
def test_nothing_is_torn_in_a_narrow_terminal(project: Project, columns: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rates = [{"optimizer.learning_rate": 10.0**-each, "model.dropout": 0.25, "seed": each} for each in range(3)]
    ids = [project.run(rate, {}, "interrupted", cause=CRASH) for rate in rates]
    sweep = project.sweep({"a": ids})
    monkeypatch.setenv("COLUMNS", columns)
    lines = CliRunner().invoke(runs.command, [sweep[:4]]).output.splitlines()
    assert all(sum(each[:8] in line and "interrupted" in line for line in lines) == 1 for each in ids)
    whole = [line for line in lines if line.startswith(", ".join(each[:8] for each in ids))]
    if columns == "200":
        assert lines[0] == f"sweep {sweep[:8]}" and not whole
    else:
        assert max(len(line) for line in lines if line not in whole) <= int(columns)
        assert len(whole) == 1 and "crash" in whole[0]


def test_a_run_that_was_added_belongs_to_the_sweep(project: Project) -> None:
    sweep, ids, half = swept(project)
    record = read_sweep(project.work / "sweeps" / sweep)
    assert record is not None
    assert [run.id for run in record.records()] == [*ids, "0" * 16, half]
    assert [run.id for run in record.records(added=False)] == [*ids, "0" * 16]
    listed = json.loads(CliRunner().invoke(runs.command, ["--json"]).output)
    assert [row["id"] for row in listed] == [sweep]
    assert listed[0]["status"] == {"finished": 2, "failed": 1, "queued": 1}
    work = address(half[:8], project.work)  # it is the sweep that goes on, with what was asked for
    assert work.is_sweep and [run.id for run in work.runs] == [*ids, "0" * 16]
