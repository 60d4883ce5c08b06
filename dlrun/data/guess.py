"""What can be reached without looking at a sample: the yardstick of every loss and accuracy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from dlrun.data.prepare import Prepared

__all__ = ["class_counts", "constant_loss", "describe_guess", "naive_losses"]

_ENTROPIES = ("binary_crossentropy", "sparse_categorical_crossentropy")


def class_counts(y: np.ndarray, classes: int) -> np.ndarray:
    """How many rows each class has; empty for a regression."""
    return np.bincount(y.reshape(-1).astype(int), minlength=classes) if classes else np.zeros(0)


def constant_loss(loss: str, prepared: Prepared) -> float | None:
    """What the best answer that is the same for every sample costs on the training part; None where it is not known.

    The entropy of the classes, the variance of the target, its mean distance to the median.
    """
    y = prepared.train.y.reshape(len(prepared.train.y), -1)
    if loss in _ENTROPIES and prepared.classes:
        counts = class_counts(y, len(prepared.classes))
        shares = counts[counts > 0] / counts.sum()
        return float(-(shares * np.log(shares)).sum())
    if loss == "mean_squared_error":
        return float(y.var(axis=0).mean())
    if loss == "mean_absolute_error":
        return float(np.abs(y - np.median(y, axis=0)).mean())
    return None


def naive_losses(loss: str, prepared: Prepared) -> dict[str, dict[str, float]]:
    """What forecasts without a model cost on each part, by their names; empty where there are none, or it is not known.

    A part of which a forecast knows too little, such as the first season, is left out of its mean.
    """
    measure = {"mean_squared_error": np.square, "mean_absolute_error": np.abs}.get(loss)
    found: dict[str, dict[str, float]] = {}
    if measure is None:
        return found
    for name, forecasts in prepared.naive.items():
        errors = {part: measure(forecast - getattr(prepared, part).y) for part, forecast in forecasts.items()}
        found[name] = {part: float(np.nanmean(error)) for part, error in errors.items() if np.isfinite(error).any()}
    return found


def describe_guess(loss: str, prepared: Prepared) -> Mapping[str, Any]:
    """Fields of the journal's `data` event: the loss of the best constant answer, and of classes its accuracy.

    The constant answer is the training part's most frequent class; of a regression the least and greatest target are
    told instead, as they are trained on, and of a series what forecasts without a model cost.
    """
    found: dict[str, Any] = {"loss": constant_loss(loss, prepared)}
    if not prepared.classes:
        found |= {"least": float(prepared.train.y.min()), "greatest": float(prepared.train.y.max())}
        return found | {"naive": naive} if (naive := naive_losses(loss, prepared)) else found
    likely = int(class_counts(prepared.train.y, len(prepared.classes)).argmax())
    parts = {"train": prepared.train, "validation": prepared.validation, "test": prepared.test}
    return found | {"accuracy": {name: float((part.y == likely).mean()) for name, part in parts.items() if len(part.y)}}
