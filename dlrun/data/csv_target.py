"""What the target column of a CSV file asks for: classes or numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dlrun.data.csv_cells import number
from dlrun.data.csv_layout import Layout, Settings, listed
from dlrun.data.csv_problems import shown, text_in_target
from dlrun.data.csv_survey import MOST_CLASSES, Survey
from dlrun.errors import Problem

__all__ = ["Target", "judge_target"]

_MOST_INTEGER_CLASSES = 20
_ROWS_PER_CLASS = 5  # whole numbers that repeat less than this are counts, not classes
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
        if settings.task == "regression" or _is_number_with_mistakes(found, column.text.count, settings):
            return Target("regression"), [text_in_target(name, column, settings.task == "regression", file)]
        target = Target(None, tuple(sorted(found.labels)))
    else:
        values = sorted({value for label in found.labels if (value := number(label, settings.decimal)) is not None})
        if settings.task == "regression" or (settings.task == "auto" and not _are_classes(values, found.samples)):
            return Target("regression"), list(_constant(name, values, file))
        target = Target(None, tuple(_class_name(value) for value in values), tuple(values))
    is_binary = settings.task == "binary" or (settings.task == "auto" and len(target.classes) == 2)
    task = "binary" if is_binary else "multiclass"
    return Target(task, target.classes, target.values), list(_class_problems(name, target, found, settings, file))


def _is_number_with_mistakes(found: Survey, text_cells: int, settings: Settings) -> bool:
    if settings.task != "auto":
        return False
    readings = [number(label, settings.decimal) for label in found.labels]
    if not any(value is not None for value in readings):
        # every label is text: classes, unless all of it reads as numbers once the decimal sign is known
        return settings.decimal == "point" and all(number(label, "comma") is not None for label in found.labels)
    distinct = sum(value is not None for value in readings)
    return text_cells <= _STRAY_TEXT * found.samples and distinct > _MOST_INTEGER_CLASSES


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
        yield Problem("data.path", rule, got=f"{values[0]:g} in every row", mend=mend, place=file)


def _class_problems(name: str, target: Target, found: Survey, settings: Settings, file: str) -> Iterator[Problem]:
    classes = target.classes
    repeats_too_little = not target.values and len(classes) > max(_MOST_INTEGER_CLASSES, found.samples / 2)
    if len(classes) > MOST_CLASSES or repeats_too_little:
        number_of = f"more than {MOST_CLASSES}" if len(classes) > MOST_CLASSES else str(len(classes))
        got = f"{number_of} different values in {found.samples} rows, such as {shown(classes[0])}"
        mend = "Choose another column with data.target, or data.task=regression for numbers."
        yield Problem("data.path", f"must repeat its classes in column '{name}'", got=got, mend=mend, place=file)
    elif len(classes) == 1:
        rule = f"must hold two classes or more in column '{name}', which is to be predicted"
        mend = "Choose another column with data.target, or add rows of the other classes."
        yield Problem("data.path", rule, got=f"{shown(classes[0])} in every row", mend=mend, place=file)
    elif settings.task == "binary" and len(classes) != 2:
        got = f"binary for {len(classes)} classes ({listed(classes)})"
        mend = "Write data.task=multiclass, or data.task=auto."
        yield Problem("data.task", f"must fit column '{name}' of {file}", got=got, mend=mend)
