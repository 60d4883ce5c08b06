"""`dlrun check` as it is typed: what it prints, how it ends, and that it leaves nothing behind."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dlrun.cli.main import main
from dlrun.errors import ExitCode

Check = Callable[..., tuple[int, str, str]]
QUICK = ["trainer.epochs=2", "trainer.device=cpu"]


@pytest.fixture
def check(work: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Check:
    """Type `dlrun check` and these words into a terminal of 80 columns: the exit code, what was printed, the errors."""
    monkeypatch.setenv("COLUMNS", "80")

    def typed(*words: str) -> tuple[int, str, str]:
        code = main(["check", *words])
        out, err = capsys.readouterr()
        assert not (work / "runs").exists()
        return code, out, err

    return typed


def told(check: Check, *words: str) -> dict[str, Any]:
    code, out, _ = check(*words, "--json")
    content = json.loads(out)
    assert isinstance(content, dict)
    return {"code": code, **content}


def test_a_run(check: Check) -> None:
    code, out, err = check("model=cnn", "model.batch_norm=true", *QUICK)
    assert (code, err) == (ExitCode.DONE, "")
    lines = out.splitlines()
    assert lines[0].startswith("cnn on digits  run ")
    assert any(line.split() == ["dense_head", "10", "650", "1.3", "k"] for line in lines)
    facts = [line.split()[0] for line in lines if line[:1].isupper()]
    assert facts == ["Data", "Classes", "Parameters", "FLOPs", "Memory", "Time", "Loss"]
    assert "estimated" in out and "at most" in out and "early stopping" in out
    assert max(map(len, lines)) <= 80
    assert "to look at" not in out


def test_without_early_stopping_the_time_is_no_upper_bound(check: Check) -> None:
    _, out, _ = check("data=iris", "callback=[]", *QUICK)
    assert "Time        about" in out and "at most" not in out


def test_advice_does_not_change_the_exit_code(check: Check) -> None:
    code, out, _ = check("data=iris", "activation=softmax", *QUICK)
    assert code == ExitCode.DONE
    assert "1 thing to look at" in out
    assert "model.layers[1].layers#0[2].activation should not be softmax" in out


def test_a_wrong_config_is_told_as_by_every_verb(check: Check) -> None:
    code, out, err = check("optimizer.learning_rate=-1")
    assert (code, out) == (ExitCode.WRONG_CALL, "")
    assert "optimizer.learning_rate must be a number in (0, inf); got -1." in " ".join(err.split())
    found = told(check, "optimizer.learning_rate=-1")
    assert (found["code"], [each["key"] for each in found["problems"]]) == (2, ["optimizer.learning_rate"])


def test_a_sweep(check: Check) -> None:
    words = ["-m", "data=iris", "model.hidden=[8],[4,1]", "model.dropout=0,1.5", "seed=0,1", *QUICK]
    code, out, err = check(*words)
    assert (code, err) == (ExitCode.WRONG_CALL, ""), "some trials cannot be run"
    lines = out.splitlines()
    assert lines[0] == "2 trials, 4 runs, 2 distinct models"
    assert lines[1].split() == ["hidden", "parameters", "FLOPs", "memory", "time", "trials"]
    assert "2 of 4 trials cannot be run" in lines
    assert "    in model.hidden=[8] model.dropout=1.5" in lines
    assert "    in model.hidden=[4,1] model.dropout=0" in lines, "where the waist of one is"
    assert max(map(len, lines)) <= 80
    found = told(check, *words)
    assert [model["trials"] for model in found["models"]] == [1, 1]
    assert [each["words"][1] for each in found["impossible"]] == ["model.hidden=[8]"] * 2 + ["model.hidden=[4,1]"] * 2


def test_what_a_sweep_would_come_to(check: Check, work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["data=iris", "callback=[]", *QUICK, "--seeds", "4", "--jobs", "2"]
    code, out, err = check(*words)
    seeds = "data=iris 'callback=[]' trainer.epochs=2 trainer.device=cpu seed=0,1,2,3 launcher.jobs=2"
    assert (code, err) == (ExitCode.DONE, f"= dlrun check -m {seeds}\n")
    assert "To train    4 runs, on 2 workers (as launcher.jobs says)" in out.splitlines()
    assert "one run after another" in out and "0.5 GB each" in out and "Asks first" not in out
    assert main([*words, "--dry-run", "--json", "search.confirm_above=3"]) == ExitCode.DONE
    found = json.loads(capsys.readouterr().out)["outlook"]
    assert (found["to_train"], found["workers"], found["asks_first"]) == (4, 2, True)
    assert found["wall_seconds"] == found["work_seconds"] / 2 > 0
    assert not list(work.iterdir())


def test_runs_of_one_structure_are_counted(check: Check) -> None:
    few = ["data=iris", "model.hidden=[8]", *QUICK]
    _, out, _ = check("-m", *few, "model.dropout=0.1,0.2")
    assert "Structure   1: its runs share a compiled program" in out.splitlines()
    _, out, _ = check("-m", *few, "model.dropout=0,0.1", "seed=0,1")
    assert "Structures  2: runs of one share a compiled program" in out.splitlines()
    _, out, _ = check("-m", *few, "model.dropout=0,0.1")
    assert "Structures  2: each run compiles its own" in out.splitlines()


def test_trials_that_are_one_are_told(check: Check) -> None:
    code, out, _ = check("-m", "data=iris", "optimizer.learning_rate=1,1.0,0.1,0.1", "seed=0,1", *QUICK)
    assert code == ExitCode.DONE
    assert "2 trials asked for more than once, and run once" in out
    assert "  optimizer.learning_rate=1 = optimizer.learning_rate=1.0" in out
    assert "  optimizer.learning_rate=0.1 (2 times)" in out


def test_json_has_all_of_it(check: Check) -> None:
    found = told(check, "data=iris", *QUICK)
    (model,) = found["models"]
    assert (found["code"], found["impossible"], found["duplicates"]) == (0, [], [])
    layer = next(each for each in model["blueprint"]["layers"] if each["name"] == "dense_head")
    assert layer == {
        "name": "dense_head",
        "path": "model.head.dense",
        "kind": "Dense",
        "output": [3],
        "parameters": 195,
        "flops": 402,
    }
    assert model["data"]["rows"] == {"train": 90, "validation": 30, "test": 30}
    assert model["first_steps"]["pace"]["steps_per_epoch"] == 3
    assert model["seconds"] == found["seconds"] > 0


def test_a_run_of_somebody_else(check: Check, work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dlrun.config.spec import Spec
    from dlrun.workflows.foreign import Inspection

    asked: list[Path] = []

    def inspect(path: Path, catalog: object) -> Inspection:
        asked.append(path)
        layers = (("dense_head", "Dense", "(3,)", 195),)
        return Inspection(
            path,
            Spec({"model": {"option": "mlp"}, "data": {"option": "iris"}}),
            195,
            "model.keras",
            layers,
            (4,),
            (3,),
            True,
            10**9,
            5.0,
        )

    monkeypatch.setattr("dlrun.workflows.foreign.inspect_run", inspect)
    code, out, _ = check("theirs/runs/abc")
    assert (code, asked) == (ExitCode.DONE, [Path("theirs/runs/abc")])
    assert out.startswith("mlp on iris  abc\n")
    assert "Weights     model.keras: they fit; its predictions are finite" in out
    found = told(check, "theirs/runs/abc")
    assert (found["parameters"], found["spec"]["model"], found["path"]) == (195, {"option": "mlp"}, "theirs/runs/abc")


def test_a_run_is_a_word_without_an_equals_sign(check: Check) -> None:
    code, _, err = check("-m", "last")
    assert code == ExitCode.WRONG_CALL
    assert "takes one RUN or KEY=VALUE words" in err
    code, _, err = check("--modle=cnn")
    assert (code, "dlrun check knows no --modle=cnn" in err) == (ExitCode.WRONG_CALL, True)
    code, _, err = check("last")
    assert code == ExitCode.WRONG_CALL
    assert "There are no runs" in err
