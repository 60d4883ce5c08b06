"""From events to what MLflow is to hold of them, without MLflow.

| event     | becomes                                                                                |
|-----------|----------------------------------------------------------------------------------------|
| start     | parameters and tags                                                                    |
| data      | a dataset                                                                              |
| model     | the metric `parameters`, and its summary as a file                                     |
| epoch     | its metrics, `learning_rate` and `epoch_seconds`, with the epoch as step               |
| probe     | metrics `PROBE/LAYER`, with the epoch as step; 0 is the untrained model                |
| evaluated | `test_loss` and the like, with the epoch that was evaluated as step                    |
| artifact  | a file, sent at the end                                                                |
| end       | the final metrics that no event before gave (`best_val_loss`), the files, the status   |
"""

from __future__ import annotations

import math
import posixpath
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dlrun.tracking.journal import Event

__all__ = ["TIMINGS", "Batch", "Point", "Translator", "entity_key", "stored_value"]

TIMINGS = frozenset({"epoch_seconds"})
"""Metrics that differ from attempt to attempt by nature."""

_LARGEST = 1.7976931348623157e308  # what MLflow keeps of an infinity
_KEY_LENGTH, _PARAM_LENGTH, _TAG_LENGTH = 250, 6000, 8000
_NOT_IN_KEYS = re.compile(r"[^\w.\- /]")
_FILES = ("spec.json", "result.json", "environment.json")
_PREFIXES = {"test": "test_", "validation": "validation_", "train": "train_"}


@dataclass(frozen=True)
class Point:
    """One value of a metric; `time` is in milliseconds since 1970, as MLflow counts."""

    key: str
    value: float
    time: int
    step: int


@dataclass
class Batch:
    """What some events become.

    Attributes:
        dataset: the fields of a `data` event.
        summary: the model's summary.
        files: paths in the run directory to send.
        status: dlrun's word for how the run ended.
        end_time: when, in milliseconds since 1970.
    """

    points: list[Point] = field(default_factory=list)
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    dataset: Mapping[str, Any] | None = None
    summary: str | None = None
    files: list[str] = field(default_factory=list)
    status: str | None = None
    end_time: int | None = None


class Translator:
    """Translates the events of one attempt, in order, in as many batches as they come."""

    def __init__(self) -> None:
        self._reset()

    def _reset(self, goes_on: bool = False) -> None:
        if not goes_on:  # else the epochs before are the run's too
            self._epoch = 0
            self._covered: set[str] = set()
        self._artifacts: list[str] = []

    def translate(self, events: Iterable[Event]) -> Batch:
        """What `events`, which follow those of the calls before, become. Events of an unknown name are passed over."""
        batch = Batch()
        for event in events:
            match event.event:
                case "start":
                    self._start(event, batch)
                case "data":
                    batch.dataset = event.fields
                case "model":
                    self._measure({"parameters": event.get("parameters")}, event, 0, batch)
                    batch.summary = event.get("summary")
                case "epoch":
                    self._end_epoch(event, batch)
                case "probe" | "evaluated":
                    self._measure_apart(event, batch)
                case "artifact":
                    self._artifacts.append(event["path"])
                case "end":
                    self._end(event, batch)
                case "also":
                    batch.tags["dlrun.also_in_sweeps"] = " ".join(event["sweeps"])
        return batch

    def _start(self, event: Event, batch: Batch) -> None:
        self._reset(goes_on=bool(event.get("resumed")))
        batch.params |= {entity_key(k): str(v)[:_PARAM_LENGTH] for k, v in (event.get("params") or {}).items()}
        batch.tags |= {entity_key(k): str(v)[:_TAG_LENGTH] for k, v in (event.get("tags") or {}).items()}

    def _end_epoch(self, event: Event, batch: Batch) -> None:
        self._epoch = int(event["epoch"])
        rates = {"learning_rate": event.get("learning_rate"), "epoch_seconds": event.get("seconds")}
        self._measure({**event["metrics"], **rates}, event, self._epoch, batch)

    def _measure_apart(self, event: Event, batch: Batch) -> None:
        """What is measured beside the epochs' metrics, under names that say so: `dead_units/LAYER`, `test_loss`."""
        if event.event == "probe":
            prefix, values = f"{event['probe']}/", event["values"]
        else:
            prefix, values = _PREFIXES.get(event["part"], f"{event['part']}_"), event["metrics"]
        named = {f"{prefix}{key}": value for key, value in values.items()}
        step = event.get("epoch")
        self._measure(named, event, self._epoch if step is None else int(step), batch)

    def _end(self, event: Event, batch: Batch) -> None:
        metrics = event.get("metrics") or {}
        fresh = {key: value for key, value in metrics.items() if entity_key(key) not in self._covered}
        self._measure(fresh, event, self._epoch, batch)
        batch.files += [*_FILES, *self._artifacts]
        batch.status, batch.end_time = str(event["status"]), _milliseconds(event)
        if cause := event.get("cause"):
            text = cause.get("message", cause) if isinstance(cause, Mapping) else cause
            batch.tags["dlrun.cause"] = str(text)[:_TAG_LENGTH]
            if isinstance(cause, Mapping) and "kind" in cause:
                batch.tags["dlrun.cause_kind"] = str(cause["kind"])

    def _measure(self, metrics: Mapping[str, Any], event: Event, step: int, batch: Batch) -> None:
        for key, value in metrics.items():
            if isinstance(value, int | float):
                name = entity_key(key)
                self._covered.add(name)
                batch.points.append(Point(name, stored_value(value), _milliseconds(event), step))


def entity_key(key: str) -> str:
    """The key in the characters that MLflow takes, at the length it takes: `layers[0].units` is `layers_0_.units`."""
    name = _NOT_IN_KEYS.sub("_", key)[:_KEY_LENGTH]
    # MLflow refuses names that would be another path when taken for one: `a//b`, `./a`, `../a`, `/a`.
    is_plain = name not in ("", ".") and posixpath.normpath(name) == name and not name.startswith(("..", "/"))
    return name if is_plain else re.sub(r"[/.]", "_", name) or "_"


def stored_value(value: float) -> float:
    """The value as MLflow gives it back: NaN stays, an infinity becomes the largest number of its sign."""
    value = float(value)
    return math.copysign(_LARGEST, value) if math.isinf(value) else value


def _milliseconds(event: Event) -> int:
    return int(event.time * 1000)
