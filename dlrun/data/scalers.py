"""Scale samples: what is measured on the training part becomes stock Keras layers.

The layers go into `model.keras` in front of the model, so it takes raw samples and loads without dlrun.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from dlrun.data.moments import Moments, measure

if TYPE_CHECKING:
    import keras

__all__ = ["Follow", "MinMax", "Scaler", "Standard", "Unscaled", "apply"]

_SMALLEST_DEVIATION = 1e-6  # below 1e-7 Keras' Normalization divides by 1e-7 instead
_BATCH = 8192  # samples that pass the layers at a time, so that a large dataset is not held twice on a device
_LARGEST_DEVIATION = 1e18  # above it float32 does not hold the variance


class Scaler(Protocol):
    """What an option of group `preprocess` builds.

    Attributes:
        target: `auto`, `standard` or `none`: how a regression's targets are scaled.
    """

    @property
    def target(self) -> str: ...

    def layers(self, x: np.ndarray) -> tuple[keras.Layer, ...]:
        """The layers that scale samples, measured on `x`, the samples of the training part.

        Where these do not fit in memory, `x` is a `dlrun.data.stored.Stored`: `dlrun.data.moments.measure` takes both.
        """
        ...


@dataclass(frozen=True)
class Unscaled:
    """Samples as they are; see conf/preprocess/none.yaml."""

    target: str

    def layers(self, x: np.ndarray) -> tuple[keras.Layer, ...]:
        """None."""
        return ()


@dataclass(frozen=True)
class Standard:
    """Zero mean and unit variance for each column, or each channel of an image; see conf/preprocess/standard.yaml."""

    target: str

    def layers(self, x: np.ndarray) -> tuple[keras.Layer, ...]:
        """Keras' Normalization; in front of it a Rescaling where float32 would not hold a variance."""
        return _standard(measure(x))


@dataclass(frozen=True)
class MinMax:
    """From 0 to 1: each column by itself, images by one scale for all pixels; see conf/preprocess/minmax.yaml."""

    target: str

    def layers(self, x: np.ndarray) -> tuple[keras.Layer, ...]:
        """Keras' Rescaling."""
        import keras

        seen = measure(x)
        low, high = (seen.low, seen.high) if x.ndim == 2 else (seen.low.min(), seen.high.max())
        span = np.where(high > low, high - low, 1.0)
        scale, offset = 1 / span, -low / span
        return (keras.layers.Rescaling(scale.tolist(), offset.tolist(), dtype="float32", name="minmax"),)


@dataclass(frozen=True)
class Follow:
    """Chooses by what the samples look like; see conf/preprocess/auto.yaml."""

    target: str

    def layers(self, x: np.ndarray) -> tuple[keras.Layer, ...]:
        """Those of `MinMax` for images, none for tables of 0 and 1, those of `Standard` for other columns."""
        if x.ndim > 2:
            return MinMax(self.target).layers(x)
        seen = measure(x)
        return () if seen.is_binary else _standard(seen)


def _standard(seen: Moments) -> tuple[keras.Layer, ...]:
    import keras

    powers = _powers_of_two(np.sqrt(seen.variance))
    mean, variance = seen.mean * powers, seen.variance * powers**2  # exact: see `_powers_of_two`
    # A column that does not vary becomes exactly 0, and its unseen values stay near it: a variance of 0 would send
    # them to 1e7 times their distance. Compared by its ends, because rounding leaves a variance of 1e-32 or so.
    constant = seen.low == seen.high
    mean[constant], variance[constant] = (seen.low * powers)[constant], 1.0
    normalization = keras.layers.Normalization(
        axis=-1, mean=mean.tolist(), variance=variance.tolist(), dtype="float32", name="standard"
    )
    if (powers == 1).all():
        return (normalization,)
    rescaling = keras.layers.Rescaling(scale=powers.tolist(), dtype="float32", name="standard_range")
    return (rescaling, normalization)


def _powers_of_two(deviations: np.ndarray) -> np.ndarray:
    """What brings deviations that float32 cannot square near 1 without rounding; 1 for all others."""
    extreme = (deviations < _SMALLEST_DEVIATION) | (deviations > _LARGEST_DEVIATION)
    powers = np.ones_like(deviations)
    where = extreme & (deviations > 0)
    powers[where] = np.exp2(-np.clip(np.floor(np.log2(deviations[where])), -126, 126))
    return powers


def apply(layers: Sequence[keras.Layer], x: np.ndarray) -> np.ndarray:
    """Samples after the layers, batch by batch."""
    if not layers:
        return x
    import keras

    batches = []
    for first in range(0, len(x), _BATCH):
        batch = x[first : first + _BATCH]
        for layer in layers:
            batch = layer(batch)
        batches.append(keras.ops.convert_to_numpy(batch))
    return np.concatenate(batches)
