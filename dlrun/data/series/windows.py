"""Windows of a series, cut out of its rows as they are read: a sample is a place in the series."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Windows", "carried", "filled_within", "starts_of"]


@dataclass(frozen=True, eq=False)
class Windows:
    """Where samples come from; `dlrun.data.stored.Stored` reads them by number.

    Attributes:
        values: the series' rows, float32 of shape (length, features).
        firsts: the row that each window begins with, int64.
        window: rows of a window.
        fills: whether what is missing in a window is put in from what is known in it.
    """

    values: np.ndarray
    firsts: np.ndarray
    window: int
    fills: bool = False

    @property
    def rows(self) -> int:
        """How many samples there are."""
        return len(self.firsts)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one sample."""
        return self.window, self.values.shape[1]

    def read(self, rows: np.ndarray) -> np.ndarray:
        """The windows of these numbers, in their order: float32 of shape `(len(rows), window, features)`."""
        found: np.ndarray = self.values[self.firsts[rows][:, np.newaxis] + np.arange(self.window)]
        return filled_within(found) if self.fills else found


def starts_of(first: int, behind: int, span: int, stride: int) -> np.ndarray:
    """The rows that windows of a stretch begin with: as many as fit, the last ends where the stretch does.

    Counted from the end, so that a stride leaves out the oldest rows and not the latest.
    """
    last = behind - span
    return np.arange(last, first - 1, -stride, dtype=np.int64)[::-1]


def carried(values: np.ndarray) -> np.ndarray:
    """Missing values replaced by the last one before them, column by column; what nothing is before stays missing."""
    known = ~np.isnan(values)
    last = np.maximum.accumulate(np.where(known, np.arange(len(values))[:, np.newaxis], 0), axis=0)
    found: np.ndarray = np.take_along_axis(values, last, axis=0)
    return found


def filled_within(windows: np.ndarray) -> np.ndarray:
    """Missing values put in on the straight line between their known neighbours in the same window.

    Behind the last known one it is carried on, before the first it is carried back. A window ends before what is
    predicted of it, so nothing that is put in knows of that; a window that knows no value of a column keeps it missing.

    Args:
        windows: shape (samples, window, features).
    """
    known = ~np.isnan(windows)
    if known.all():
        return windows
    steps = np.arange(windows.shape[1])[:, np.newaxis]
    before = np.maximum.accumulate(np.where(known, steps, -1), axis=1)
    behind = np.minimum.accumulate(np.where(known, steps, windows.shape[1])[:, ::-1], axis=1)[:, ::-1]
    low, high = np.where(before < 0, behind, before), np.where(behind == windows.shape[1], before, behind)
    low, high = (np.clip(each, 0, windows.shape[1] - 1) for each in (low, high))
    left, right = (np.take_along_axis(windows, each, axis=1).astype(np.float64) for each in (low, high))
    share = (steps - low) / np.maximum(high - low, 1)
    return np.where(known, windows, left + share * (right - left)).astype(np.float32)
