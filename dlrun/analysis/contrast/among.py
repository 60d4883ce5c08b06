"""Two trials among the others of a sweep: what `dlrun compare` says of them there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dlrun.analysis.compare import compare
from dlrun.analysis.datasets import data_sets
from dlrun.analysis.runs import RunRecord, SweepRecord
from dlrun.analysis.which import unarchived
from dlrun.config.catalog import Catalog

__all__ = ["Among", "among"]


@dataclass(frozen=True)
class Among:
    """Two of the trials of a sweep.

    Attributes:
        sweep: its short id.
        trials: how many of them have a value; more than two.
        p: of the two, corrected for the best having been chosen among so many; None where neither is the best, or where
            nothing can be said of them.
        has_best: whether one of the two is the best.
    """

    sweep: str
    trials: int
    p: float | None
    has_best: bool


def among(
    first: RunRecord, second: RunRecord, metric: str, sweeps: Sequence[SweepRecord], catalog: Catalog
) -> Among | None:
    """The trials of two runs in the newest of `sweeps` that has both and more; None where none has.

    Args:
        sweeps: oldest first.
    """
    for sweep in reversed(sweeps):
        if {first.id, second.id} <= sweep.run_names.keys():
            found = _within(sweep, (first.id, second.id), metric, catalog)
            if found is not None:
                return found
    return None


def _within(sweep: SweepRecord, pair: tuple[str, str], metric: str, catalog: Catalog) -> Among | None:
    sets = data_sets(unarchived(sweep.records()))
    runs = next((each.runs for each in sets if {*pair} <= {run.id for run in each.runs}), ())
    if not any(metric in run.metrics or f"restored_{metric}" in run.metrics for run in runs):
        return None
    ranked = compare(runs, metric, catalog).ranked
    rows = [row for row in ranked if {*pair} & {run.id for run in row.runs}]
    if len(ranked) < 3 or len(rows) != 2:
        return None
    has_best = rows[0] is ranked[0]
    return Among(sweep.short_id, len(ranked), rows[1].p if has_best else None, has_best)
