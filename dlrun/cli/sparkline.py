"""A curve in one line of text."""

from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = ["sparkline"]

_STEPS = "▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[float], width: int, among: Sequence[float] | None = None) -> str:
    """The curve of `values` in at most `width` characters, from its least to its greatest value.

    Of more values than characters each character shows the last of its share; what is no number is a gap.

    Args:
        among: the values that the scale spans, where several curves are to be read against each other.

    >>> sparkline([8, 5, 3, 2, 1.5, 1.2], 10)
    '█▅▃▁▁▁'
    """
    if width <= 0 or not values:
        return ""
    count = min(width, len(values))
    shown = [values[(index + 1) * len(values) // count - 1] for index in range(count)]
    numbers = [value for value in shown if math.isfinite(value)]
    if not numbers:
        return " " * count
    spanned = numbers if among is None else [value for value in among if math.isfinite(value)]
    low, high = min(spanned), max(spanned)
    spread = high - low

    def step(value: float) -> str:
        if not math.isfinite(value):
            return " "
        share = (value - low) / spread if 0 < spread < math.inf else 0.0
        return _STEPS[min(int(share * len(_STEPS)), len(_STEPS) - 1)]

    return "".join(map(step, shown))
