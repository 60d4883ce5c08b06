"""What columns of numbers are like, measured block by block: the same to the bit whether they are in memory or not."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Moments", "blocks", "measure"]

_BLOCK = 8192  # samples
_MOST_NUMBERS = 2**23  # of a block: images are large


@dataclass(frozen=True, eq=False)
class Moments:
    """Of each column, or of each channel of an image, in float64.

    Attributes:
        count: numbers that were looked at in each.
        variance: of these numbers, not an estimate for others.
        low: the least.
        high: the greatest.
        is_binary: whether there is nothing but 0 and 1 in any.
    """

    count: int
    mean: np.ndarray
    variance: np.ndarray
    low: np.ndarray
    high: np.ndarray
    is_binary: bool

    def and_of(self, other: Moments) -> Moments:
        """Of both together.

        References:
            Chan, Golub & LeVeque, Updating formulae and a pairwise algorithm for computing sample variances (1979).
        """
        count = self.count + other.count
        share, apart = other.count / count, other.mean - self.mean
        return Moments(
            count,
            self.mean + share * apart,
            (1 - share) * self.variance + share * other.variance + share * (1 - share) * apart**2,
            np.minimum(self.low, other.low),
            np.maximum(self.high, other.high),
            self.is_binary and other.is_binary,
        )


def measure(x: Any) -> Moments:
    """Look at all samples once; `x` is an array or what reads like one, of shape `(samples, ..., columns)`."""
    each = map(_of_block, blocks(x))
    found = next(each)
    for more in each:
        found = found.and_of(more)
    return found


def blocks(x: Any) -> Iterator[np.ndarray]:
    """The samples in order, some thousands at a time."""
    size = max(1, min(_BLOCK, _MOST_NUMBERS // max(1, math.prod(x.shape[1:]))))
    for first in range(0, len(x), size):
        yield x[first : first + size]


def _of_block(block: np.ndarray) -> Moments:
    columns = block.reshape(-1, block.shape[-1]).astype(np.float64)
    return Moments(
        len(columns),
        columns.mean(axis=0),
        columns.var(axis=0),
        columns.min(axis=0),
        columns.max(axis=0),
        bool(((columns == 0) | (columns == 1)).all()),
    )
