"""What `dlrun check --json` prints: everything that it found, as plain values. Times are seconds, memory is bytes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass
from typing import TYPE_CHECKING, Any

from dlrun.workflows.outlook import outlook

if TYPE_CHECKING:
    from dlrun.workflows.foreign import Inspection
    from dlrun.workflows.preflight import ModelReport, Preflight

__all__ = ["inspection_to_json", "to_json"]


def to_json(found: Preflight) -> dict[str, Any]:
    """A preflight as plain values."""
    seconds = [value for model in found.models if (value := found.seconds(model)) is not None]
    return {
        "runs": len(found.runs),
        "trials": len({run.trial for run in found.runs}),
        "finished": sorted(found.finished),
        "models": [_model(model, found) for model in found.models],
        "impossible": [
            {"words": list(point.overrides), "problems": [asdict(problem) for problem in problems]}
            for point, problems in found.impossible
        ],
        "duplicates": [
            {"run": points[0].run.id, "words": [list(point.overrides) for point in points]}
            for points in found.duplicates
            if points[0].run is not None
        ],
        "seconds": sum(seconds),
        "outlook": asdict(outlook(found)),
        "seconds_are_an_upper_bound": found.stops_early,
    }


def inspection_to_json(found: Inspection) -> dict[str, Any]:
    """A look at a run as plain values."""
    content = {each.name: getattr(found, each.name) for each in fields(found) if each.name != "spec"}
    return {**_plain(content), "spec": dict(found.spec)}


def _model(model: ModelReport, found: Preflight) -> dict[str, Any]:
    drawn = model.blueprint
    return {
        "name": model.name,
        "runs": [run.id for run in model.group.runs],
        "trials": model.group.trials,
        "words": list(model.group.first.overrides),
        "data": _plain(model.data),
        "blueprint": None if drawn is None else _plain(drawn) | {"memory_total": drawn.memory.total},
        "first_steps": _plain(model.first),
        "seconds": found.seconds(model),
        "findings": [finding.to_json() for finding in model.findings],
        "advice": [asdict(problem) for problem in model.advice],
        "problems": [asdict(problem) for problem in model.problems],
    }


def _plain(value: Any) -> Any:
    """Dataclasses as mappings; what is no number in JSON as null."""
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
