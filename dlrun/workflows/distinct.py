"""Which runs of a command share a model: those whose specs differ in numbers that change neither shapes nor costs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from dlrun.config.catalog import Catalog
from dlrun.config.parts import Remembered
from dlrun.models.grammar import expand
from dlrun.planning import PlannedRun

__all__ = ["Group", "distinct"]

_SEED = "seed"
_REPEATS = ("seed", "fold")
_OF_A_STEP = ("batch_size", "validation_batch_size", "limit_batches", "fast_dev_run", "precision", "strategy")
"""The trainer's keys that change what a step or an epoch costs."""


@dataclass(frozen=True)
class Group:
    """Runs of one model: built, and tried, once.

    Attributes:
        runs: in the order of the plan.
    """

    runs: tuple[PlannedRun, ...]

    @property
    def first(self) -> PlannedRun:
        """The run that the model is built from: the one with the fewest rates at 0, which take a layer away."""
        return max(self.runs, key=lambda run: _rates(run.spec["model"]))

    @property
    def trials(self) -> int:
        """How many trials share the model."""
        return len({run.trial for run in self.runs})


def distinct(runs: Sequence[PlannedRun], catalog: Catalog) -> list[Group]:
    """The runs, gathered by model, data, optimizer, loss and batch; learning rates, dropout rates and seeds aside."""
    groups: dict[str, list[PlannedRun]] = {}
    model = Remembered(lambda spec: _model(spec, catalog))  # which takes most of the time
    for run in runs:
        groups.setdefault(_cost_determinants(run.spec, model(run.spec)), []).append(run)
    return [Group(tuple(each)) for each in groups.values()]


def _cost_determinants(spec: Mapping[str, Any], model: Any) -> str:
    """What shapes, costs and memory depend on, as text."""
    trainer = spec["trainer"]
    parts = {
        "task": [spec["task"], spec["classes"]],
        "model": model,
        "data": _without_rates(spec["data"]),
        "split": {key: value for key, value in spec["split"].items() if key not in _REPEATS},
        "preprocess": spec["preprocess"],
        "sampling": spec["sampling"],
        "loss": _without_rates(spec["loss"]),
        "metric": _without_rates(spec["metric"]),
        "schedule": _without_rates(spec["schedule"]),
        # whether a rate is 0 decides what an optimizer keeps: sgd without momentum keeps nothing
        "optimizer": {k: bool(v) if isinstance(v, float) else v for k, v in spec["optimizer"].items()},
        "augment": _without_rates(spec["augment"]),
        "trainer": {key: trainer[key] for key in _OF_A_STEP},
        "class_weight": sorted(trainer["class_weight"]) if isinstance(trainer["class_weight"], Mapping) else None,
    }
    return json.dumps(parts, sort_keys=True, default=str)


def _model(spec: Mapping[str, Any], catalog: Catalog) -> Any:
    node = spec["model"]
    if catalog.get("model", node["option"]).target() is not None:
        return node  # of a model in Python nobody knows which of its keys are mere rates
    expansion = expand(spec, catalog)
    return _without_rates([node["option"], expansion.nodes, expansion.head])


def _rates(node: Any) -> int:
    """How many fractions above 0 a config node holds."""
    if isinstance(node, Mapping):
        return sum(map(_rates, node.values()))
    if isinstance(node, list | tuple):
        return sum(map(_rates, node))
    return int(isinstance(node, float) and node > 0)


def _without_rates(value: Any) -> Any:
    """The value with fractions and seeds left out: none of them changes a shape."""
    if is_dataclass(value) and not isinstance(value, type):
        named = {each.name: getattr(value, each.name) for each in fields(value)}
        return [type(value).__name__, _without_rates(named)]
    if isinstance(value, Mapping):
        return {str(key): _without_rates(part) for key, part in value.items() if key != _SEED}
    if isinstance(value, list | tuple):
        return [_without_rates(part) for part in value]
    return None if isinstance(value, float) else value
