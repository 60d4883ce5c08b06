"""Which other runs of a sweep show that a number varies in it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from dlrun.config.replicates import REPLICATE_KEYS
from dlrun.config.spec import Spec
from dlrun.planning import Plan, PlannedRun

__all__ = ["Siblings"]

_FED_ALWAYS = "optimizer.learning_rate"


class Siblings:
    """The runs of a plan by what they have in common, so that a thousand of them are looked through once.

    Args:
        plan: all runs of the command.
    """

    def __init__(self, plan: Plan) -> None:
        self._keys = [key for key in plan.varied if key not in (*REPLICATE_KEYS, _FED_ALWAYS)]
        self._alike: dict[tuple[str, ...], list[PlannedRun]] = {}
        for run in plan.runs:
            for place in self._numbers(run.overrides):
                self._alike.setdefault(_without(run.overrides, place), []).append(run)

    def of(self, run: PlannedRun) -> tuple[Spec, ...]:
        """For each number that varies, the spec of a run that has another one there and is `run` in all else."""
        found: list[Spec] = []
        for place in self._numbers(run.overrides):
            others = self._alike.get(_without(run.overrides, place), ())  # none where one run was planned anew
            different = (other.spec for other in others if other.overrides[place] != run.overrides[place])
            found += itertools.islice(different, 1)  # the first or the second: all of a thousand are not looked at
        return tuple(found)

    def _numbers(self, overrides: Sequence[str]) -> list[int]:
        """Where the words set a number that varies: not to zero, which makes another program."""
        words = [word.partition("=") for word in overrides]
        return [place for place, (key, _, value) in enumerate(words) if key in self._keys and _is_number(value)]


def _without(overrides: Sequence[str], place: int) -> tuple[str, ...]:
    """The words but one, and which one that is."""
    return (*overrides[:place], overrides[place].partition("=")[0], *overrides[place + 1 :])


def _is_number(text: str) -> bool:
    try:
        value = float(text)
    except ValueError:
        return False
    return math.isfinite(value) and value != 0
