"""What is found wrong while a model is expanded, gathered so that all of it is told at once."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import Any

from dlrun.errors import Problem

__all__ = ["Findings", "Told", "shown"]

_PASS = re.compile(r"#\d+")


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
            self._problems.setdefault(key, problem)

    @contextmanager
    def only(self, told: Told) -> Iterator[None]:
        """Within the block, keep at most problems of this kind."""
        before = self._told
        self._told = min(before, told)
        try:
            yield
        finally:
            self._told = before


def shown(value: Any) -> str:
    """A value as one would type it."""
    return f"'{value}'" if isinstance(value, str) else json.dumps(value, default=str)
