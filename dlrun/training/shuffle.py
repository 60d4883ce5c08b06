"""The order of training rows, a pure function of seed and epoch.

Keras on TensorFlow goes through the rows in the same order in every epoch once a seed is set; and an order that
depends on how many random numbers were drawn before could not be found again when a run goes on in its middle.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

__all__ = ["Windows", "order", "permutation"]

Numbers = npt.NDArray[np.int64]

_BLOCKS = 64  # that a window is made of: rows from so many places of the data are mixed


def permutation(seed: int, epoch: int, rows: int, window: int = 0) -> Numbers:
    """The order in which `rows` rows are seen in an epoch.

    Every row gets a 64-bit number from a counter-based generator, and the rows are sorted by it. NumPy promises the
    raw output of its bit generators for good; of `Generator.permutation` it does not.

    Args:
        seed: the run's seed, 0 or more.
        epoch: from 0.
        rows: how many.
        window: another one is another order.

    Returns:
        The numbers 0 to `rows` - 1, each once, shape `(rows,)`.

    References:
        Salmon et al., Parallel random numbers: as easy as 1, 2, 3 (2011): the generator Philox.
    """
    counter = np.array([0, 0, 0, window], dtype=np.uint64)
    keys = np.random.Philox(key=np.array([seed, epoch], dtype=np.uint64), counter=counter).random_raw(rows)
    return np.argsort(keys, kind="stable")


@dataclass(frozen=True)
class Windows:
    """A shuffle in which only some rows are held at a time: what is read from a disk is read in long pieces.

    The rows are cut into blocks of neighbours, and the blocks are put in an order of the epoch's own. In that order
    they fill windows, 64 blocks a window, and within a window the rows are shuffled. Every row is seen once an epoch,
    and any window can be found without those before it.

    Attributes:
        seed: the run's.
        rows: how many there are.
        size: rows of a window; the last one takes what is left.
    """

    seed: int
    rows: int
    size: int

    def window(self, epoch: int, number: int) -> Numbers:
        """The rows of a window of an epoch, both from 0, in the order in which they are seen."""
        length = -(-self.size // _BLOCKS)
        blocks, begins = _blocks(self.seed, epoch, self.rows, length)
        first, behind = number * self.size, min(self.rows, (number + 1) * self.size)
        if first >= behind:
            return np.empty(0, np.int64)
        places = np.arange(first, behind)
        block = np.searchsorted(begins, places, side="right") - 1
        held = blocks[block] * length + places - begins[block]
        return held[permutation(self.seed, epoch, len(held), number + 1)]

    def all(self, epoch: int) -> Numbers:
        """The order of all rows in an epoch."""
        return np.concatenate([self.window(epoch, number) for number in range(-(-self.rows // self.size))])


@lru_cache(maxsize=4)
def _blocks(seed: int, epoch: int, rows: int, length: int) -> tuple[Numbers, Numbers]:
    """The blocks in the order of an epoch, and where in that order each begins, in rows."""
    blocks = permutation(seed, epoch, -(-rows // length))
    lengths = np.minimum(length, rows - blocks * length)
    return blocks, np.cumsum(lengths) - lengths


def order(seed: int, epoch: int, rows: int, window: int | None) -> Numbers:
    """The order of an epoch: a permutation of all rows, or `Windows` where a window is smaller than that."""
    if window is None or window >= rows:
        return permutation(seed, epoch, rows)
    return Windows(seed, rows, window).all(epoch)
