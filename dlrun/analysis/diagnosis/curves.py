"""A training as its journal tells it: losses, metrics and probes by epoch, beside what can be had for nothing."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any

from dlrun.tracking.journal import Event, last_attempt

__all__ = ["Curves", "curves_of"]

Layers = Mapping[str, float]


@dataclass(frozen=True)
class Curves:
    """What happened in a training.

    Attributes:
        spec: the run's, nested.
        status: how it ended.
        metrics: name to values, an epoch each.
        probes: probe to epoch, 0 for the untrained model, to layer to value.
        guess: of the `data` event: what the best constant answer reaches; empty where that is not known.
        samples: rows of each part.
        parameters: of the model.
        planned: epochs that were asked for.
        cause: why it diverged, in words, or None.
        scores: of the result: `restored_accuracy` and `test_accuracy` of the weights that were kept, and others.
        kept_epoch: whose weights were kept; None where that is not known.
        confusion: what these make of the test part: rows of each true class by the class that was named, or none.
        names: of the classes; others may follow.
    """

    spec: Mapping[str, Any]
    status: str = "running"
    metrics: Mapping[str, Sequence[float]] = field(default_factory=dict)
    probes: Mapping[str, Mapping[int, Layers]] = field(default_factory=dict)
    guess: Mapping[str, Any] = field(default_factory=dict)
    samples: Mapping[str, int] = field(default_factory=dict)
    parameters: int | None = None
    planned: int = 0
    cause: str | None = None
    scores: Mapping[str, float | None] = field(default_factory=dict)
    kept_epoch: int | None = None
    confusion: Sequence[Sequence[int]] = ()
    names: Sequence[str] = ()

    @property
    def loss(self) -> Sequence[float]:
        """The training loss of each epoch."""
        return self.metrics.get("loss", ())

    @property
    def validation(self) -> Sequence[float]:
        """The validation loss of each epoch; empty without a validation part."""
        return self.metrics.get("val_loss", ())

    @property
    def judged(self) -> Sequence[float]:
        """The loss by which a model is judged: that of the validation part if there is one."""
        return self.validation or self.loss

    @property
    def epochs(self) -> int:
        """How many epochs ended."""
        return len(self.loss)

    @cached_property
    def yardstick(self) -> float | None:
        """The loss of the best constant answer, in the units of the curves; None where it is not known.

        Class weights make other units of the training loss, and no yardstick is at hand.
        """
        loss = self.guess.get("loss")
        weighted = self.spec["trainer"].get("class_weight") is not None
        return float(loss) if loss and not weighted else None

    def explained(self, loss: float) -> float:
        """How much of the yardstick `loss` saves: 1 is all, 0 is no better than the best constant answer.

        It is a regression's R2, and McFadden's pseudo-R2 of a classification.
        """
        assert self.yardstick is not None
        return 1 - loss / self.yardstick

    @cached_property
    def best(self) -> float:
        """`explained` of the best epoch, on the rows by which the model is judged; 0 where nothing is known."""
        return self.explained(min(self.judged)) if self.yardstick and self.epochs else 0.0

    @cached_property
    def rises(self) -> list[float]:
        """By how much the training loss rose in each epoch but the first; 0 where it fell."""
        return [max(0.0, after - before) for before, after in pairwise(self.loss)]

    @property
    def is_finite(self) -> bool:
        """Whether all losses are numbers."""
        return all(map(math.isfinite, (*self.loss, *self.validation)))

    def late(self, values: Sequence[float]) -> Sequence[float]:
        """The last quarter of `values`."""
        return values[-max(1, len(values) // 4) :]

    def layers(self, probe: str, epoch: int | None = None) -> Layers:
        """What `probe` saw in an epoch, the last by default; empty where it was not chosen."""
        seen = self.probes.get(probe, {})
        return seen.get(max(seen) if epoch is None else epoch, {}) if seen else {}


def curves_of(events: Iterable[Event], spec: Mapping[str, Any]) -> Curves:
    """The curves that a journal tells of its last attempt."""
    epochs: dict[int, Mapping[str, float]] = {}
    probes: dict[str, dict[int, Layers]] = {}
    facts: dict[str, Any] = {}
    for event in last_attempt(list(events)):
        match event.event:
            case "start":
                facts["planned"] = int(event.get("epochs") or 0)
            case "data":
                facts |= {"guess": event.get("guess") or {}, "samples": event.get("samples") or {}}
            case "model":
                facts["parameters"] = event.get("parameters")
            case "epoch":
                epochs[int(event["epoch"])] = event["metrics"]
            case "probe":
                probes.setdefault(entry_option(spec, event["probe"]), {})[int(event["epoch"])] = event["values"]
            case "end":
                cause = event.get("cause") or {}
                facts |= {"status": event["status"], "cause": cause.get("message")}
                facts |= {"scores": event.get("metrics") or {}, "kept_epoch": event.get("kept_epoch")}
    values = [epochs[epoch] for epoch in sorted(epochs)]
    names = [name for name in (values[0] if values else ()) if all(name in each for each in values)]
    metrics = {name: [float(each[name]) for each in values] for name in names}
    return Curves(spec, metrics=metrics, probes=probes, **facts)


def entry_option(spec: Mapping[str, Any], entry: str) -> str:
    """The option that an entry of `probe` is; the curves go by options, whatever an entry is called."""
    return str(spec.get("probe", {}).get(entry, {}).get("option", entry))
