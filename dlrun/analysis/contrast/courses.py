"""Two curves of one metric: where they part, and who leads when."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from dlrun.analysis.ranking import Goal, goal_of
from dlrun.config.catalog import Catalog

__all__ = ["Course", "courses_of"]


@dataclass(frozen=True)
class Course:
    """A metric of two runs, epoch by epoch.

    Attributes:
        first: the first run's values, from epoch 1; empty where it has none.
        goal: which direction is better.
    """

    metric: str
    first: tuple[float, ...]
    second: tuple[float, ...]
    goal: Goal

    @property
    def common(self) -> int:
        """Epochs that both have."""
        return min(len(self.first), len(self.second))

    @property
    def parts_at(self) -> int | None:
        """The first epoch, from 1, at which they are not the same to the bit; None where they are to the end.

        A curve that ends where the other goes on is another from there on.
        """
        for epoch, (a, b) in enumerate(zip(self.first, self.second, strict=False), 1):
            if not _same(a, b):
                return epoch
        return None if len(self.first) == len(self.second) else self.common + 1

    @property
    def leads(self) -> list[tuple[int, int]]:
        """Who leads (1 or 2) and since which epoch, in the order of the epochs; equal epochs change nothing."""
        found: list[tuple[int, int]] = []
        for epoch, (a, b) in enumerate(zip(self.first, self.second, strict=False), 1):
            leader = _leader(a, b, self.goal)
            if leader and (not found or found[-1][0] != leader):
                found.append((leader, epoch))
        return found


def courses_of(
    first: Mapping[str, Sequence[float]], second: Mapping[str, Sequence[float]], catalog: Catalog | None = None
) -> Iterator[Course]:
    """A course for each metric that both runs have.

    Args:
        catalog: tells which direction of a metric is better; None goes by the metric's name.
    """
    for name, values in first.items():
        if name in second:
            yield Course(name, tuple(values), tuple(second[name]), goal_of(name, catalog))


def _leader(a: float, b: float, goal: Goal) -> int:
    """1 or 2; 0 where neither leads. What is no number leads nothing."""
    if _same(a, b):
        return 0
    if math.isnan(a) or math.isnan(b):
        return 2 if math.isnan(a) else 1
    return 1 if (a > b) == (goal == "max") else 2


def _same(a: float, b: float) -> bool:
    return a == b or (math.isnan(a) and math.isnan(b))
