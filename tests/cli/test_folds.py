"""`--folds`: the folds of whatever split the words choose."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlrun.cli.folds import fold_words, typed_beside_folds
from dlrun.errors import UserError


@pytest.mark.parametrize(
    ("words", "extra"),
    [
        ([], ["split=kfold", "split.folds=3", "split.fold=0,1,2"]),
        (["split=grouped"], ["split.folds=3", "split.fold=0,1,2"]),
        (["data=series"], ["split.folds=3", "split.fold=0,1,2"]),  # it brings split=time
        (["data=series", "split=grouped"], ["split.folds=3", "split.fold=0,1,2"]),
        (["data=truth_table"], ["split=kfold", "split.folds=3", "split.fold=0,1,2"]),  # its split=none has no folds
        (["split=repeated", "split.repeats=2"], ["split.folds=3", "split.fold=0,1,2,3,4,5"]),
        (["split=nested", "split.inner_folds=2"], ["split.folds=3", "split.fold=0,1,2", "split.inner_fold=0,1"]),
    ],
)
def test_folds_are_those_of_the_chosen_split(words: list[str], extra: list[str], work: Path) -> None:
    assert fold_words(words, 3) == extra
    assert typed_beside_folds(words) == []


@pytest.mark.parametrize("word", ["split=holdout", "split=kfold,repeated", "split.fold=1", "split.inner_fold=0,1"])
def test_what_folds_would_forget_is_refused(word: str) -> None:
    assert typed_beside_folds(["seed=1", word]) == [word]


def test_several_repeats_at_once_are_refused(work: Path) -> None:
    with pytest.raises(UserError, match=r"split.repeats must be one whole number beside --folds; got 2,3"):
        fold_words(["split=repeated", "split.repeats=2,3"], 5)
