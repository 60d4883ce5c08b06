"""From the spec to what Keras trains with: optimizer, schedule, loss, metrics, callbacks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from dlrun.config.build import build
from dlrun.config.catalog import Catalog
from dlrun.training.monitor import goal
from dlrun.training.reusable import reusable_numbers
from dlrun.training.structure import structure_of

__all__ = ["Horizon", "Objective", "build_callbacks", "build_objective", "build_optimizer", "build_probes"]


@dataclass(frozen=True)
class Horizon:
    """How far a training goes.

    Attributes:
        steps_per_epoch: updates of the weights in an epoch.
        epochs: how many there are at most.
    """

    steps_per_epoch: int
    epochs: int

    def names(self, learning_rate: float) -> dict[str, float]:
        """What the expressions of schedules may read."""
        return {
            "learning_rate": learning_rate,
            "steps_per_epoch": self.steps_per_epoch,
            "epochs": self.epochs,
            "total_steps": self.steps_per_epoch * self.epochs,
        }


@dataclass(frozen=True)
class Objective:
    """What a model is compiled with.

    Attributes:
        structure: what the compiled program depends on beside the model's shapes, as text: objectives that agree in it
            can share a program. None for one that is used once.
        reusable: the numbers of model, optimizer and loss that a program can be fed.
    """

    optimizer: Any
    loss: Any
    metrics: list[Any]
    structure: str | None = None
    reusable: Mapping[type, Sequence[str]] = field(default_factory=dict)


def build_objective(spec: Mapping[str, Any], catalog: Catalog, horizon: Horizon, scale: Any = None) -> Objective:
    """Build optimizer, loss and metrics.

    Args:
        spec: the run's.
        catalog: where options are looked up.
        horizon: what schedules measure their epochs by.
        scale: what one unit of the standardized target is in the data's units, None where the target is not
            standardized.
    """
    return Objective(
        optimizer=build_optimizer(spec, catalog, horizon),
        loss=build(catalog, "loss", spec["loss"], task=spec["task"]),
        metrics=[_metric(spec, catalog, node, scale) for node in spec["metric"].values()],
        structure=_structure(spec, catalog, horizon, scale),
        reusable=reusable_numbers(catalog),
    )


def _structure(spec: Mapping[str, Any], catalog: Catalog, horizon: Horizon, scale: Any) -> str | None:
    structure = structure_of(spec, catalog)
    measured = None if spec["schedule"]["option"] == "constant" else horizon
    return None if structure is None else f"{structure} {measured} {scale}"


def try_objective(spec: Mapping[str, Any], catalog: Catalog) -> None:
    """Build everything once and throw it away, so that a wrong option file is told before anything is created.

    Raises:
        ConfigError: an option file names what cannot be imported, or parameters that it does not take.
    """
    build_objective(spec, catalog, Horizon(steps_per_epoch=1, epochs=spec["trainer"]["epochs"]))
    build_callbacks(spec, catalog, Path())
    build_probes(spec, catalog)


def build_optimizer(spec: Mapping[str, Any], catalog: Catalog, horizon: Horizon) -> Any:
    """Build the optimizer; its learning rate is the schedule's, or the number itself where that is constant."""
    node, schedule = dict(spec["optimizer"]), spec["schedule"]
    if catalog.get("schedule", schedule["option"]).target() is not None:
        node["learning_rate"] = build(catalog, "schedule", schedule, horizon.names(node["learning_rate"]))
    return build(catalog, "optimizer", node)


def build_callbacks(spec: Mapping[str, Any], catalog: Catalog, directory: Path) -> list[Any]:
    """Build the chosen callbacks, in the order of the spec.

    Args:
        directory: the run's directory: `run_directory` in the options' expressions.
    """
    callbacks = []
    for node in spec["callback"].values():
        if node.get("mode") == "auto":  # Keras guesses from names where a metric does not say
            node = {**node, "mode": goal(spec, catalog, node["monitor"])}
        callbacks.append(build(catalog, "callback", node, {"run_directory": str(directory)}))
    return callbacks


def build_probes(spec: Mapping[str, Any], catalog: Catalog) -> dict[str, Any]:
    """The chosen probes by the names of their entries."""
    return {entry: build(catalog, "probe", node) for entry, node in spec["probe"].items()}


def _metric(spec: Mapping[str, Any], catalog: Catalog, node: Mapping[str, Any], scale: Any) -> Any:
    metric = build(catalog, "metric", node, {"classes": spec["classes"]}, task=spec["task"])
    if scale is None or "units" not in catalog.get("metric", node["option"]).facts:
        return metric
    from dlrun.metrics.in_units import InUnits

    return InUnits(metric, np.asarray(scale, dtype=float).reshape(-1).tolist())
