"""What a run is called, and what is told about it: names and parameters as MLflow and the tables show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from dlrun.analysis.trials import short_names
from dlrun.config.catalog import LIST_GROUPS, Catalog
from dlrun.config.identity import NOT_IDENTITY, NOT_IDENTITY_OF_TRAINER
from dlrun.config.parts import PerPart
from dlrun.config.spec import REPLICATE_KEYS, Spec

__all__ = ["Label", "Namer"]

_ALWAYS = ("optimizer.learning_rate", "trainer.epochs", "trainer.batch_size")
_OF_TRAINER = frozenset(f"trainer.{key}" for key in NOT_IDENTITY_OF_TRAINER)


@dataclass(frozen=True)
class Label:
    """How a run and its trial read in MLflow.

    Attributes:
        name: what varies, as in `learning_rate=0.01 dropout=0.3 seed=2`.
        trial: the same without the keys that repeat a trial.
    """

    name: str
    trial: str


class Namer:
    """Names the runs of one command; what they share is looked at once."""

    def __init__(self, varied: Sequence[str], catalog: Catalog) -> None:
        """Name runs of a command that varies the keys `varied`, as typed."""
        self._varied = varied
        self._catalog = catalog
        self._differing = PerPart(self._params_of)
        self._short_names = lru_cache(maxsize=None)(short_names)

    def label(self, spec: Spec, overrides: Sequence[str]) -> Label:
        """Name a run by the keys a sweep varies, else by what the command line sets, else by model and data."""
        typed = dict(_key_value(text) for text in overrides)
        set_by_hand = (key for key in typed if not _is_of_no_run(key))
        shown = tuple(key for key in self._varied if key in typed) or tuple(set_by_hand)
        short = self._short_names(shown)
        words = {key: f"{short[key]}={typed[key]}" for key in shown}
        fallback = f"{spec['model']['option']} on {spec['data']['option']}"
        return Label(
            name=" ".join(words.values()) or fallback,
            trial=" ".join(word for key, word in words.items() if key not in REPLICATE_KEYS) or fallback,
        )

    def params(self, spec: Spec) -> dict[str, str]:
        """Option names, every value of a run that differs from its default or is swept, and those that are always asked
        for: a page that compares runs has no value where one of them was left at its default."""
        params: dict[str, Any] = {"seed": spec["seed"], "split.seed": spec["split"].get("seed")}
        params |= {key: _leaf(spec, key) for key in _ALWAYS}
        for group, node in spec.items():
            if isinstance(node, Mapping) and group not in ("tracking", "tags", "checkpoint"):
                params |= self._differing(group, node)
        params |= {key: value for key in self._varied if (value := _leaf(spec, key)) is not None}
        return {key: str(value) for key, value in params.items() if value is not None}

    def _params_of(self, group: str, node: Mapping[str, Any]) -> dict[str, Any]:
        if group not in LIST_GROUPS:
            return {group: node["option"]} | _differing(group, group, node, self._catalog)
        params: dict[str, Any] = {group: ", ".join(sub["option"] for sub in node.values()) or "none"}
        for entry, sub in node.items():
            params |= _differing(f"{group}.{entry}", group, sub, self._catalog)
        return params


def _key_value(override: str) -> tuple[str, str]:
    key, _, value = override.lstrip("+~").partition("=")
    return key, value


def _is_of_no_run(key: str) -> bool:
    """Whether a key says how a run is recorded or scheduled, not what it is."""
    return key.replace("/", ".").partition(".")[0] in {"hydra", *NOT_IDENTITY} or key in _OF_TRAINER


def _leaf(spec: Mapping[str, Any], key: str) -> Any:
    """The value of a dotted key; None for a group with keys of its own, and where there is none."""
    node: Any = spec
    for part in key.split("."):
        node = node.get(part) if isinstance(node, Mapping) else None
    return None if isinstance(node, Mapping) and node else node


def _differing(prefix: str, group: str, node: Mapping[str, Any], catalog: Catalog) -> dict[str, Any]:
    defaults = catalog.get(group, node["option"]).defaults
    return {f"{prefix}.{key}": value for key, value in node.items() if key != "option" and value != defaults.get(key)}
