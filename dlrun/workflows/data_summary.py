"""What a run learns from: rows of each part, features, classes and their balance."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dlrun.data.dataset import Dataset
from dlrun.data.guess import class_counts, constant_loss, naive_losses
from dlrun.data.prepare import Prepared
from dlrun.errors import Problem

__all__ = ["DataSummary", "summarise"]

_PARTS = ("train", "validation", "test")
# What an activation can reach: a target beyond it is never hit.
_REACH = {
    "sigmoid": (0.0, 1.0),
    "hard_sigmoid": (0.0, 1.0),
    "tanh": (-1.0, 1.0),
    "softsign": (-1.0, 1.0),
    "relu": (0.0, math.inf),
    "relu6": (0.0, 6.0),
    "softplus": (0.0, math.inf),
    "exponential": (0.0, math.inf),
}


@dataclass(frozen=True)
class DataSummary:
    """The data of a run, split.

    Attributes:
        name: the data option.
        task: what it asks for.
        shape: of one sample.
        rows: of each part.
        features: column names; () where samples are not rows of columns.
        classes: the share of each in the training part; empty for a regression.
        target: mean, standard deviation, least and greatest of a regression's targets in the training part, in the
            data's units; a tuple an output.
        guess: the loss of the best answer that is the same for every sample, where that is known of the loss.
        naive: of a series, what forecasts without a model cost on the validation part, by their names.
        findings: what is questionable about it.
    """

    name: str
    task: str
    shape: tuple[int, ...]
    rows: Mapping[str, int]
    features: tuple[str, ...]
    classes: Mapping[str, float]
    target: tuple[tuple[float, float, float, float], ...]
    guess: float | None
    naive: Mapping[str, float]
    findings: tuple[Problem, ...]


def summarise(spec: Mapping[str, Any], dataset: Dataset, prepared: Prepared, activation: str | None) -> DataSummary:
    """Look at the parts of a run's data.

    Args:
        activation: the one that the model ends in, where it is known.
    """
    parts = {name: getattr(prepared, name) for name in _PARTS}
    counts = class_counts(prepared.train.y, len(dataset.classes))
    return DataSummary(
        name=str(spec["data"]["option"]),
        task=prepared.task,
        shape=prepared.input_shape,
        rows={name: part.samples for name, part in parts.items()},
        features=prepared.features,
        classes=dict(zip(dataset.classes, (counts / max(1, counts.sum())).tolist(), strict=True)),
        target=_targets(prepared),
        guess=constant_loss(str(spec["loss"]["option"]), prepared),
        naive=_naive(spec, prepared),
        findings=(*_large_batch(spec, prepared), *_out_of_reach(prepared, activation)),
    )


def _naive(spec: Mapping[str, Any], prepared: Prepared) -> dict[str, float]:
    losses = naive_losses(str(spec["loss"]["option"]), prepared)
    return {name: parts["validation"] for name, parts in losses.items() if "validation" in parts}


def _targets(prepared: Prepared) -> tuple[tuple[float, float, float, float], ...]:
    if prepared.task != "regression":
        return ()
    y = prepared.train.y.reshape(len(prepared.train.y), -1)
    values = y if prepared.target is None else prepared.target.in_units(y)
    return tuple((float(v.mean()), float(v.std()), float(v.min()), float(v.max())) for v in values.T)


def _large_batch(spec: Mapping[str, Any], prepared: Prepared) -> Iterator[Problem]:
    batch, rows = spec["trainer"]["batch_size"], prepared.train.samples
    if isinstance(batch, int) and batch > rows:
        rule = f"should be at most the rows that train, {rows:,}: every step takes all of them"
        yield Problem("trainer.batch_size", rule, f"{batch}", "Type trainer.batch_size=full if that is meant.")


def _out_of_reach(prepared: Prepared, activation: str | None) -> Iterator[Problem]:
    low, high = _REACH.get(activation or "", (-math.inf, math.inf))
    y = prepared.train.y
    beyond = int(((y < low) | (y > high)).sum())
    if prepared.task == "regression" and beyond:
        scaled = " (the targets are standardized: preprocess=none leaves them)" if prepared.target else ""
        rule = (
            f"should reach the targets: {activation} gives {low:g} to {high:g}, and {beyond:,} of {y.size:,} lie beyond"
        )
        yield Problem("model.head", rule + scaled, f"{y.min():.3g} to {y.max():.3g}", "model.head=auto is linear.")
