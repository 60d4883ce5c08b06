"""Whether the chosen probes have anything to look at, found without TensorFlow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dlrun.config.catalog import Catalog
from dlrun.errors import Problem
from dlrun.models.grammar import expand
from dlrun.models.nodes import Layer, ending, layers_in

__all__ = ["check_probes"]

_INSIDE = "recurrent_initializer"  # a parameter of layers whose activation is not what they give


def check_probes(spec: Mapping[str, Any], catalog: Catalog) -> Iterator[Problem]:
    """Probes of a model on several devices, and of activations that no hidden layer of the model ends in.

    A model in Python tells its layers when it is built: of it nothing is known here.
    """
    strategy = spec["trainer"]["strategy"]
    if spec["probe"] and strategy != "none":  # its variables give no gradient outside of its own steps
        rule = f"must be [] with trainer.strategy={strategy}: a probe looks at a model on one device"
        yield Problem("probe", rule, got=", ".join(spec["probe"]), mend="Type probe=[] or trainer.strategy=none.")
        return
    wanted = {
        entry: catalog.get("probe", node["option"]).facts.get("looks_at") for entry, node in spec["probe"].items()
    }
    if not any(wanted.values()) or catalog.get("model", spec["model"]["option"]).target() is not None:
        return
    expansion = expand(spec, catalog)
    if expansion.problems:  # told where the model is checked
        return
    there = {name for layer in layers_in(expansion.nodes) if (name := _activation(layer)) not in (None, "linear")}
    for entry, names in wanted.items():
        if names and not there & set(names):
            rule = f"must have something to look at: no hidden layer ends in {_or(names)}"
            got = f"model={spec['model']['option']} with {_or(sorted(there)) if there else 'no activation'}"
            instead = f"; or type activation={names[0]}" if there else ""
            yield Problem(f"probe.{entry}", rule, got, f"Leave it out: ~probe.{entry}{instead}.")


def _activation(layer: Layer) -> str | None:
    return None if _INSIDE in layer.parameters else ending(layer)


def _or(names: Sequence[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} or {last}" if first else last
