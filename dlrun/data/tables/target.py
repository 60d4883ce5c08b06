"""What the target column of a CSV file asks for: classes or numbers."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from dlrun.data.tables.layout import Layout, Settings, listed
from dlrun.data.tables.problems import numeral, shown, text_in_target
from dlrun.data.tables.survey import MOST_CLASSES, ColumnSurvey, Survey
from dlrun.errors import Problem, TrainingProblem
from dlrun.serving.served_cells import number

__all__ = ["Target", "judge_target"]

_MOST_INTEGER_CLASSES = 20
_ROWS_PER_CLASS = 5  # whole numbers that repeat less than this are counts, not classes
_PADDED = re.compile(r"0+\d+", re.ASCII)
_STRAY_TEXT = 0.1  # the share of text up to which a column of numbers is one with mistakes in it


@dataclass(frozen=True)
class Target:
    """What is to be predicted.

    Attributes:
        task: one of `dataset.TASKS`; None when it cannot be told.
        classes: names of the classes in label order; () for regression.
        values: the numbers that the classes are, in the same order; () where they are text.
    """

    task: str | None
    classes: tuple[str, ...] = ()
    values: tuple[float, ...] = ()


def judge_target(found: Survey, layout: Layout, settings: Settings, file: str) -> tuple[Target, list[Problem]]:
    """What the target is, and what is wrong with it beside missing and infinite cells."""
    if layout.target is None or not found.labels:
        return Target(None), []
    name, column = layout.names[layout.target], found.columns[layout.target]
    if column.text.count:
        mend = numeral(column, found, settings)
        if settings.task == "regression" or _is_number_with_mistakes(found, column, mend is not None, settings):
            return Target("regression"), [text_in_target(name, column, mend or _way_out(found, settings), file)]
        target = Target(None, tuple(sorted(found.labels)))
    else:
        values = sorted({value for label in found.labels if (value := number(label, settings.decimal)) is not None})
        if settings.task == "regression" or (settings.task == "auto" and not _are_classes(values, found.samples)):
            return Target("regression"), list(_constant(name, values, file))
        target = Target(None, tuple(_class_name(value) for value in values), tuple(values))
    is_binary = settings.task == "binary" or (settings.task == "auto" and len(target.classes) == 2)
    task = "binary" if is_binary else "multiclass"
    return Target(task, target.classes, target.values), list(_class_problems(name, target, found, settings, file))


def _is_number_with_mistakes(found: Survey, column: ColumnSurvey, all_numerals: bool, settings: Settings) -> bool:
    if settings.task != "auto":
        return False
    distinct = sum(number(label, settings.decimal) is not None for label in found.labels)
    if all_numerals:
        # '5%' and '1,000' are classes where there are few of them; '0,5' alone is a number in any case
        fractions = settings.decimal == "point" and column.looks["decimal,"] == column.text.count
        return len(found.labels) > _MOST_INTEGER_CLASSES or (fractions and distinct == 0)
    return column.text.count <= _STRAY_TEXT * found.samples and distinct > _MOST_INTEGER_CLASSES


def _way_out(found: Survey, settings: Settings) -> str:
    """Of text that is no number where numbers are to be predicted."""
    if settings.task != "regression":
        return "Correct the file, or take every value for a class: data.task=multiclass"
    if _hardly_repeat(found.labels, found):
        return "Correct the file, or choose another column with data.target."
    return "Correct the file, or predict classes: data.task=auto"


def _hardly_repeat(classes: Collection[str], found: Survey) -> bool:
    return len(classes) > min(MOST_CLASSES, max(_MOST_INTEGER_CLASSES, found.samples / 2))


def _are_classes(values: list[float], samples: int) -> bool:
    if not all(value.is_integer() for value in values) or len(values) > _MOST_INTEGER_CLASSES:
        return False
    return len(values) <= 2 or samples >= _ROWS_PER_CLASS * len(values)


def _class_name(value: float) -> str:
    return str(int(value)) if value.is_integer() else repr(value)


def _constant(name: str, values: list[float], file: str) -> Iterator[Problem]:
    if len(values) == 1:
        mend = "Choose another column with data.target."
        rule = f"must vary in column '{name}', which is to be predicted"
        yield TrainingProblem("data.path", rule, got=f"{values[0]:g} in every row", mend=mend, place=file)


def _class_problems(name: str, target: Target, found: Survey, settings: Settings, file: str) -> Iterator[Problem]:
    classes = target.classes
    padded = _padded(found.labels) if target.values else []
    if len(classes) > MOST_CLASSES or (not target.values and _hardly_repeat(classes, found)):
        number_of = f"more than {MOST_CLASSES}" if len(classes) > MOST_CLASSES else str(len(classes))
        got = f"{number_of} different values in {found.samples} rows, such as {shown(classes[0])}"
        mend = "Choose another column with data.target" + (", or data.task=regression." if target.values else ".")
        yield Problem("data.path", f"must repeat its classes in column '{name}'", got=got, mend=mend, place=file)
    elif padded:
        rule = f"must spell each class in one way in column '{name}'"
        mend = "If both are the same number, write it in one way; if they are codes, put a letter in front of them."
        yield Problem("data.path", rule, got=" and ".join(map(shown, padded)), mend=mend, place=file)
    elif len(classes) == 1:
        rule = f"must hold two classes or more in column '{name}', which is to be predicted"
        mend = "Choose another column with data.target, or add rows of the other classes."
        yield TrainingProblem("data.path", rule, got=f"{shown(classes[0])} in every row", mend=mend, place=file)
    elif twins := _twins(classes):
        rule = f"must spell each class in one way in column '{name}'"
        mend = "Write one of them in every row, or call them by other names if they differ."
        if len({unicodedata.normalize("NFC", twin) for twin in twins}) == 1:
            mend = "They look the same and are written in other characters: write all in one form of Unicode, NFC."
        yield Problem("data.path", rule, got=" and ".join(map(shown, twins)), mend=mend, place=file)
    elif settings.task == "binary" and len(classes) != 2:
        got = f"binary for {len(classes)} classes ({listed(classes)})"
        mend = "Write data.task=multiclass, or data.task=auto."
        yield Problem("data.task", f"must fit column '{name}' of {file}", got=got, mend=mend)


def _twins(classes: Sequence[str]) -> list[str]:
    """The first classes that differ in capitals only, as yes and Yes, or look the same, as an accent in one character
    and in two; letters such as a and A may well be classes."""
    alike: dict[str, list[str]] = {}
    for name in classes:
        seen = unicodedata.normalize("NFC", name)
        alike.setdefault(seen.casefold() if len(seen) > 1 else seen, []).append(name)
    return next((names for names in alike.values() if len(names) > 1), [])


def _padded(labels: Collection[str]) -> list[str]:
    """The first labels that are one number, and two codes: 1 and 01."""
    for label in sorted(labels):
        if _PADDED.fullmatch(label) and (same := [each for each in labels if each != label and _is_same(each, label)]):
            return [label, min(same)]
    return []


def _is_same(one: str, other: str) -> bool:
    return one.isdecimal() and one.isascii() and int(one) == int(other)
