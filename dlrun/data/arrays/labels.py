"""What an array of labels asks for: classes or numbers, by the rule that tables follow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from dlrun.errors import Problem

__all__ = ["Labels", "judge", "numbered"]

_MOST_CLASSES = 1000
_MOST_INTEGER_CLASSES = 20
_ROWS_PER_CLASS = 5  # whole numbers that repeat less than this are counts, not classes
_LISTED = 8


@dataclass(frozen=True)
class Labels:
    """What is to be predicted.

    Attributes:
        task: None where problems keep it from being told.
        classes: their names, in the order of their values; () for a regression.
        values: what stands for each class in the array, sorted.
    """

    task: str | None
    classes: tuple[str, ...] = ()
    values: tuple[Any, ...] = ()
    problems: tuple[Problem, ...] = ()


def judge(y: Any, wanted: str, key: str, place: str) -> Labels:
    """Look at labels.

    Args:
        y: an array of shape (n,), (n, 1) or (n, outputs); of numbers, booleans or text.
        wanted: the task that the config asks for, or `auto`.
        key: what messages are about.
        place: the file, as they show it.
    """
    y = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
    is_text = y.dtype.kind in "US"
    problems = list(_unusable(y, wanted, is_text, key, place))
    if problems:
        return Labels(None, problems=tuple(problems))
    if y.ndim == 2 or wanted == "regression":
        return Labels("regression", problems=tuple(_constant(y, key, place)))
    values = _distinct(y)
    if not (is_text or wanted != "auto" or _are_classes(values, len(y))):
        return Labels("regression", problems=tuple(_constant(y, key, place)))
    problems = list(_class_problems(values, len(y), wanted, is_text, key, place))
    is_binary = wanted == "binary" or (wanted == "auto" and len(values) == 2)
    names = tuple(map(_name, values))
    return Labels("binary" if is_binary else "multiclass", names, tuple(values), tuple(problems))


def numbered(y: Any, labels: Labels) -> Any:
    """The labels as training takes them: int64 class numbers, or float32 values."""
    import numpy as np

    if labels.task == "regression":
        return np.ascontiguousarray(y, np.float32)
    return np.searchsorted(np.asarray(labels.values), y.reshape(len(y))).astype(np.int64)


def _unusable(y: Any, wanted: str, is_text: bool, key: str, place: str) -> Iterator[Problem]:
    import numpy as np

    if y.dtype.kind not in "biufUS":
        yield Problem(key, "must be numbers or text", got=f"labels of type {y.dtype}", place=place)
    elif y.ndim != 1 and (y.ndim != 2 or not y.shape[1] or is_text):
        rule = "must have one label a sample, or a row of numbers"
        yield Problem(key, rule, got=f"labels of shape {y.shape}", place=place)
    elif is_text and wanted == "regression":
        yield Problem(key, "must be numbers for a regression", got=f"'{_name(y[0])}'", mend="Write data.task=auto.")
    elif y.ndim == 2 and wanted not in ("auto", "regression"):
        mend = "Of rows of zeros and a one, save y.argmax(axis=1)."
        yield Problem(key, "must have one label a sample for classes", f"labels of shape {y.shape}", mend, place)
    elif y.ndim == 2 and wanted == "auto" and np.isin(y, (0, 1)).all():
        mend = "Save the number of each class, y.argmax(axis=1), or write data.task=regression."
        got = f"rows of {y.shape[1]} zeros and ones"
        yield Problem(key, "must have one label a sample for classes", got, mend, place)
    elif y.dtype.kind == "f" and not np.isfinite(y).all():
        row = int(np.argwhere(~np.isfinite(y))[0][0])
        yield Problem(key, "must have a label for each sample", f"{y[row]} in sample {row + 1}", place=place)


def _distinct(y: Any) -> list[Any]:
    import numpy as np

    return list(np.unique(y))


def _are_classes(values: list[Any], samples: int) -> bool:
    if not all(float(value).is_integer() for value in values[: _MOST_INTEGER_CLASSES + 1]):
        return False
    if len(values) > _MOST_INTEGER_CLASSES:
        return False
    return len(values) <= 2 or samples >= _ROWS_PER_CLASS * len(values)


def _name(value: Any) -> str:
    if value.dtype.kind == "S":
        return bytes(value).decode("utf-8", "backslashreplace")
    if value.dtype.kind in "Ub":
        return str(value).lower() if value.dtype.kind == "b" else str(value)
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def _constant(y: Any, key: str, place: str) -> Iterator[Problem]:
    if len(y) and (y == y[0]).all():
        yield Problem(key, "must vary: it is what is to be predicted", f"{y[0]} in every sample", place=place)


def _class_problems(
    values: list[Any], samples: int, wanted: str, is_text: bool, key: str, place: str
) -> Iterator[Problem]:
    shown = ", ".join(map(_name, values[:_LISTED])) + (", ..." if len(values) > _LISTED else "")
    if len(values) < 2:
        yield Problem(key, "must hold two classes or more", f"'{shown}' in every sample", place=place)
    elif len(values) > min(_MOST_CLASSES, max(_MOST_INTEGER_CLASSES, samples / 2)):
        mend = "" if is_text else "Write data.task=regression."
        got = f"{len(values)} different values in {samples} samples, such as {_name(values[0])}"
        yield Problem(key, "must repeat its classes", got, mend or None, place)
    elif wanted == "binary" and len(values) != 2:
        got = f"binary for {len(values)} classes ({shown})"
        yield Problem("data.task", f"must fit the labels of {place}", got, "Write data.task=multiclass, or auto.")
