"""Parts of dates, as they are or as points on a circle: 23 o'clock lies beside 0."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dlrun.data.columns import DATE_PARTS
from dlrun.data.encoding.step import Step, array

__all__ = ["PERIODS", "Circle", "chosen_parts"]

PERIODS = {"month": (1, 12), "day": (1, 31), "weekday": (0, 7), "day_of_year": (1, 366), "hour": (0, 24)} | {
    "minute": (0, 60),
    "second": (0, 60),
}
"""Parts that come round: the first of a round, and how many there are."""

_BY_DEFAULT = ("days", "year", "month", "day", "weekday", "hour", "minute")


@dataclass(frozen=True)
class Circle(Step):
    """Sine and cosine of each number, `period` being a full turn; both 0 where it is missing."""

    first: tuple[float, ...]
    period: tuple[float, ...]

    def __call__(self, x: Any, name: str) -> Any:
        from keras import ops

        turns = (2 * np.pi / array(self.period)).astype(np.float32)
        angle = ops.multiply(ops.subtract(x, array(self.first)), turns)
        gaps = ops.isnan(angle)
        points = [ops.where(gaps, 0.0, turn(ops.where(gaps, 0.0, angle))) for turn in (ops.sin, ops.cos)]
        return ops.concatenate(points, axis=-1)


def chosen_parts(varying: np.ndarray, wanted: tuple[str, ...] | None) -> list[str]:
    """The parts of a date column that are learned from: those asked for, else the usual ones that vary.

    Args:
        varying: whether each of `DATE_PARTS` takes two values or more in the training part.
    """
    if wanted is not None:
        return [part for part in DATE_PARTS if part in wanted]
    return [part for part, varies in zip(DATE_PARTS, varying, strict=True) if varies and part in _BY_DEFAULT]
