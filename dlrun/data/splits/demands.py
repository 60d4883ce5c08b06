"""What splits ask of their keys and of the data, told before anything is loaded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dlrun.data.declare import Declaration
from dlrun.errors import Problem

__all__ = [
    "ALL_ROWS",
    "belongs_apart",
    "fold_problems",
    "is_number",
    "rest_problems",
    "share",
    "share_problems",
    "stratify_problems",
    "together",
]

ALL_ROWS = "Use more rows, or split=none, which trains, validates and tests on all of them."
_OF_CLASSES = ("binary", "multiclass")


def share(samples: int, fraction: float) -> int:
    """The whole rows in a fraction; 0.29 of 100 is 29, whatever binary fractions make of it."""
    return int(samples * fraction + 1e-9)


def share_problems(test: float, validation: float, samples: int | None) -> Iterator[Problem]:
    """Fractions that leave nothing to train on, and too few rows for them."""
    if test + validation >= 1:
        rule = "must leave rows to train on: with split.validation it must stay below 1"
        got = f"{test:g} and {validation:g}"
        yield Problem("split.test", rule, got=got, mend="Such as split.test=0.2 split.validation=0.2.")
    elif samples is not None:
        for part, fraction in {"test": test, "validation": validation}.items():
            if share(samples, fraction) == 0:
                got = f"{fraction:g} of {samples} rows"
                yield Problem(f"split.{part}", "must leave one row or more in the part", got=got, mend=ALL_ROWS)


def fold_problems(folds: int, fold: int, samples: int | None, inner: str = "", repeats: int = 1) -> Iterator[Problem]:
    """A fold beyond the last, and more folds than rows.

    Args:
        inner: `inner_` for the keys of the folds inside a fold.
        repeats: how often the rows are put into folds.
    """
    last, times = folds * repeats - 1, " times split.repeats" if repeats > 1 else ""
    if fold > last:
        key = f"split.{inner}fold"
        rule = f"must be below split.{inner}folds{times}, which is {last + 1}: folds count from 0"
        yield Problem(key, rule, got=str(fold), mend=f"The last one is {key}={last}.")
    if samples is not None and folds > samples:
        got = f"{folds} folds of {samples} rows"
        yield Problem(f"split.{inner}folds", "must leave one row or more in each fold", got=got, mend=ALL_ROWS)


def rest_problems(folds: int, validation: float, samples: int | None) -> Iterator[Problem]:
    """Too few rows beside a fold to validate on some of them."""
    if samples is not None and folds <= samples and share(samples - -(-samples // folds), validation) == 0:
        got = f"{validation:g} of the rest of {samples} rows"
        yield Problem("split.validation", "must leave one row or more in the part", got=got, mend=ALL_ROWS)


def stratify_problems(stratify: bool | int | str, task: str | None) -> Iterator[Problem]:
    """Classes to be kept even where there are none, and quantiles where there are classes."""
    key, mend = "split.stratify", "Write split.stratify=auto."
    if task is None:
        return
    if stratify is True and task not in _OF_CLASSES:
        why = "a regression: it has no classes" if task == "regression" else f"task {task}: a sample has no one class"
        yield Problem(key, f"must be auto or false for {why}", "true", mend)
    elif is_number(stratify) and task != "regression":
        yield Problem(
            key, f"must be auto, true or false for task {task}: quantiles are of numbers", str(stratify), mend
        )


def is_number(stratify: Any) -> bool:
    """Whether it is a number of quantiles."""
    return isinstance(stratify, int) and not isinstance(stratify, bool)


def belongs_apart(data: Declaration) -> Iterator[Problem]:
    """Data that comes cut into files, under a split that would mix them."""
    if data.given is not None and "parts" in data.given:
        rule = "must be files where the data's files are given apart: any other mixes them"
        yield Problem("split", rule, mend="Write split=files, or give one file.")


def together(data: Declaration) -> Iterator[Problem]:
    """Data whose samples belong together in groups, under a split that would cut them."""
    if data.given is not None and "groups" in data.given:
        rule = "must be grouped where samples belong together: any other trains and tests on the same group"
        yield Problem("split", rule, mend="Write split=grouped, or leave data.group out.")
