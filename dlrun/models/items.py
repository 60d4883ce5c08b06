"""Read one item of a model's list: a layer's name or a structural word, its value, and what stands beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dlrun.config.catalog import Catalog
from dlrun.config.suggest import nearest
from dlrun.config.text import shown, typed
from dlrun.errors import Problem

__all__ = ["STRUCTURE", "Item", "read_item", "unknown_layer"]

STRUCTURE: Mapping[str, tuple[str, ...]] = {
    "for": ("layers",),
    "repeat": ("layers",),
    "residual": ("shortcut", "merge"),
    "branches": ("merge",),
    "shared": ("layers", "merge"),
    "save": (),
    "join": ("merge",),
    "when": ("layers",),
}
"""The structural words, and the companions that may stand beside each."""

_COMPANIONS = ("layers", "shortcut", "merge", "when")


@dataclass(frozen=True)
class Item:
    """One item.

    Attributes:
        word: a structural word or the name of a layer option.
        value: what stands behind it.
        companions: the keys beside it: `layers`, `shortcut`, `merge`.
        when: the condition on which it is there; True where none is written.
    """

    word: str
    value: Any
    companions: Mapping[str, Any]
    when: Any = True


def read_item(item: Any, path: str, place: str | None) -> Item | Problem:
    """What `item` says, or what is wrong with its form."""
    if isinstance(item, str):
        return _companions_checked(Item(item, None, {}), path, place)
    if not isinstance(item, Mapping):
        mend = "Write a layer's name, {name: value} or {name: {parameter: value}}."
        return Problem(path, "must be a layer or a structural word", got=shown(item), mend=mend, place=place)
    words = [str(key) for key in item if key not in _COMPANIONS]
    beside = {key: value for key, value in item.items() if key in _COMPANIONS}
    if not words and "when" in beside and "layers" in beside:
        return Item("when", None, {"layers": beside["layers"]}, beside["when"])
    if len(words) != 1:
        first = words[0] if words else "dense"
        got = ", ".join(map(str, item)) or "nothing"
        mend = f"Parameters stand inside: `{first}: {{parameter: value}}`."
        if (word := next((each for each in words if "layers" in STRUCTURE.get(each, ())), None)) is not None:
            inner = ", ".join(f"{{{key}: {typed(item[key])}}}" for key in words if key != word)
            mend = f"What {word} builds stands in `layers` beside it: `layers: [{inner}]`."
        return Problem(path, "must name one layer or structural word", got=got, mend=mend, place=place)
    when = beside.pop("when", True)
    return _companions_checked(Item(words[0], item[words[0]], beside, when), path, place)


def _companions_checked(item: Item, path: str, place: str | None) -> Item | Problem:
    allowed = STRUCTURE.get(item.word, ())
    if extra := sorted(item.companions.keys() - set(allowed)):
        mend = f"{item.word} takes {' and '.join((*allowed, 'when'))} beside it."
        rule = f"must not stand beside {item.word}"
        return Problem(f"{path}.{extra[0]}", rule, mend=mend, place=place)
    if "layers" in allowed and "layers" not in item.companions:
        mend = f"Write `layers: [...]` beside {item.word}."
        return Problem(path, f"must have layers beside {item.word}", mend=mend, place=place)
    return item


def unknown_layer(item: Item, path: str, place: str | None, known: tuple[str, ...], catalog: Catalog) -> Problem:
    """The problem of an item whose word is neither a structural word nor a layer's name."""
    found = nearest(item.word, (*known, *STRUCTURE))
    mend = f"Did you mean {found}?" if found else "`dlrun ls layer` lists the layers."
    if catalog.has("activation", item.word) and item.value is None:
        mend = f"Write `activation: {item.word}`."
    rule = "must be a layer option or a structural word"
    return Problem(path, rule, got=shown(item.word), mend=mend, place=place)
