"""Texts as numbers: a weight a word, or the words in their order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from dlrun.data.encoding.step import Step

__all__ = ["MODES", "Bag", "Tokens", "bag_of", "tokens_of"]

MODES = {"tf_idf": "tf_idf", "multi_hot": "multi_hot", "count": "count"}
"""What a bag of words may hold, as `preprocess.text` and Keras have it."""

_BATCH = 1024  # texts
_RESERVED = 2  # tokens that are no words: padding, and words that are not known


@dataclass(frozen=True)
class Bag(Step):
    """A number a word, whatever its place in the text; of tf-idf the numbers of a text have length 1.

    Attributes:
        vocabulary: the words, the most frequent first; the first number is of words that are not known.
        weights: of each word, with `tf_idf` its inverse document frequency; () else.
        unknown: the weight of words that are not known.

    References:
        Spärck Jones, A statistical interpretation of term specificity and its application in retrieval (1972).
    """

    mode: str
    vocabulary: tuple[str, ...]
    weights: tuple[float, ...] = ()
    unknown: float = 1.0

    def __call__(self, x: Any, name: str) -> Any:
        numbers = self._layer(x)
        if self.mode != "tf_idf":
            return numbers
        from keras import ops

        length = ops.sqrt(ops.sum(ops.square(numbers), axis=-1, keepdims=True))
        return ops.divide(numbers, ops.maximum(length, 1e-12))

    @cached_property
    def _layer(self) -> Any:
        import keras

        weights = {"idf_weights": list(self.weights)} if self.mode == "tf_idf" else {}
        return keras.layers.TextVectorization(output_mode=self.mode, vocabulary=list(self.vocabulary), **weights)


@dataclass(frozen=True)
class Tokens(Step):
    """Words or characters as numbers in their order, `length` of them, filled up with 0; 1 is one that is unknown."""

    vocabulary: tuple[str, ...]
    length: int
    split: str

    def __call__(self, x: Any, name: str) -> Any:
        from keras import ops

        return ops.cast(self._layer(x), "float32")

    @property
    def numbers(self) -> int:
        """How many different tokens there are."""
        return len(self.vocabulary) + _RESERVED

    @cached_property
    def _layer(self) -> Any:
        import keras

        return keras.layers.TextVectorization(
            split=self.split, output_sequence_length=self.length, vocabulary=list(self.vocabulary)
        )


def bag_of(texts: Iterable[str], mode: str, most: int) -> Bag:
    """A bag of the most frequent words of the training part."""
    layer = _measured(texts, {"output_mode": MODES[mode], "max_tokens": most})
    words = tuple(layer.get_vocabulary(include_special_tokens=False))
    if mode != "tf_idf":
        return Bag(mode, words)
    found = layer._lookup_layer.idf_weights.numpy()  # unknown words first
    return Bag(mode, words, tuple(map(float, found[1 : len(words) + 1])), float(found[0]))


def tokens_of(texts: Iterable[str], split: str, most: int, length: int) -> Tokens:
    """Tokens of the most frequent words, or characters, of the training part.

    Args:
        split: `whitespace` or `character`.
    """
    layer = _measured(texts, {"split": split, "max_tokens": most + _RESERVED})
    return Tokens(tuple(layer.get_vocabulary(include_special_tokens=False)), length, split)


def _measured(texts: Iterable[str], settings: dict[str, Any]) -> Any:
    import keras
    import tensorflow as tf

    layer = keras.layers.TextVectorization(**settings)
    layer.adapt(tf.data.Dataset.from_tensor_slices(list(texts)).batch(_BATCH))
    return layer
