"""What a network begins with where words are embedded, or steps of a sequence are left out: layers that it learns.

The encoded samples hold the numbers of words beside other numbers; behind the stem they are numbers all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
from keras import ops

from dlrun.models.seeds import seed_for

if TYPE_CHECKING:
    from dlrun.data.encoding.front import Embedded, Front

__all__ = ["STEM", "stemmed"]

STEM = "stem"
"""The name of the part of a model."""


def stemmed(x: Any, front: Front | None, seed: int) -> Any:
    """The symbolic samples behind the stem; themselves where the front of the data asks for none.

    Args:
        x: of shape (n, numbers), (n, words) or (n, steps, features).
        seed: of the run.
    """
    if front is None or not (front.embedded or front.is_masked):
        return x
    inner = keras.Input(x.shape[1:], name="encoded")
    y = keras.layers.Masking(0.0, name="masking")(inner) if front.is_masked else _embedded(inner, front, seed)
    return keras.Model(inner, y, name=STEM)(x)


def _embedded(x: Any, front: Front, seed: int) -> Any:
    if front.embedded[0].is_sequence:
        return _embedding(front.embedded[0], 0, seed)(x)
    first = x.shape[-1] - len(front.embedded)
    parts = [x[:, :first]] if first else []
    for place, each in enumerate(front.embedded):
        parts.append(_embedding(each, place, seed)(x[:, first + place]))
    return ops.concatenate(parts, axis=-1) if len(parts) > 1 else parts[0]


def _embedding(each: Embedded, place: int, seed: int) -> Any:
    start = keras.initializers.RandomUniform(seed=seed_for(seed, f"{STEM}.{each.name}", "embeddings_initializer"))
    return keras.layers.Embedding(
        each.numbers, each.size, embeddings_initializer=start, mask_zero=each.is_sequence, name=f"embedding_{place}"
    )
