"""What is printed when a run has ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from analysis.synthetic import Project

from dlrun.cli.outcome import print_answer
from dlrun.cli.progress import RunDisplay
from dlrun.sweeps.record import Sweep
from dlrun.sweeps.threads import keep_threads
from dlrun.training.result import Result

FACTS: dict[str, Any] = {
    "id": "0123456789abcdef",
    "name": "a run",
    "status": "finished",
    "task": "multiclass",
    "metrics": {"loss": 0.5, "val_loss": 0.6, "best_loss": 0.4, "best_val_loss": 0.55, "test_loss": 0.7}
    | {"restored_loss": 0.4, "restored_val_loss": 0.55},
    "best_epoch": 3,
    "kept_epoch": 3,
    "epochs_run": 2600,
    "monitor": "val_loss",
    "parameters": 10,
    "samples": {"train": 5},
    "durations": {"total_seconds": 14.2},
    "cost": {},
    "fast_dev_run": False,
    "engine": {"name": "fused", "why": "the data fits in memory"},
    "fingerprint": None,
    "resumed": None,
    "cause": None,
    "attempt": 1,
    "started": 0.0,
    "ended": 14.2,
}


def printed(capsys: pytest.CaptureFixture[str], folder: Path, repeated: int = 0, **facts: Any) -> list[str]:
    """The lines printed for a run, each word apart by one space."""
    result = Result(**{**FACTS, **facts})
    answer: Any = SimpleNamespace(
        rate_test=None,
        sweep=None,
        store=None,
        result=result,
        repeated=repeated,
        work=folder,
        tracking={"option": "none"},
    )
    print_answer(answer)
    return [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]


def test_the_scores_are_those_of_the_kept_epoch(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    lines = printed(capsys, tmp_path)
    assert "train validation test" in lines
    assert "loss 0.4000 0.5500 0.7000" in lines


@pytest.mark.parametrize("metrics", [{"loss": 1.0345e20, "val_loss": 9e19, "test_loss": 2.35}, {"test_loss": 2.35}])
def test_of_untrained_weights_only_the_test_is_told(
    metrics: dict[str, float], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    lines = printed(capsys, tmp_path, status="diverged", metrics=metrics, best_epoch=None, kept_epoch=0, epochs_run=1)
    assert "loss 2.3500" in lines
    assert "test" in lines
    assert not any("train validation" in line or "e+" in line for line in lines)


def test_without_a_test_part_untrained_weights_have_no_table(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    lines = printed(capsys, tmp_path, metrics={"loss": 1e20}, best_epoch=None, kept_epoch=0)
    assert not any(line.startswith("loss") for line in lines)


def test_large_numbers_are_short(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    lines = printed(capsys, tmp_path, metrics={"loss": 103449565804607045632.0, "val_loss": 2048.5}, best_epoch=None)
    assert "loss 1.03e+20 2048.5 -" in lines


def test_large_numbers_are_short_in_progress_too(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dlrun.cli.progress._SECONDS_BETWEEN_LINES", -1.0)
    show = RunDisplay(plain=True)
    show("start", {"epochs": 3})
    show("epoch", {"epoch": 1, "metrics": {"loss": 103449565804607045632.0, "accuracy": 0.5}})
    assert capsys.readouterr().out == "epoch 1/3  loss 1.03e+20  accuracy 0.5000\n"


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, "finished: 2600 epochs in 14.2 s"),
        ({"resumed": {"epoch": 1423, "step": 0}}, "finished: 2600 epochs, 1177 of them now, in 14.2 s"),
        ({"resumed": {"epoch": 0, "step": 7}}, "finished: 2600 epochs in 14.2 s"),
        ({"resumed": {"epoch": 1423, "step": 0}, "repeated": 1}, "finished: 2600 epochs in 14.2 s"),
        (
            {"resumed": {"epoch": 9, "step": 3}, "epochs_run": 0, "status": "interrupted"},
            "interrupted: 0 epochs in 14.2 s",
        ),
    ],
)
def test_epochs_of_an_earlier_attempt_are_told_apart(
    facts: dict[str, Any], expected: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert any(line.startswith(f"{expected};") for line in printed(capsys, tmp_path, **facts))


def test_which_engine_trained_and_why(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert "trained by fused: the data fits in memory" in printed(capsys, tmp_path)
    assert not any("trained by" in line for line in printed(capsys, tmp_path, engine={}))


def ended(project: Project, repeated: int, overrides: Sequence[str], threads: int | None) -> Any:
    """The answer of a sweep of one trial, which was given these words and its runs so many threads."""
    ids = [project.run({"seed": seed}, {"test_accuracy": 0.9}) for seed in range(2)]
    folder = project.work / "sweeps" / project.sweep({"a": ids})
    keep_threads(folder, threads, 2)
    written = Sweep.read(folder)
    sweep = replace(written, trials=[replace(trial, overrides=overrides) for trial in written.trials])
    sweep.write(folder)
    return SimpleNamespace(
        rate_test=None,
        sweep=sweep,
        store=None,
        results=ids,
        repeated=repeated,
        work=project.work,
        catalog=None,
        tracking={"option": "none"},
    )


@pytest.mark.parametrize(
    ("words", "threads", "kept"),
    [
        (["seed=0", "launcher.jobs=2", "trainer.save_model=never"], 1, "seed=0 trainer.threads=1"),
        (["seed=0", "trainer.threads=3", "hydra/launcher=joblib"], 1, "seed=0 trainer.threads=3"),
        (["seed=0", "+launcher.trial_timeout=9"], None, "seed=0"),
    ],
)
def test_the_command_that_keeps_the_best_model_computes_as_the_sweep_did(
    words: list[str], threads: int | None, kept: str, work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    print_answer(ended(Project(work), 0, words, threads))
    assert f"keep its model: dlrun {kept} trainer.save_model=always\n" in capsys.readouterr().out


def test_a_sweep_that_was_done_before_says_so(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answer = ended(Project(work), 2, [], None)
    print_answer(answer)
    assert capsys.readouterr().out.startswith("All 2 runs were finished before: nothing was run.\n")
    answer.results, answer.repeated = answer.results[:1], 1
    print_answer(answer)
    assert capsys.readouterr().out.startswith("Its one run was finished before: nothing was run.\n")


def test_accuracy_stands_beside_that_of_one_class_for_all(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    metrics = {"loss": 0.1, "accuracy": 0.99, "val_accuracy": 0.99, "test_accuracy": 0.99}
    guess = {"train": 0.99, "validation": 0.985, "test": 0.9875}
    lines = printed(capsys, tmp_path, metrics=metrics, guess=guess)
    place = next(number for number, line in enumerate(lines) if line.startswith("accuracy"))
    assert lines[place + 1] == "always one class 0.9900 0.9850 0.9875"
    assert not any(line.startswith("always") for line in printed(capsys, tmp_path, metrics=metrics))
