"""The diagnosis: all that is found wrong with a training, the cause before what follows from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from dlrun.analysis.diagnosis import chance, fitting, gradients, rate, verdict
from dlrun.analysis.diagnosis.curves import Curves, curves_of
from dlrun.analysis.diagnosis.finding import Finding
from dlrun.analysis.diagnosis.mends import Mends
from dlrun.config.catalog import Catalog
from dlrun.tracking.journal import Event

__all__ = ["diagnose", "diagnose_run"]

_SEEN = (gradients.exploding, gradients.vanishing, gradients.dead, gradients.saturated)
"""What probes show: each is a cause of its own, and several may be true."""

_CAUSES = (
    chance.mismatch,
    rate.too_high,
    rate.too_low,
    chance.stuck,
    verdict.one_class,
    verdict.no_better,
    fitting.overfitting,
    chance.majority,
    chance.naive,
    fitting.underfitting,
    fitting.best_was_first,
    fitting.unfinished,
)
"""What curves show: the first that is true explains those below it."""


def diagnose(curves: Curves, mends: Mends) -> list[Finding]:
    """What is wrong with a training; empty for a healthy one.

    A run that was tried out, cut short or ended by somebody is not judged.
    """
    if curves.spec["trainer"].get("fast_dev_run") or curves.status not in ("finished", "diverged") or not curves.epochs:
        return []
    found = [finding for look in _SEEN if (finding := look(curves, mends))]
    if end := rate.diverged(curves, mends):
        return [*found, end]
    cause = next((finding for look in _CAUSES if (finding := look(curves, mends))), None)
    is_news = cause is not None and cause.attempt not in {finding.attempt for finding in found}
    return [*found, cause] if cause is not None and is_news else found


def diagnose_run(events: Iterable[Event], spec: Mapping[str, Any], catalog: Catalog) -> list[Finding]:
    """The diagnosis of a run from its journal, which tells how it ended."""
    return diagnose(curves_of(events, spec), Mends(spec, catalog))
