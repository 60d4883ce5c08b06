"""The curve of a learning-rate test, and the rate that it proposes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["HIGHEST", "LOWEST", "RateCurve", "is_blown_up", "rates_to_try", "smoothed"]

LOWEST, HIGHEST = 1e-7, 10.0
_STEPS_A_DECADE = 20
_MEMORY = 0.9  # of the smoothing: about ten steps, half a decade
_BLOWN_UP = 4.0  # times the least smoothed loss
_WINDOW = 5  # steps to either side between which a slope is measured: a quarter of a decade
_LEAST_FALL = 0.1  # of the loss at the beginning: less comes of class shares alone, or of luck
_BEGUN = 0.1  # share of the whole fall
_BACK = 10.0  # from the rate of the least loss, which is too high: there the loss is about to rise

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class RateCurve:
    """What a training showed whose learning rate was raised at every step.

    Attributes:
        rates: the learning rate of each step, rising.
        losses: of the batch of that step, before the step was taken.

    References:
        Smith, Cyclical learning rates for training neural networks (2017): the test.
        Howard & Gugger, fastai: a layered API for deep learning (2020): smoothing, stop and proposals.
    """

    rates: tuple[float, ...]
    losses: tuple[float, ...]

    @property
    def smooth(self) -> Array:
        """The smoothed losses."""
        return smoothed(self.losses)

    @property
    def lowest(self) -> float:
        """The rate with the least smoothed loss."""
        return self.rates[int(np.argmin(self.smooth))]

    @property
    def falls(self) -> bool:
        """Whether the loss ever falls by more than a little."""
        return len(self.losses) > 2 * _WINDOW and bool(self.smooth.min() < (1 - _LEAST_FALL) * self.smooth[_WINDOW])

    @property
    def steepest(self) -> float:
        """The rate at which the smoothed loss falls fastest, measured over half a decade of rates."""
        drops = self.smooth[: -2 * _WINDOW] - self.smooth[2 * _WINDOW :]
        return self.rates[int(np.argmax(drops[_WINDOW:])) + 2 * _WINDOW]  # the first steps are all noise

    @property
    def proposed(self) -> float | None:
        """Where the fall is steepest, but at most a tenth of the rate with the least loss; None where it never falls.

        A model that has learned everything before the rates are too high has its least loss at the very end.
        """
        return _one_digit(min(self.steepest, self.lowest / _BACK)) if self.falls else None

    @property
    def range(self) -> tuple[float, float] | None:
        """Between which rates to search: half a decade to either side, further down where the loss falls before."""
        if self.proposed is None:
            return None
        before = self.smooth[: self.rates.index(self.steepest)]
        start, least = self.smooth[_WINDOW], self.smooth.min()
        begun = self.rates[int(np.flatnonzero(before >= start - _BEGUN * (start - least)).max(initial=0))]
        return _one_digit(min(begun, self.proposed / 3)), _one_digit(3 * self.proposed)


def _one_digit(rate: float) -> float:
    return float(f"{rate:.1g}")


def rates_to_try() -> Array:
    """Rates from `LOWEST` to `HIGHEST`, each the same factor above the one before."""
    decades = math.log10(HIGHEST / LOWEST)
    return np.geomspace(LOWEST, HIGHEST, round(decades * _STEPS_A_DECADE) + 1)


def smoothed(losses: tuple[float, ...] | list[float]) -> Array:
    """Exponential moving mean, corrected for starting at zero as Adam's averages are."""
    mean, found = 0.0, []
    for step, loss in enumerate(losses, start=1):
        mean = _MEMORY * mean + (1 - _MEMORY) * loss
        found.append(mean / (1 - _MEMORY**step))
    return np.array(found)


def is_blown_up(losses: list[float]) -> bool:
    """Whether the smoothed loss is far above the least it has been."""
    smooth = smoothed(losses)
    return bool(smooth[-1] > _BLOWN_UP * smooth.min())
