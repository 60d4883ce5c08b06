"""The learning-rate test: train a little while with a rate that rises at every step, and see where the loss falls."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from dlrun.analysis.rate_curve import RateCurve, is_blown_up, rates_to_try
from dlrun.analysis.rate_plot import write_rate_curve
from dlrun.config.catalog import Catalog
from dlrun.errors import UserError
from dlrun.pipeline import make_ready
from dlrun.training.course import course_of, horizon_of
from dlrun.training.engine import Course, columns
from dlrun.training.fit import FitEngine
from dlrun.training.objective import build_objective

__all__ = ["RateTest", "find_rate"]


@dataclass(frozen=True)
class RateTest:
    """What a learning-rate test found, and where it is drawn.

    Attributes:
        curve: losses by rate.
        picture: the path of the plot; the figures lie beside it as csv.
    """

    curve: RateCurve
    picture: Path


def find_rate(spec: Mapping[str, Any], catalog: Catalog, run: str) -> RateTest:
    """Test learning rates on the model and data of `spec`. The model is thrown away, and no run is left.

    Args:
        run: the id of the run that the test is for; the plot is named after it.

    Raises:
        ConfigError, DataError: the model or the data cannot be used.
        UserError: the loss is NaN or infinite from the beginning.
        StorageError: the plot cannot be written.
    """
    ready = make_ready(spec, catalog)
    keras.utils.set_random_seed(spec["seed"])
    course = course_of(ready.prepared, spec)
    scale = None if ready.prepared.target is None else ready.prepared.target.scale
    constant = {**spec, "schedule": {"option": "constant"}}  # a schedule would set the rate itself
    objective = build_objective(constant, catalog, horizon_of(ready.prepared, spec), scale)
    rates: list[float] = []
    losses: list[float] = []
    with FitEngine().open(ready.model, objective, course) as session:
        for rate, batch in zip(rates_to_try(), _batches(course), strict=False):
            session.model.optimizer.learning_rate = rate
            session.model.reset_metrics()  # else it gives the mean since the first batch
            values = session.model.train_on_batch(*batch, return_dict=True)
            if not math.isfinite(values["loss"]):
                break
            rates.append(float(rate))
            losses.append(float(values["loss"]))
            if is_blown_up(losses):
                break
    if len(losses) < 2:
        raise UserError("The untrained model's loss is no finite number: dlrun check with the same words says why.")
    curve = RateCurve(tuple(rates), tuple(losses))
    path = write_rate_curve(curve, catalog.roots.work / "plots", f"learning_rate_{run[:8]}", _title(spec))
    return RateTest(curve, path)


def _title(spec: Mapping[str, Any]) -> str:
    return " ".join(f"{group}={spec[group]['option']}" for group in ("data", "model", "optimizer"))


def _batches(course: Course) -> Iterator[tuple[Any, ...]]:
    """Training batches without end, in the order of training."""
    epoch, rows = 0, columns(course.train)
    while True:
        order = course.order(epoch)
        for first in range(0, course.steps_per_epoch * course.rows_a_step, course.rows_a_step):
            chosen = order[first : first + course.rows_a_step]
            yield tuple(column[chosen] for column in rows)
        epoch += 1
