"""The rows of a leaderboard in another order: by a column, or by another metric."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from dlrun.analysis.compare import Comparison, Row
from dlrun.analysis.ranking import At, goal_of, value_of
from dlrun.analysis.trials import ABSENT
from dlrun.config.catalog import Catalog
from dlrun.config.suggest import did_you_mean
from dlrun.errors import UserError

__all__ = ["Order", "ordered", "place"]

_OWN: Mapping[str, Callable[[Row], float | None]] = {
    "mean": lambda row: row.mean,
    "best": lambda row: row.best,
    "n": lambda row: len(row.values),
    "to best": lambda row: row.gap,
    "p": lambda row: row.p,
}


@dataclass(frozen=True)
class Order:
    """Ranked rows in another order.

    Attributes:
        ranks: their places by the ranking metric, from 1.
        metric: the other metric that they are sorted by, or None.
        means: of that metric, a row each; empty without one.
    """

    rows: tuple[Row, ...]
    ranks: tuple[int, ...]
    metric: str | None = None
    means: tuple[float | None, ...] = ()


def ordered(comparison: Comparison, key: str | None, catalog: Catalog | None = None, at: At = "restored") -> Order:
    """The ranked rows by `key`: best first for metrics and means, rising for anything else, what has none last.

    Args:
        key: a column as it is headed, a varying key, or any metric of the runs; None leaves them in their ranks.

    Raises:
        UserError: it is none of these.
    """
    ranks = {id(row): rank for rank, row in enumerate(comparison.ranked, 1)}
    if key is None or key == comparison.metric:
        return Order(comparison.ranked, tuple(ranks.values()))
    read, metric, sign = _reader(comparison, key, catalog, at)
    values = {id(row): read(row) for row in comparison.ranked}
    rows = sorted(comparison.ranked, key=lambda row: place(values[id(row)], sign))
    means = tuple(values[id(row)] for row in rows) if metric else ()
    return Order(tuple(rows), tuple(ranks[id(row)] for row in rows), metric, means)


def _reader(
    comparison: Comparison, key: str, catalog: Catalog | None, at: At
) -> tuple[Callable[[Row], Any], str | None, float]:
    best_first = -1.0 if comparison.goal == "max" else 1.0
    if key in _OWN:
        return _OWN[key], None, best_first if key in ("mean", "best", "to best") else 1.0
    spoken = ((dotted, (dotted, name, dotted.removesuffix(".option"))) for dotted, name in comparison.columns.items())
    column = next((dotted for dotted, names in spoken if key in names), None)
    if column is not None:
        return lambda row: row.settings.get(column, ABSENT), None, 1.0
    metrics = {name for row in comparison.ranked for run in row.runs for name in run.metrics}
    if key not in metrics and key.removeprefix("train_") not in metrics:
        known = [*comparison.columns.values(), *_OWN, *sorted(metrics)]
        mend = did_you_mean(key, known, shown="--sort {}")
        plain = (name for name in known if not name.startswith(("best_", "restored_")))
        mend = mend or f"Choose one of {', '.join(plain)}."
        raise UserError(f"--sort must name a column or a metric; got {key}. {mend}")
    sign = -1.0 if goal_of(key, catalog) == "max" else 1.0
    return lambda row: _mean_of(row, key, at), key, sign


def _mean_of(row: Row, metric: str, at: At) -> float | None:
    finished = (run for run in row.runs if run.status == "finished")
    values = [value for run in finished if (value := value_of(run, metric, at)) is not None]
    return math.fsum(values) / len(values) if values else None


def place(value: Any, sign: float) -> tuple[int, float, str]:
    """Numbers in order, then text, then what is not there."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return (2, 0.0, "") if value is None or value is ABSENT else (1, 0.0, str(value))
    return (0, sign * value, "") if math.isfinite(value) else (2, 0.0, "")
