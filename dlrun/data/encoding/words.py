"""Words of a category as numbers: a slot a word, one for words that training did not see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from dlrun.data.encoding.step import Step

__all__ = ["Codes", "Hashed", "OneHot", "vocabulary_of"]


@dataclass(frozen=True)
class OneHot(Step):
    """1 in the slot of the word, 0 in the others: slot 0 is for words that are not in the vocabulary."""

    vocabulary: tuple[str, ...]

    def __call__(self, x: Any, name: str) -> Any:
        return self._layer(x)

    @cached_property
    def _layer(self) -> Any:
        import keras

        return keras.layers.StringLookup(
            vocabulary=list(self.vocabulary), num_oov_indices=1, output_mode="one_hot", dtype="float32"
        )


@dataclass(frozen=True)
class Codes(Step):
    """The number of the word's slot, as float32 of shape (n, 1); an embedding inside the network reads it."""

    vocabulary: tuple[str, ...]

    def __call__(self, x: Any, name: str) -> Any:
        from keras import ops

        return ops.expand_dims(ops.cast(self._layer(x), "float32"), -1)

    @cached_property
    def _layer(self) -> Any:
        import keras

        return keras.layers.StringLookup(vocabulary=list(self.vocabulary), num_oov_indices=1)


@dataclass(frozen=True)
class Hashed(Step):
    """1 in the slot that the word's hash falls to, of `buckets`; nothing is measured, so no word is unseen."""

    buckets: int

    def __call__(self, x: Any, name: str) -> Any:
        import keras

        return keras.ops.one_hot(keras.layers.Hashing(self.buckets, name=f"{name}_hash")(x), self.buckets)


def vocabulary_of(codes: np.ndarray, values: Sequence[str], most: int) -> tuple[str, ...]:
    """The words that get a slot: the most frequent of the training part, by the alphabet; empty cells are one of them.

    Args:
        codes: of the training part, NaN where a cell is empty.
        values: the words that codes stand for.
        most: how many words get a slot at most.
    """
    present = codes[~np.isnan(codes)].astype(np.int64)
    counts = np.bincount(present, minlength=len(values))
    by_count = np.argsort(-counts, kind="stable")[:most]  # of words that are as frequent, the first by the alphabet
    words = sorted(values[place] for place in by_count.tolist() if counts[place])
    return (*([""] if np.isnan(codes).any() else []), *words)
