"""From events to what MLflow is to hold of them, without MLflow.

| event     | becomes                                                                                |
|-----------|----------------------------------------------------------------------------------------|
| start     | parameters and tags                                                                    |
| data      | a dataset                                                                              |
| model     | its summary as a file; at the end the metric `parameters`: pages begin with the first  |
| epoch     | its metrics, `learning_rate` and `epoch_seconds`, with the epoch as step               |
| probe     | metrics `PROBE/LAYER`, with the epoch as step; 0 is the untrained model                |
| evaluated | `test_loss` and the like, with the epoch that was evaluated as step                    |
| system    | metrics `system/NAME`, with the seconds since the run's first start as step            |
| artifact  | a file, sent at the end; `model.keras` a model, with the metrics of its weights        |
| end       | the final metrics that no event before gave, the files, the status; `best_val_loss`    |
|           | and `restored_val_loss` stand at the epoch that they are of                            |
| labels    | a tag each, `mlflow.note.content`, `dlrun.archived`; what is not said any more goes    |
"""

from __future__ import annotations

import math
import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dlrun.tracking.journal import Event
from dlrun.tracking.packaging import MODEL
from dlrun.tracking.provenance import PROVENANCE

__all__ = ["SYSTEM", "TIMINGS", "Batch", "Kept", "Point", "Translator", "entity_key", "repeat_with", "stored_value"]

TIMINGS = frozenset({"epoch_seconds"})
"""Metrics that differ from attempt to attempt by nature, beside those of the system."""

SYSTEM = "system/"
"""How the names of system metrics begin: what MLflow shows on a page of their own."""

_LARGEST = 1.7976931348623157e308  # what MLflow keeps of an infinity
_KEY_LENGTH, _PARAM_LENGTH, _TAG_LENGTH = 250, 6000, 8000
_NOT_IN_KEYS = re.compile(r"[^\w.\- /]")
_FILES = ("spec.json", "result.json", *PROVENANCE)
_OF_WEIGHTS = ("test_", "restored_")  # how metrics of the kept weights begin
_NOTE = "mlflow.note.content"  # what MLflow's page of a run shows as its description
_PREFIXES = {"test": "test_", "validation": "validation_", "train": "train_"}


@dataclass(frozen=True)
class Point:
    """One value of a metric; `time` is in milliseconds since 1970, as MLflow counts."""

    key: str
    value: float
    time: int
    step: int


@dataclass(frozen=True)
class Kept:
    """A model that a run has kept: the metrics of its weights, and the fields of the `data` event."""

    metrics: Sequence[Point]
    dataset: Mapping[str, Any] | None


@dataclass
class Batch:
    """What some events become.

    Attributes:
        dataset: the fields of a `data` event.
        summary: the model's summary.
        files: paths in the run directory to send.
        status: dlrun's word for how the run ended.
        end_time: when, in milliseconds since 1970.
        gone: names of tags that count no more.
        model: what the run has kept; None where it has kept none, or none yet.
    """

    points: list[Point] = field(default_factory=list)
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    dataset: Mapping[str, Any] | None = None
    summary: str | None = None
    files: list[str] = field(default_factory=list)
    status: str | None = None
    end_time: int | None = None
    gone: set[str] = field(default_factory=set)
    model: Kept | None = None


class Translator:
    """Translates the events of one attempt, in order, in as many batches as they come."""

    def __init__(self) -> None:
        self._said: dict[str, str] = {}
        self._command = ""
        self._reset()

    def _reset(self, goes_on: bool = False) -> None:
        if not goes_on:  # else the epochs before are the run's too
            self._epoch = 0
            self._covered: set[str] = set()
        self._artifacts: list[str] = []
        self._parameters: int | None = None
        self._of_weights: dict[str, Point] = {}
        self._has_model = self._is_over = False
        self._dataset: Mapping[str, Any] | None = None

    def translate(self, events: Iterable[Event]) -> Batch:
        """What `events`, which follow those of the calls before, become. Events of an unknown name are passed over."""
        batch = Batch()
        for event in events:
            match event.event:
                case "start":
                    self._start(event, batch)
                case "data":
                    batch.dataset = self._dataset = event.fields
                case "model":
                    self._parameters, batch.summary = event.get("parameters"), event.get("summary")
                case "epoch":
                    self._end_epoch(event, batch)
                case "probe" | "evaluated" | "system":
                    self._measure_apart(event, batch)
                case "artifact":
                    self._keep(event["path"], batch)
                case "end":
                    self._end(event, batch)
                case "also" | "labels":
                    self._label(event, batch)
        return batch

    def _start(self, event: Event, batch: Batch) -> None:
        self._reset(goes_on=bool(event.get("resumed")))
        self._command = str(event.get("command") or "")
        batch.params |= {entity_key(k): str(v)[:_PARAM_LENGTH] for k, v in (event.get("params") or {}).items()}
        batch.tags |= {entity_key(k): str(v)[:_TAG_LENGTH] for k, v in (event.get("tags") or {}).items()}
        self._repeat(batch)  # what a person said since counts more than what an attempt begins with

    def _label(self, event: Event, batch: Batch) -> None:
        """What is said of a run that is there: of `labels` the event has the whole. A note typed into MLflow stays."""
        if event.event == "also":
            batch.tags["dlrun.also_in_sweeps"] = " ".join(event["sweeps"])
            return
        said = {entity_key(k): str(v)[:_TAG_LENGTH] for k, v in (event.get("tags") or {}).items()}
        if note := str(event.get("note") or ""):
            said[_NOTE] = "\n\n".join(filter(None, [note, repeat_with(self._command)]))[:_TAG_LENGTH]
        said |= {"dlrun.archived": "true"} if event.get("archived") else {}
        unsaid = dict.fromkeys(self._said.keys() - said.keys(), "")
        if _NOTE in unsaid:
            unsaid[_NOTE] = repeat_with(self._command)
        self._said = {**unsaid, **said}
        self._repeat(batch)
        self._said = said

    def _repeat(self, batch: Batch) -> None:
        for name, text in self._said.items():
            batch.tags.pop(name, None)
            batch.gone.discard(name)
            if text:
                batch.tags[name] = text
            else:  # a tag that the run began with, or was given, and that was taken away
                batch.gone.add(name)

    def _end_epoch(self, event: Event, batch: Batch) -> None:
        self._epoch = int(event["epoch"])
        rates = {"learning_rate": event.get("learning_rate"), "epoch_seconds": event.get("seconds")}
        self._measure({**event["metrics"], **rates}, event, self._epoch, batch)

    def _measure_apart(self, event: Event, batch: Batch) -> None:
        """What is measured beside the epochs' metrics, under names that say so: `dead_units/LAYER`, `test_loss`."""
        step = event.get("epoch")
        match event.event:
            case "probe":
                prefix, values = f"{event['probe']}/", event["values"]
            case "system":
                prefix, values, step = SYSTEM, event["values"], event["seconds"]
            case _:
                prefix, values = _PREFIXES.get(event["part"], f"{event['part']}_"), event["metrics"]
        named = {f"{prefix}{key}": value for key, value in values.items()}
        self._measure(named, event, self._epoch if step is None else int(step), batch)

    def _keep(self, path: str, batch: Batch) -> None:
        """A file to send, or the model: with the run's end, or at once where that was before."""
        if path == MODEL:
            self._has_model = True
            batch.model = self._model if self._is_over else None
        elif self._is_over:
            batch.files.append(path)
        else:
            self._artifacts.append(path)

    @property
    def _model(self) -> Kept | None:
        return Kept(list(self._of_weights.values()), self._dataset) if self._has_model else None

    def _end(self, event: Event, batch: Batch) -> None:
        metrics = event.get("metrics") or {}
        epochs = {"best": event.get("best_epoch"), "restored": event.get("kept_epoch")}
        for key, value in metrics.items():
            if entity_key(key) not in self._covered:
                self._measure({key: value}, event, epochs.get(key.partition("_")[0]) or self._epoch, batch)
        for name, epoch in epochs.items():
            self._measure({f"{name}_epoch": epoch}, event, self._epoch, batch)
        self._measure({"parameters": self._parameters}, event, 0, batch)
        self._is_over = True
        batch.files += [*_FILES, *self._artifacts]
        batch.model = self._model
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
                if key.startswith(_OF_WEIGHTS):
                    self._of_weights[name] = batch.points[-1]


def repeat_with(command: str) -> str:
    """What MLflow's page of a run says of the command that it can be repeated with; empty without one."""
    return f"Repeat it with\n\n    {command}" if command else ""


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
