"""Words that may help a run: of several, the first that the run would accept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dlrun.config.catalog import LIST_GROUPS, Catalog
from dlrun.models import grammar
from dlrun.training import checks

__all__ = ["Change", "Mends"]

Change = tuple[str, Any]
"""A key and its new value; of a group the name of an option, of a list group a list of names."""

_FAR = 100  # times the option's own learning rate, or a share of it: steps of ten would take several runs to come back


class Mends:
    """What can be tried with a run.

    Args:
        spec: the run's.
        catalog: where options are looked up.
    """

    def __init__(self, spec: Mapping[str, Any], catalog: Catalog) -> None:
        self._spec = spec
        self._catalog = catalog

    def first(self, *changes: Change) -> str:
        """The first of `changes` that changes something and that the run would accept, as typed; empty if none is."""
        for key, value in changes:
            if self._accepted(key, value):
                return f"{key}={_typed(value)}"
        return ""

    def learning_rate(self, factor: float) -> Change:
        """The optimizer's learning rate, times `factor`; of a rate far from its option's own a way back at once.

        From far above that is the option's own. From far below the rate is looked for: a good one may lie above it or
        below, and one that is too high does more harm than one that is too low.
        """
        key, rate = "optimizer.learning_rate", self._spec["optimizer"].get("learning_rate")
        usual = self._node("optimizer", self._spec["optimizer"]["option"]).get("learning_rate")
        if rate is None:
            return key, None
        if usual and factor < 1 and rate > _FAR * usual:
            return key, usual
        if usual and factor > 1 and rate * _FAR < usual:
            return "trainer.lr_finder", True
        return key, float(f"{rate * factor:.1g}")

    def wider(self) -> Change:
        """Twice the hidden units, or a network with hidden layers where there are none."""
        hidden = self._spec["model"].get("hidden")
        if isinstance(hidden, list) and hidden and all(isinstance(units, int) for units in hidden):
            return "model.hidden", [64, 64] if max(hidden) < 32 else [2 * units for units in hidden]
        return "model", "mlp"

    def _accepted(self, key: str, value: Any) -> bool:
        spec = self._changed(key, value)
        if spec is None or spec == dict(self._spec):
            return False
        return not (grammar.check(spec, self._catalog, chosen={key}) or checks.check(spec, self._catalog))

    def _changed(self, key: str, value: Any) -> dict[str, Any] | None:
        """The spec with the change; None where it has no such key or option."""
        group, _, name = key.partition(".")
        node = self._spec.get(group)
        if node is None or value is None:
            return None
        if name:
            return {**self._spec, group: {**node, name: value}} if name in node else None
        if group in LIST_GROUPS:
            return {**self._spec, group: {each: node.get(each) or self._node(group, each) for each in value}}
        if value == node["option"] or dict(node) != self._node(group, node["option"]):
            return None  # a word that sets a key of the present option would not fit another one
        return {**self._spec, group: self._node(group, value)}

    def _node(self, group: str, option: str) -> dict[str, Any]:
        return {"option": option, **self._catalog.get(group, option).defaults}


def _typed(value: Any) -> str:
    if isinstance(value, list):
        return f"[{','.join(map(_typed, value))}]"
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)
