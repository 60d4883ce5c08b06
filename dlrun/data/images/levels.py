"""The values in masks: how often each is there, and which class it stands for."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dlrun.data.classes import several
from dlrun.data.folders import as_shown
from dlrun.data.images.decode import Unreadable, decode_mask
from dlrun.data.images.pairs import Places
from dlrun.data.place import shown_path
from dlrun.errors import Problem

__all__ = ["Named", "named", "value_problems", "values_in"]

_MOST_THREADS = 8
_SHOWN = 20  # values that a message lists

_RULES = {
    "lossy": ("must keep the values of its pixels, as PNG does", "Save the mask as PNG, from where it was made."),
    "levels": ("must have a palette, or grey levels of 0 to 255: 256 classes at most", "Save it so, a value a class."),
}


def values_in(paths: Sequence[Path]) -> tuple[np.ndarray, list[tuple[int, str, str]]]:
    """How many pixels of all masks have each value from 0 to 255, and the masks that cannot be read.

    Returns:
        int64 of shape (256,); of the others the place, the kind of the fault (see `decode.Unreadable`), the reason.
    """
    counts, faults = np.zeros(256, np.int64), []
    with ThreadPoolExecutor(min(_MOST_THREADS, os.cpu_count() or 1)) as pool:
        for place, seen in enumerate(pool.map(_counted, paths)):
            if isinstance(seen, np.ndarray):
                counts += seen
            else:
                faults.append((place, *seen))
    return counts, faults


def _counted(path: Path) -> np.ndarray | tuple[str, str]:
    try:
        return np.bincount(decode_mask(path).reshape(-1), minlength=256)
    except Unreadable as error:
        return error.kind, str(error)
    except OSError as error:
        return "denied", error.strerror or str(error)


def value_problems(faults: Sequence[tuple[Path, str, str]], folder: str) -> Iterator[Problem]:
    """Masks that say no classes, kind by kind."""
    for kind, (rule, mend) in _RULES.items():

        def problem(fault: tuple[Path, str, str], rule: str = rule, mend: str = mend) -> Problem:
            return Problem("data.path", rule, fault[2], mend, as_shown(shown_path(fault[0])))

        yield from several([fault for fault in faults if fault[1] == kind], problem, folder)


@dataclass(frozen=True)
class Named:
    """What the values of masks stand for.

    Attributes:
        levels: the values, ascending.
        classes: their names.
    """

    levels: tuple[int, ...]
    classes: tuple[str, ...]
    problems: tuple[Problem, ...] = ()


def named(counts: np.ndarray, places: Places, folder: str) -> Named:
    """The classes in masks of which so many pixels have each value."""
    levels = tuple(np.flatnonzero(counts).tolist())
    problems = [*_choice_problems(levels, places.classes)]
    if len(levels) == 1:
        mend = "Look whether these are the masks, and whether what is to be found is drawn in them with another value."
        rule = "must hold two classes or more in its masks"
        problems.append(Problem("data.path", rule, f"{levels[0]} in every pixel", mend, folder))
    if places.classes is None or problems:
        return Named(levels, tuple(map(str, levels)), tuple(problems))
    chosen: tuple[Any, ...] = places.classes
    names = dict(chosen if _by_value(chosen) else zip(levels, chosen, strict=True))
    return Named(levels, tuple(str(names[level]) for level in levels), ())


def _by_value(classes: Sequence[Any]) -> bool:
    return bool(classes) and isinstance(classes[0], tuple)


def _choice_problems(levels: Sequence[int], classes: Sequence[Any] | None) -> Iterator[Problem]:
    if classes is None or not levels:
        return
    listed = ", ".join(map(str, levels[:_SHOWN])) + (", ..." if len(levels) > _SHOWN else "")
    mend = f"The masks hold {listed}. By value: 'data.classes={{{levels[0]}: NAME, ...}}'"
    names = [name for _, name in classes] if _by_value(classes) else list(classes)
    for name, count in Counter(names).items():
        if count > 1:
            yield Problem("data.classes", "must name each class once", got=f"'{name}' {count} times")
    if not _by_value(classes):
        if len(classes) != len(levels):
            rule = f"must name the {len(levels)} values in the masks"
            yield Problem("data.classes", rule, got=f"{len(classes)} names", mend=mend)
        return
    if unnamed := [str(level) for level in levels if level not in dict(classes)]:
        got = f"none for {', '.join(unnamed[:_SHOWN])}"
        yield Problem("data.classes", "must name each value in the masks", got=got, mend=mend)
