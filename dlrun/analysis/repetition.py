"""Is a training that was done again the same? Epoch by epoch, to the bit or within a tolerance."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from dlrun.tracking.journal import Event

__all__ = ["TOLERANCE", "Gap", "History", "Repetition", "history_of", "judge"]

TOLERANCE = 0.01
"""The relative difference of a metric up to which a repetition counts as the same, unless one says otherwise."""

Verdict = Literal["identical", "within tolerance", "diverged", "nothing to compare"]


@dataclass(frozen=True)
class History:
    """What a training came to.

    Attributes:
        epochs: epoch, from 1, to its metrics.
        scores: the metrics of the weights that were kept on the test part; None is no number.
        fingerprint: of these weights, or None where it was not noted.
        status: `finished` or `diverged`.
    """

    epochs: Mapping[int, Mapping[str, float]]
    scores: Mapping[str, float | None]
    fingerprint: str | None
    status: str


@dataclass(frozen=True)
class Gap:
    """One number that is another the second time.

    Attributes:
        epoch: the epoch that it is of; None for a score of the weights that were kept.
        first: None where the first training has no such number.
        relative: `|first - second|` over the larger of both; infinite where one has none, or is no number.
    """

    metric: str
    epoch: int | None
    first: float | None
    second: float | None
    relative: float


@dataclass(frozen=True)
class Repetition:
    """How a training done again compares with the first one.

    Attributes:
        verdict: `identical`: every metric of every epoch and the weights, to the bit; `within tolerance`: no metric
            differs by more; `nothing to compare`: the first left no metric and no fingerprint; else `diverged`.
        at: where it is first beyond the tolerance; None unless it diverged.
        largest: the largest relative difference; None where none differs.
        first: the first difference of any size; None likewise.
        same_weights: whether the weights are the same to the bit; None where that was not noted.
        compared: how many epochs were held against each other.
    """

    verdict: Verdict
    at: Gap | None
    largest: Gap | None
    first: Gap | None
    same_weights: bool | None
    compared: int


def history_of(events: Iterable[Event], result: Mapping[str, Any]) -> History:
    """The history in a journal's last attempt and a run's result."""
    epochs = {int(event["epoch"]): dict(event["metrics"]) for event in events if event.event == "epoch"}
    metrics = result.get("metrics") or {}
    scores = {str(name): value for name, value in metrics.items() if str(name).startswith("test_")}
    return History(epochs, scores, result.get("fingerprint"), str(result.get("status")))


def judge(then: History, now: History, tolerance: float = TOLERANCE) -> Repetition:
    """Hold a repetition against the first training."""
    gaps = list(_gaps(then, now))
    beyond = next((gap for gap in gaps if gap.relative > tolerance), None)
    known = then.fingerprint is not None and now.fingerprint is not None
    same = then.fingerprint == now.fingerprint if known else None
    verdict: Verdict = "within tolerance"
    if not (any(then.epochs.values()) or then.scores or known):
        return Repetition("nothing to compare", None, None, None, None, 0)
    if beyond is not None or then.status != now.status:
        verdict = "diverged"
    elif not gaps and same is not False:
        verdict = "identical"
    largest = max(gaps, key=lambda gap: gap.relative, default=None)
    compared = len(then.epochs.keys() & now.epochs.keys())
    return Repetition(verdict, beyond, largest, gaps[0] if gaps else None, same, compared)


def _gaps(then: History, now: History) -> Iterator[Gap]:
    """All differences, in the order in which they happened; of scores alone where the first tells no epochs."""
    for epoch in sorted(then.epochs.keys() | now.epochs.keys()) if then.epochs else ():
        yield from _of(then.epochs.get(epoch, {}), now.epochs.get(epoch, {}), epoch)
    yield from _of(then.scores, now.scores, None)


def _of(then: Mapping[str, float | None], now: Mapping[str, float | None], epoch: int | None) -> Iterator[Gap]:
    for name in dict.fromkeys((*then, *now)):
        first, second = then.get(name), now.get(name)
        relative = math.inf if (name in then) != (name in now) else _relative(first, second)
        if relative:
            yield Gap(name, epoch, first, second, relative)


def _relative(first: float | None, second: float | None) -> float:
    a, b = (math.nan if value is None else float(value) for value in (first, second))
    if a == b or (math.isnan(a) and math.isnan(b)):
        return 0.0
    largest = max(abs(a), abs(b))
    return abs(a - b) / largest if math.isfinite(a) and math.isfinite(b) else math.inf
