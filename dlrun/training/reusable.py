"""The numbers that a compiled program can be fed, as the options declare them."""

from __future__ import annotations

from dlrun.config.build import resolve
from dlrun.config.catalog import Catalog

__all__ = ["reusable_numbers"]

_GROUPS = ("layer", "regularizer", "optimizer", "loss", "augment")


def reusable_numbers(catalog: Catalog) -> dict[type, tuple[str, ...]]:
    """What the options' `_reusable_` say: the names of attributes, by the class that the option builds."""
    found: dict[type, tuple[str, ...]] = {}
    for group in _GROUPS:
        for name in catalog.names(group):
            option = catalog.get(group, name)
            if names := option.facts.get("reusable"):
                found[resolve(option)] = tuple(names)
    return found
