"""Whether a model reads sequences: what decides how texts are handed to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dlrun.config.catalog import Catalog

__all__ = ["reads_sequences"]

_SEQUENCE = 2  # dimensions of a sample: steps and what is in each
_INNER = ("layers", "residual")


def reads_sequences(spec: Mapping[str, Any], catalog: Catalog) -> bool:
    """Whether the first layer of a spec's model that cares takes samples of (steps, features)."""
    return _first_rank(spec["model"].get("layers") or [], catalog) == _SEQUENCE


def _first_rank(items: Any, catalog: Catalog) -> int | None:
    """The `_rank_` of the first layer that has one; 0 where one before it makes another shape of any."""
    for item in items if isinstance(items, Sequence) and not isinstance(items, str) else ():
        names = [item] if isinstance(item, str) else list(item) if isinstance(item, Mapping) else []
        for name in names:
            if name in _INNER:
                found = _first_rank(item[name], catalog)
            elif name in catalog.names("layer"):
                option = catalog.get("layer", name)
                found = 0 if option.facts.get("reshapes") else option.facts.get("rank")
                found = _first_rank(option.facts["layers"], catalog) if "layers" in option.facts else found
            else:
                continue
            if found is not None:
                return int(found)
    return None
