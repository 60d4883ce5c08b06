"""What a run is called, and what is told about it: names and parameters as MLflow and the tables show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dlrun.analysis.trials import short_names
from dlrun.config.catalog import LIST_GROUPS, Catalog
from dlrun.config.spec import REPLICATE_KEYS, Spec, flatten

__all__ = ["Label", "label"]


@dataclass(frozen=True)
class Label:
    """How a run and its trial read in MLflow.

    Attributes:
        name: what varies, as in `learning_rate=0.01 dropout=0.3 seed=2`.
        trial: the same without the keys that repeat a trial.
        params: option names, and every value that differs from its default or is swept.
    """

    name: str
    trial: str
    params: Mapping[str, str]


def label(spec: Spec, overrides: Sequence[str], varied: Sequence[str], catalog: Catalog) -> Label:
    """Name a run by the keys a sweep varies, else by what the command line sets, else by model and data."""
    typed = dict(_key_value(text) for text in overrides)
    shown = [key for key in varied if key in typed] or [key for key in typed if not key.startswith("hydra.")]
    short = short_names(shown)
    words = {key: f"{short[key]}={typed[key]}" for key in shown}
    fallback = f"{spec['model']['option']} on {spec['data']['option']}"
    return Label(
        name=" ".join(words.values()) or fallback,
        trial=" ".join(word for key, word in words.items() if key not in REPLICATE_KEYS) or fallback,
        params=_params(spec, varied, catalog),
    )


def _key_value(override: str) -> tuple[str, str]:
    key, _, value = override.lstrip("+~").partition("=")
    return key, value


def _params(spec: Spec, varied: Sequence[str], catalog: Catalog) -> dict[str, str]:
    params: dict[str, Any] = {"seed": spec["seed"], "split.seed": spec["split"].get("seed")}
    for group, node in spec.items():
        if not isinstance(node, Mapping) or group in ("tracking", "tags", "checkpoint"):
            continue
        if group in LIST_GROUPS:
            params[group] = ", ".join(sub["option"] for sub in node.values()) or "none"
            for entry, sub in node.items():
                params |= _differing(f"{group}.{entry}", group, sub, catalog)
        else:
            params[group] = node["option"]
            params |= _differing(group, group, node, catalog)
    flat = flatten(spec)
    params |= {key: flat[key] for key in varied if key in flat}
    return {key: str(value) for key, value in params.items() if value is not None}


def _differing(prefix: str, group: str, node: Mapping[str, Any], catalog: Catalog) -> dict[str, Any]:
    defaults = catalog.get(group, node["option"]).defaults
    return {f"{prefix}.{key}": value for key, value in node.items() if key != "option" and value != defaults.get(key)}
