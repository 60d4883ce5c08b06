"""Words that are wrong: the slip behind them, what was meant, and what hides behind one."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlrun.cli.main import main
from dlrun.config.words import key_of, mended, torn_words, unreadable
from dlrun.errors import ConfigError, Problem
from dlrun.planning import Planner

TYPED = "command line"


@pytest.mark.parametrize(
    ("word", "key"),
    [("a.b=1", "a.b"), ("+a=1", "a"), ("++a.b=1", "a.b"), ("~a", "a"), ("callback@callback.x=y", "callback")],
)
def test_the_key_of_a_word(word: str, key: str) -> None:
    assert key_of(word) == key


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("a=[1,{b: 2", "}] is missing"),
        ("a='b", "' is missing"),
        ("a=“b”", "without “ ”"),
        ("iris", "iris=VALUE"),
        ("+=1", "a key before the ="),
        ("a=b;c", "Hydra reads ; as a sign of its own"),
        ("a=b:c:d", "Hydra's grammar (no idea)"),
    ],
)
def test_a_slip_is_known(word: str, says: str) -> None:
    assert says in str(unreadable(word, "no idea"))


def test_brackets_within_quotes_are_text() -> None:
    assert "is missing" not in str(unreadable("a='[b'", "no idea"))


def test_torn_words_are_told_once_and_taken_out() -> None:
    problems, whole = torn_words(["seed=1", "model=", "cnn", "data=", "-m"])
    assert [problem.mend for problem in problems] == ["Type model=cnn."]
    assert whole == ["seed=1", "data=", "-m"]


def test_what_is_meant_is_put_in() -> None:
    words = [
        "optimizer.lr=0.1",
        "optimizer=sgd,adma",
        "model.dropout=30",
        "qqq=1",
        "model=resnet",
        "model.depth=3",
        "seed=1",
    ]
    problems = [
        Problem("optimizer.lr", "", place=TYPED, instead=("optimizer.lr", "optimizer.learning_rate")),
        Problem("optimizer", "", place=TYPED, instead=("adma", "adam")),
        Problem("model.dropout", "", place=TYPED, instead=("30", "0.3")),
    ]
    changed, complete = mended(words, problems)
    assert changed == {
        "optimizer.lr=0.1": "optimizer.learning_rate=0.1",
        "optimizer=sgd,adma": "optimizer=sgd,adam",
        "model.dropout=30": "model.dropout=0.3",
    }
    assert complete
    unknown = [
        Problem("qqq", "", place=TYPED, instead=("qqq", "")),
        Problem("model", "", place=TYPED, instead=("resnet", "")),
    ]
    changed, complete = mended(words, unknown)
    assert changed == {"qqq=1": "", "model=resnet": "", "model.depth=3": "", "model.dropout=30": ""}
    assert not complete


def test_what_comes_from_a_file_or_breaks_a_rule_is_left_as_it_is() -> None:
    problems = [
        Problem("model.dropout", "", place="experiments/x.yaml:3", instead=("30", "0.3")),
        Problem("seed", "must be ...", place=TYPED),
    ]
    assert mended(["model.dropout=30", "seed=a"], problems) == ({}, False)


def told(words: list[str], sweep: bool = False) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        Planner(Path.cwd()).plan(words, sweep)
    return caught.value


def test_a_wrong_word_hides_no_other(work: Path) -> None:
    error = told(["optimizer=adma", "optimizer.lr=0.1", "model.dropout=30", "batch=64"])
    assert [problem.key for problem in error.problems] == ["optimizer", "optimizer.lr", "model.dropout", "batch"]
    right = ["optimizer=adam", "optimizer.learning_rate=0.1", "model.dropout=0.3", "trainer.batch_size=64"]
    assert list(error.instead.values()) == right
    assert Planner(work).plan(right, sweep=False).runs


def test_what_cannot_be_guessed_is_left_out_and_no_command_is_offered(work: Path) -> None:
    error = told(["qqq=1", "optimizer=adma", "optimizer.lr=0.1"])
    assert [problem.key for problem in error.problems] == ["optimizer", "optimizer.lr", "qqq"]
    assert error.instead == {}


def test_no_command_is_offered_that_would_be_refused(work: Path) -> None:
    error = told(["data=iris", "loss=mse"])
    assert [problem.got for problem in error.problems] == ["mse", "mean_squared_error"]
    assert error.instead == {}


def test_a_sweep_is_offered_as_a_sweep(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "-m", "optimizer=adma,sgd", "lr=0.1,1"]) == 2
    assert "dlrun config -m optimizer=adam,sgd optimizer.learning_rate=0.1,1" in capsys.readouterr().err
