"""The order of training rows, a pure function of seed and epoch.

Keras on TensorFlow goes through the rows in the same order in every epoch once a seed is set; and an order that
depends on how many random numbers were drawn before could not be found again when a run goes on in its middle.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["permutation"]


def permutation(seed: int, epoch: int, rows: int) -> npt.NDArray[np.int64]:
    """The order in which `rows` rows are seen in an epoch.

    Every row gets a 64-bit number from a counter-based generator, and the rows are sorted by it. NumPy promises the
    raw output of its bit generators for good; of `Generator.permutation` it does not.

    Args:
        seed: the run's seed, 0 or more.
        epoch: from 0.
        rows: how many.

    Returns:
        The numbers 0 to `rows` - 1, each once, shape `(rows,)`.

    References:
        Salmon et al., Parallel random numbers: as easy as 1, 2, 3 (2011): the generator Philox.
    """
    keys = np.random.Philox(key=np.array([seed, epoch], dtype=np.uint64)).random_raw(rows)
    return np.argsort(keys, kind="stable")
