"""Scales of numbers, a column or a channel at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from dlrun.data.encoding.step import Behind, Step, array
from dlrun.data.moments import Moments, measure

__all__ = ["Normalize", "Ranks", "Rescale", "SignedLog", "scaled_by"]

_SMALLEST_DEVIATION = 1e-6  # below 1e-7 Keras' Normalization divides by 1e-7 instead
_LARGEST_DEVIATION = 1e18  # above it float32 does not hold the variance
_KNOTS = 100
_LOOKED_AT = 1_000_000  # rows that quantiles are measured on: evenly spread where there are more


@dataclass(frozen=True)
class Rescale(Step):
    """`x * scale + offset`."""

    scale: tuple[float, ...] | float
    offset: tuple[float, ...] | float

    def __call__(self, x: Any, name: str) -> Any:
        import keras

        scale, offset = (list(v) if isinstance(v, tuple) else v for v in (self.scale, self.offset))
        return keras.layers.Rescaling(scale, offset, dtype="float32", name=f"{name}_rescale")(x)


@dataclass(frozen=True)
class Normalize(Step):
    """`(x - mean) / sqrt(variance)`."""

    mean: tuple[float, ...]
    variance: tuple[float, ...]

    def __call__(self, x: Any, name: str) -> Any:
        import keras

        mean, variance = list(self.mean), list(self.variance)
        return keras.layers.Normalization(
            axis=-1, mean=mean, variance=variance, dtype="float32", name=f"{name}_standard"
        )(x)


@dataclass(frozen=True)
class SignedLog(Step):
    """`sign(x) * log(1 + |x|)`: long tails on both sides are drawn in, 0 stays 0."""

    def __call__(self, x: Any, name: str) -> Any:
        from keras import ops

        return ops.multiply(ops.sign(x), ops.log1p(ops.absolute(x)))


@dataclass(frozen=True)
class Ranks(Step):
    """The share of training samples that are smaller, from 0 to 1, straight between quantiles.

    Attributes:
        knots: quantiles of each column, evenly spaced in rank, growing.
    """

    knots: tuple[tuple[float, ...], ...]

    def __call__(self, x: Any, name: str) -> Any:
        from keras import ops

        knots = array(self.knots)
        low, high = knots[:, :-1], knots[:, 1:]
        span = np.where(high > low, high - low, 1.0).astype(np.float32)
        jump = (high == low).astype(np.float32)  # many samples of one value: the rank jumps there
        beyond = ops.subtract(ops.expand_dims(x, -1), low)
        part = ops.clip(ops.divide(beyond, span), 0.0, 1.0)
        jumped = ops.cast(ops.greater_equal(beyond, 0.0), "float32")
        return ops.mean(ops.add(ops.multiply(part, 1.0 - jump), ops.multiply(jumped, jump)), axis=-1)


def _standard(x: Any, _of_pixels: bool) -> tuple[Step, ...]:
    return _normalized(measure(x))


def _normalized(seen: Moments) -> tuple[Step, ...]:
    powers = _powers_of_two(np.sqrt(seen.variance))
    mean, variance = seen.mean * powers, seen.variance * powers**2  # exact: see `_powers_of_two`
    # A column that does not vary becomes exactly 0, and its unseen values stay near it: a variance of 0 would send
    # them to 1e7 times their distance. Compared by its ends, because rounding leaves a variance of 1e-32 or so.
    constant = seen.low == seen.high
    mean[constant], variance[constant] = (seen.low * powers)[constant], 1.0
    normalize = Normalize(tuple(mean.tolist()), tuple(variance.tolist()))
    return (normalize,) if (powers == 1).all() else (Rescale(tuple(powers.tolist()), 0.0), normalize)


def _powers_of_two(deviations: np.ndarray) -> np.ndarray:
    """What brings deviations that float32 cannot square near 1 without rounding; 1 for all others."""
    extreme = (deviations < _SMALLEST_DEVIATION) | (deviations > _LARGEST_DEVIATION)
    powers = np.ones_like(deviations)
    where = extreme & (deviations > 0)
    powers[where] = np.exp2(-np.clip(np.floor(np.log2(deviations[where])), -126, 126))
    return powers


def _minmax(x: Any, of_pixels: bool) -> tuple[Step, ...]:
    """Each column by itself, images by one scale for all pixels."""
    seen = measure(x)
    low, high = (seen.low.min(), seen.high.max()) if of_pixels else (seen.low, seen.high)
    span = np.where(high > low, high - low, 1.0)
    return (Rescale(_plain(1 / span), _plain(-low / span)),)


def _plain(values: Any) -> Any:
    return tuple(values.tolist()) if getattr(values, "ndim", 0) else float(values)


def _robust(x: Any, _of_pixels: bool) -> tuple[Step, ...]:
    low, middle, high = np.quantile(_columns(x), [0.25, 0.5, 0.75], axis=0)
    span = np.where(high > low, high - low, 1.0)
    return (Rescale(_plain(1 / span), _plain(-middle / span)),)


def _log(x: Any, _of_pixels: bool) -> tuple[Step, ...]:
    return (SignedLog(), *_normalized(measure(Behind(x, (SignedLog(),)))))


def _quantile(x: Any, _of_pixels: bool) -> tuple[Step, ...]:
    columns = _columns(x)
    knots = np.quantile(columns, np.linspace(0, 1, min(_KNOTS, len(columns)) + 1), axis=0)
    return (Ranks(tuple(map(tuple, knots.T.astype(np.float32).tolist()))),)


def _columns(x: Any) -> np.ndarray:
    """The numbers of each column or channel, of samples evenly spread over all: shape (numbers, columns)."""
    rows = np.linspace(0, len(x) - 1, min(len(x), _LOOKED_AT)).astype(np.int64)
    seen = np.asarray(x[rows] if len(rows) < len(x) else x[:])
    return seen.reshape(-1, seen.shape[-1]).astype(np.float64)


def _auto(x: Any, of_pixels: bool) -> tuple[Step, ...]:
    """Images from 0 to 1, tables of 0 and 1 as they are, other columns standardised."""
    if of_pixels:
        return _minmax(x, of_pixels)
    seen = measure(x)
    return () if seen.is_binary else _normalized(seen)


_MEASURES: dict[str, Callable[[Any, bool], tuple[Step, ...]]] = {
    "auto": _auto,
    "standard": _standard,
    "minmax": _minmax,
    "robust": _robust,
    "log": _log,
    "quantile": _quantile,
    "none": lambda _x, _of_pixels: (),
}


def scaled_by(scale: str, x: Any, of_pixels: bool = False) -> tuple[Step, ...]:
    """The steps of a scale, measured on the samples of the training part, without missing values.

    Args:
        scale: one of `recipe.SCALES`.
        x: an array, or what reads like one.
        of_pixels: whether all numbers of a sample are of one kind, as those of an image are.
    """
    return _MEASURES[scale](x, of_pixels)
