"""What is found wrong while a model is expanded, gathered so that all of it is told at once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from enum import IntEnum
from pathlib import Path

from dlrun.config.yamlfile import line_of_item
from dlrun.errors import Problem

__all__ = ["Findings", "Told", "at_its_line"]

_PASS = re.compile(r"#\d+")
_STEP = re.compile(r"\[(\d+)\]|(\w+)")


class Told(IntEnum):
    """Which problems are kept."""

    NONE = 0
    MISSPELT = 1  # unknown names and wrong shapes of the text: wrong whatever the numbers are
    ALL = 2


class Findings:
    """A list of problems that can be told to keep still for a while."""

    def __init__(self) -> None:
        self._problems: dict[tuple[str, str, str | None], Problem] = {}
        self._told = Told.ALL

    @property
    def problems(self) -> list[Problem]:
        """All problems kept so far, in the order they were found."""
        return list(self._problems.values())

    def add(self, problem: Problem, kind: Told = Told.ALL) -> None:
        """Keep `problem`, once for all passes of a loop.

        Args:
            kind: `MISSPELT` for what is wrong even in a layer that `when` leaves out.
        """
        if kind <= self._told:
            key = (_PASS.sub("", problem.key), problem.rule, problem.got)
            self._problems.setdefault(key, at_its_line(problem))

    @contextmanager
    def only(self, told: Told) -> Iterator[None]:
        """Within the block, keep at most problems of this kind."""
        before = self._told
        self._told = min(before, told)
        try:
            yield
        finally:
            self._told = before


def at_its_line(problem: Problem) -> Problem:
    """The problem placed at its item: what is known of an item's place is the file, and where its list begins."""
    file, _, line = (problem.place or "").rpartition(":")
    path = _PASS.sub("", problem.key)
    inside = path.rpartition(f".{Path(file).stem}.")[2]  # an item of a block: where the block's file is entered
    keys = [int(index) if index else name for index, name in _STEP.findall(inside.removeprefix("model."))]
    if not file or "layers" not in keys[:1]:
        return problem
    return replace(problem, place=f"{file}:{line_of_item(Path(file), keys) or line}")
