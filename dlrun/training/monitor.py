"""The names of what a run computes every epoch, and which way each is better. Known before TensorFlow is imported."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dlrun.config.catalog import Catalog

__all__ = ["computed", "goal", "monitored"]

_VALIDATION = "val_"


def computed(spec: Mapping[str, Any], validation: bool = True) -> list[str]:
    """The names that an epoch has values for: loss and metrics, and with `val_` those of the validation part."""
    names = ["loss", *(_name(entry, node) for entry, node in spec["metric"].items())]
    return names + [f"{_VALIDATION}{name}" for name in names] if validation else names


def goal(spec: Mapping[str, Any], catalog: Catalog, name: str) -> str:
    """`min` or `max`: which way `name`, one of `computed`, is better."""
    plain = name.removeprefix(_VALIDATION)
    for entry, node in spec["metric"].items():
        if _name(entry, node) == plain:
            return str(catalog.get("metric", node["option"]).facts["goal"])
    return "min"


def monitored(spec: Mapping[str, Any], validation: bool) -> str:
    """What the best epoch is best in; `trainer.monitor=auto` is the loss, of the validation part if there is one."""
    name = str(spec["trainer"]["monitor"])
    if name != "auto":
        return name
    return f"{_VALIDATION}loss" if validation else "loss"


def _name(entry: str, node: Mapping[str, Any]) -> str:
    return str(node.get("name", entry))
