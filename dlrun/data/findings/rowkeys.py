"""A number for each row, the same for the same content: what is equal is found without comparing all with all."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np

__all__ = ["keys_of_rows", "mixed"]

_WIDE = 64  # numbers of a row
_AT_ONCE = 2**20  # numbers: 8 MB
_FACTOR = np.uint64(0x9E3779B97F4A7C15)  # odd, half of its bits set: the golden ratio's
_SHIFT = np.uint64(29)


def keys_of_rows(blocks: Iterator[np.ndarray]) -> np.ndarray:
    """The numbers of all rows of the blocks, which are of one type and of one shape behind the rows."""
    found = [_digested(block) if block[:1].size >= _WIDE else mixed(block) for block in blocks]
    return np.concatenate(found) if found else np.empty(0, np.uint64)


def _digested(block: np.ndarray) -> np.ndarray:
    """Of wide rows a digest is computed in a tenth of the time."""
    if block.dtype.kind == "f":
        block = block + block.dtype.type(0)
        block[np.isnan(block)] = np.nan
    rows = np.ascontiguousarray(block).reshape(len(block), -1)
    found = b"".join(hashlib.sha256(row.data).digest()[:8] for row in rows)
    return np.frombuffer(found, np.uint64)


def mixed(x: np.ndarray) -> np.ndarray:
    """A uint64 for each row of `x`, of any shape behind the rows; NaN is a value like others, -0 is 0.

    Two different rows have the same number in one of 2**50 cases or less.
    """
    flat = x.reshape(len(x), -1).astype(np.float32, copy=False)
    random = np.random.default_rng(0)
    weights = random.integers(1, 2**63, flat.shape[1], dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    keys = np.empty(len(flat), np.uint64)
    step = max(1, _AT_ONCE // max(1, flat.shape[1]))
    for first in range(0, len(flat), step):
        piece = np.ascontiguousarray(flat[first : first + step] + np.float32(0))
        piece[np.isnan(piece)] = np.nan  # one of the many that there are
        bits = piece.view(np.uint32).astype(np.uint64)
        bits *= _FACTOR
        bits ^= bits >> _SHIFT
        bits *= weights
        keys[first : first + step] = bits.sum(axis=1, dtype=np.uint64)
    return keys
