"""By which metric runs are ranked, which direction is better, and which epoch the number is from."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import Literal

from dlrun.analysis.record import RunRecord
from dlrun.config.catalog import Catalog
from dlrun.config.suggest import did_you_mean
from dlrun.errors import ConfigError, UserError

__all__ = [
    "At",
    "Goal",
    "best_of",
    "checked_metric",
    "default_metric",
    "goal_of",
    "is_of_an_epoch",
    "metric_for",
    "value_of",
]

Goal = Literal["max", "min"]
At = Literal["restored", "best", "last"]

_BY_TASK = {
    "regression": ("test_r2", "test_loss"),
    "segmentation": ("test_mean_iou", "test_accuracy", "test_loss"),
}
_OF_CLASSES = ("test_accuracy", "test_loss")
_WITHOUT_TEST = ("best_val_accuracy", "best_val_loss", "val_loss", "loss")
_PREFIXES = ("restored_", "best_", "test_", "val_", "train_")
_OF_AN_EPOCH = ("test_", "best_", "restored_")  # names that say themselves which epoch they are of
_SMALL_IS_GOOD = (
    *("loss", "error", "mse", "mae", "rmse", "mape", "msle", "perplexity", "hinge", "divergence", "deviance"),
    *("crossentropy", "cross_entropy", "negative_log_likelihood", "brier", "false_positive", "false_negative"),
)
_SMALL_IS_GOOD_WORDS = {"nll", "ece", "logcosh"}  # whole words only: "ece" is in many others


def default_metric(runs: Sequence[RunRecord]) -> str:
    """The metric that runs of this task are ranked by: `test_accuracy` for classes, `test_r2` for regression,
    `test_mean_iou` for masks.

    The first of the task's metrics that a run has; where no run has any, the task's first.
    """
    tasks = Counter(str(run.spec.get("task")) for run in runs if run.metrics)
    task = tasks.most_common(1)[0][0] if tasks else ""
    return metric_for(task, {name for run in runs for name in run.metrics})


def metric_for(task: str, names: Collection[str]) -> str:
    """The metric that ranks runs of `task` which have metrics `names`; the task's first where they have none."""
    candidates = (*_BY_TASK.get(task, _OF_CLASSES), *_WITHOUT_TEST)
    return next((name for name in candidates if name in names), candidates[0])


def checked_metric(metric: str, runs: Sequence[RunRecord], at: At = "restored", typed_as: str = "--metric {}") -> str:
    """`metric` itself, if a run has it.

    Args:
        typed_as: how the user types a metric here, for the message.

    Raises:
        UserError: no run has it; the nearest that one has is named.
    """
    known = sorted({name for run in runs for name in run.metrics})
    if not known or any(value_of(run, metric, at) is not None for run in runs):
        return metric
    plain = [name for name in known if not name.startswith(("best_", "restored_"))]
    mend = did_you_mean(metric, known, shown=typed_as) or f"Choose one of {', '.join(plain or known)}."
    raise UserError(f"{typed_as.format('NAME')} must name a metric that the runs have; got {metric}. {mend}")


def goal_of(metric: str, catalog: Catalog | None = None) -> Goal:
    """Whether more or less of a metric is better: as its option file says (`_goal_`), else by its name."""
    base = metric
    while prefix := next((prefix for prefix in _PREFIXES if base.startswith(prefix)), None):
        base = base.removeprefix(prefix)
    if catalog is not None and catalog.has("metric", base):
        try:
            stated = str(catalog.get("metric", base).facts.get("goal", ""))
        except ConfigError:  # a broken option file must not keep finished runs from being read
            stated = ""
        if stated[:3] in ("max", "min"):
            return "max" if stated.startswith("max") else "min"
    spoken = base.lower()
    small = any(word in spoken for word in _SMALL_IS_GOOD) or not _SMALL_IS_GOOD_WORDS.isdisjoint(spoken.split("_"))
    return "min" if small else "max"


def value_of(run: RunRecord, metric: str, at: At = "restored") -> float | None:
    """A run's value of a metric, or None when it has none, the value is no number, or it was a fast_dev_run.

    Args:
        metric: a flat name; `train_NAME` is `NAME`; `test_*` are always of the restored weights, and a name with its
            epoch in it (`best_val_loss`) is taken as it is.
        at: the epoch that a training or validation metric is read at: `restored` is the one whose weights were kept,
            `best` the best by the monitored metric, `last` the last.
    """
    if run.is_dev_run:
        return None
    metrics = run.metrics
    if metric.startswith("train_") and metric not in metrics:
        metric = metric.removeprefix("train_")
    if is_of_an_epoch(metric) or at == "last":
        value = metrics.get(metric)
    elif at == "best":
        value = metrics.get(f"best_{metric}")
    else:
        value = metrics.get(f"restored_{metric}")
        if value is None:  # runs that were trained before it was written down
            value = metrics.get(f"best_{metric}" if _kept_best(run) else metric, metrics.get(metric))
    return value if value is not None and math.isfinite(value) else None


def is_of_an_epoch(metric: str) -> bool:
    """Whether the name says itself which weights or epoch it is of, so that `at` does not matter."""
    return metric.startswith(_OF_AN_EPOCH)


def best_of(values: Iterable[float], goal: Goal) -> float:
    """The best of `values`."""
    return max(values) if goal == "max" else min(values)


def _kept_best(run: RunRecord) -> bool:
    kept = run.result.get("kept_epoch")
    return kept is not None and kept == run.result.get("best_epoch") and kept != run.result.get("epochs_run")
