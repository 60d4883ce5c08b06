"""Loss and metrics of a kept model, measured as in training; intervals over samples; a table of the classes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import keras
import numpy as np

from dlrun.analysis.statistics.intervals import bca_intervals
from dlrun.analysis.statistics.proportions import proportion
from dlrun.analysis.statistics.student import mean_intervals
from dlrun.data.prepare import TargetScale
from dlrun.training.objective import Horizon, build_objective
from dlrun.workflows.evaluate import FEWEST, Score
from dlrun.workflows.kept_model import KeptModel

__all__ = ["Scoring", "per_class", "seen_of"]

_BOOTSTRAP_FROM = 100  # samples: below it covers less than t does; see `statistics.intervals`
_BOOTSTRAP_TO = 5000  # of more the t interval is as good, and the bootstrap takes seconds
_MOST_LOG = 300.0  # of a factor that float64 holds
_LONG = {"mae": "mean_absolute_error", "rmse": "root_mean_squared_error"}  # as the run's own metrics are called
_UNITS = "units"  # the layer that gives a regression its units back; see `training.saving`


class Scoring:
    """Adds up loss and metrics, batch by batch."""

    def __init__(self, kept: KeptModel, model: Any) -> None:
        """Measure as the run's spec says.

        Args:
            model: the run's, from raw samples to predictions.
        """
        self._kept = kept
        self._target = _target_of(model)
        scale = None if self._target is None else self._target.scale
        spec = kept.spec
        objective = build_objective(spec, kept.catalog, Horizon(1, int(spec["trainer"]["epochs"])), scale)
        self._loss, self._metrics = objective.loss, objective.metrics
        self._mean = keras.metrics.Mean()
        self._penalty = float(sum(float(each) for each in model.losses))

    def add(self, truth: np.ndarray, outputs: np.ndarray) -> None:
        """See more samples; those without a prediction are left out.

        Args:
            truth: class numbers, or values in the data's units.
            outputs: of the model.
        """
        answered = np.isfinite(outputs.reshape(len(outputs), -1)).all(axis=1)
        if not answered.any():
            return
        y, predicted = self._as_trained(truth[answered]), self._scaled(outputs[answered])
        self._mean.update_state(self._loss(y, predicted), sample_weight=len(y))
        for metric in self._metrics:
            metric.update_state(y, predicted)

    def scores(self, truth: np.ndarray, outputs: np.ndarray) -> Iterator[Score]:
        """Loss and metrics of all that was seen, with intervals where they are means over samples."""
        before = self._kept.result.metrics
        values = {"loss": float(self._mean.result()) + self._penalty}
        for metric in self._metrics:
            value = metric.result()
            if np.ndim(value) == 0:
                values[metric.name] = float(value)
        if not self._kept.signature["classes"]:
            found = _in_units(truth, outputs)
            values |= {name: found[name] for name in found if not {name, _LONG.get(name)} & values.keys()}
        intervals = _intervals(self._kept.signature, truth, outputs)
        for name, value in values.items():
            low, high = intervals.get(name, (None, None))
            yield Score(name, value, low, high, before.get(f"test_{name}"))

    def _as_trained(self, truth: np.ndarray) -> np.ndarray:
        if self._kept.spec["task"] == "binary":
            return truth.astype(np.float32)[:, np.newaxis]
        if self._kept.spec["task"] == "regression" and self._target is not None:
            return self._target.scaled(truth)
        return truth

    def _scaled(self, outputs: np.ndarray) -> np.ndarray:
        return outputs if self._target is None else self._target.scaled(outputs.reshape(len(outputs), -1))


def _target_of(model: Any) -> TargetScale | None:
    """How the model's targets were scaled."""
    last = model.layers[-1]
    if last.name != _UNITS:
        return None
    scale, offset = (np.asarray(each, dtype=np.float64).reshape(-1).tolist() for each in (last.scale, last.offset))
    return TargetScale(tuple(scale), tuple(offset))


def _in_units(truth: np.ndarray, outputs: np.ndarray) -> dict[str, float]:
    """Mean absolute error, root mean squared error and R2, in the data's units."""
    error = outputs.reshape(truth.shape).astype(np.float64) - truth.astype(np.float64)
    spread = ((truth - truth.mean(axis=0, dtype=np.float64)) ** 2).sum(axis=0)
    found = {"mae": float(np.abs(error).mean()), "rmse": float(np.sqrt((error**2).mean()))}
    if (spread > 0).all():
        found["r2"] = float((1 - (error**2).sum(axis=0) / spread).mean())
    return found


def _intervals(signature: Mapping[str, Any], truth: np.ndarray, outputs: np.ndarray) -> dict[str, tuple[float, float]]:
    """95% intervals over samples, of what is a mean over them; within what is possible. Of too few samples none."""
    if len(truth) < FEWEST:
        return {}
    if signature["classes"]:
        if signature.get("threshold", 0.5) != 0.5:
            return {}
        right = (chosen_classes(signature, outputs) == truth).reshape(len(truth), -1)
        if right.shape[1] == 1:
            share = proportion(int(right.sum()), len(right))
            return {"accuracy": (share.low, share.high)}
        ends = _of_shares(right.mean(axis=1, dtype=np.float64))  # of masks by images: their pixels are no samples
        return {} if ends is None else {"accuracy": ends}
    error = (outputs.reshape(truth.shape).astype(np.float64) - truth).reshape(len(truth), -1)
    absolute, squared = _of_amounts(np.abs(error).mean(axis=1)), _of_amounts((error**2).mean(axis=1))
    found = {name: absolute for name in ("mae", "mean_absolute_error") if absolute is not None}
    if squared is not None:  # a root keeps the order, and so the interval
        ends = math.sqrt(squared[0]), math.sqrt(squared[1])
        found |= {"rmse": ends, "root_mean_squared_error": ends}
    return found


def _of_amounts(values: np.ndarray) -> tuple[float, float] | None:
    """Of the mean of what is never below 0: BCa bootstrap of 100 to 5000 samples, else t on the logarithm's scale."""
    if not np.ptp(values):
        return None
    if _BOOTSTRAP_FROM <= len(values) <= _BOOTSTRAP_TO:
        low, high = (float(each) for each in bca_intervals(values))
        return None if math.isnan(low) or math.isnan(high) else (low, high)
    mean = float(values.mean())
    factor = math.exp(min(_half_width(values) / mean, _MOST_LOG))
    return mean / factor, mean * factor


def _of_shares(values: np.ndarray) -> tuple[float, float] | None:
    """Of the mean of shares: t on the scale of log-odds, which ends at 0 and 1."""
    mean = float(values.mean())
    if not np.ptp(values) or not 0 < mean < 1:
        return None
    odds = mean / (1 - mean)
    factor = math.exp(min(_half_width(values) / (mean * (1 - mean)), _MOST_LOG))
    return odds / factor / (1 + odds / factor), odds * factor / (1 + odds * factor)


def _half_width(values: np.ndarray) -> float:
    """Of the 95% interval of their mean by Student's t."""
    mean, _, high = (float(each) for each in mean_intervals(values))
    return high - mean


def seen_of(signature: Mapping[str, Any], outputs: np.ndarray) -> np.ndarray:
    """What is kept of outputs until all are there: of masks the class of each pixel, which takes a fraction of it."""
    return outputs.argmax(axis=-1).astype(np.float32) if signature.get("levels") else outputs


def chosen_classes(signature: Mapping[str, Any], outputs: np.ndarray) -> np.ndarray:
    """The class that each output stands for, as the served model chooses it; of masks, of what `seen_of` gives."""
    if signature.get("levels"):
        return outputs.astype(np.int64)
    if len(signature["classes"]) == 2 and outputs.shape[-1] == 1:
        threshold = signature.get("threshold", 0.5) if signature["outputs"] == "probability" else 0.0
        return (outputs.reshape(-1) > threshold).astype(np.int64)
    chosen: np.ndarray = outputs.argmax(axis=-1)
    return chosen


def per_class(signature: Mapping[str, Any], truth: np.ndarray, outputs: np.ndarray) -> dict[str, dict[str, float]]:
    """Precision, recall, F1 and rows of each class, by its name; empty for a regression, and for masks."""
    if not signature["classes"] or signature.get("levels"):
        return {}
    from sklearn.metrics import precision_recall_fscore_support

    names, chosen = signature["classes"], chosen_classes(signature, outputs)
    found = precision_recall_fscore_support(truth, chosen, labels=np.arange(len(names)), zero_division=0)
    fields = ("precision", "recall", "f1", "rows")
    return {name: {f: float(col[i]) for f, col in zip(fields, found, strict=True)} for i, name in enumerate(names)}
