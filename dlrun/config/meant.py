"""What a key that nothing declares was probably meant to be."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dlrun.config.catalog import LIST_GROUPS, Catalog, Option
from dlrun.config.suggest import nearest, same
from dlrun.config.synonyms import NEEDLESS
from dlrun.errors import ConfigError

__all__ = ["Meant", "declared_keys", "meant_key", "option_of"]

_CLOSE = 0.8  # a name in another part of the config must be this near to be meant
_OWNERS = 3  # choices that are named for a key that they declare


@dataclass(frozen=True)
class Meant:
    """A sentence that says it, and the right key, '' where it is not as simple as that."""

    sentence: str
    key: str = ""


def meant_key(key: str, config: Mapping[str, Any], catalog: Catalog, option: Option | None = None) -> Meant:
    """What was meant by `key`.

    Args:
        config: the draft, whose chosen options declare the right keys.
        option: the option that lies at the key's owner and does not declare it; None for keys at the top.
    """
    word = key.rpartition(".")[2]
    if word in NEEDLESS and (option is None or not _owners(word, option.group, catalog)):
        return Meant(NEEDLESS[word])
    last = {known.rpartition(".")[2]: known for known in reversed(list(declared_keys(config, catalog)))}
    tops = [*catalog.primary.parameters, *_choosable(catalog)]
    if option is not None:
        found = _in_option(key, word, option, catalog)
        known = last.get(same(word, last) or "") or same(word, tops) or _entry(word, config)
        return found or _renamed(known) or _listed(option)
    return (
        _renamed(last.get(same(word, last) or "") or same(word, tops))
        or _elsewhere(word, catalog)
        or _as_option(word, catalog)
        or _renamed(last.get(nearest(word, last, _CLOSE) or "") or nearest(word, tops))
        or Meant("dlrun config lists all keys.")
    )


def _in_option(key: str, word: str, option: Option, catalog: Catalog) -> Meant | None:
    owner = key.rpartition(".")[0]
    name = same(word, option.parameters) or _in_plural(word, option)
    if name is None and (owners := _owners(word, option.group, catalog)):
        return Meant(f"It belongs to {' and '.join(owners)}.")
    name = name or nearest(word, option.parameters)
    return _renamed(f"{owner}.{name}") if name else None


def _in_plural(word: str, option: Option) -> str | None:
    """The option's own key that differs by an s alone: nearer than the same word elsewhere."""
    return next((name for name in option.parameters if name.rstrip("s") == word.rstrip("s")), None)


def _renamed(right: str | None) -> Meant | None:
    return Meant(f"Did you mean {right}?", right) if right else None


def _entry(word: str, config: Mapping[str, Any]) -> str | None:
    """The chosen option of that name, whose keys stand below its group: `callback.early_stopping`."""
    return next((f"{group}.{word}" for group in LIST_GROUPS if word in (config.get(group) or ())), None)


def _listed(option: Option) -> Meant:
    return Meant(f"dlrun show {option.group}/{option.name} lists its keys.")


def _as_option(word: str, catalog: Catalog) -> Meant | None:
    """`l2=0.01`, `adam=...`: the name of an option, which is chosen by its group."""
    for group in _choosable(catalog):
        if (name := same(word, catalog.names(group))) and name != "none":
            chosen = f"{group}=[{name}]" if group in LIST_GROUPS else f"{group}={name}"
            return Meant(f"It is an option of {group}: type {chosen}; dlrun show {group}/{name} lists its keys.")
    return None


def _elsewhere(word: str, catalog: Catalog) -> Meant | None:
    """A key of an option that is not chosen."""
    for group in _choosable(catalog):
        if word in catalog.names(group):  # l2 is an option before it is a key of l1_l2
            return None
        if owners := _owners(word, group, catalog):
            return Meant(f"It belongs to {' and '.join(owners)}, as {_prefix(owners[0])}.{word}.")
    return None


def _prefix(choice: str) -> str:
    group, _, name = choice.partition("=")
    return f"{group}.{name.strip('[]')}" if group in LIST_GROUPS else group


def _owners(word: str, group: str, catalog: Catalog) -> list[str]:
    """Choices of the group's options, a few at most, that do declare `word`."""
    owners = (name for name in catalog.names(group) if _declares(catalog, group, name, word))
    shown = f"{group}=[{{}}]" if group in LIST_GROUPS else f"{group}={{}}"
    return [shown.format(owner) for owner in itertools.islice(owners, _OWNERS)]


def _declares(catalog: Catalog, group: str, name: str, word: str) -> bool:
    try:
        return word in catalog.get(group, name).parameters
    except ConfigError:  # a file that is wrong is told when it is chosen
        return False


def _choosable(catalog: Catalog) -> list[str]:
    """The groups of which the command line chooses options: layers are chosen in models."""
    return [*catalog.chosen_groups, *(group for group in catalog.groups if group in LIST_GROUPS)]


def declared_keys(config: Mapping[str, Any], catalog: Catalog) -> Iterator[str]:
    """The dotted keys that the chosen options declare."""
    yield from catalog.primary.parameters
    for group, node in config.items():
        if group in LIST_GROUPS and isinstance(node, Mapping):
            yield from (f"{group}.{entry}.{key}" for entry, sub in node.items() for key in _keys(group, sub, catalog))
        elif group in catalog.groups:
            yield from (f"{group}.{key}" for key in _keys(group, node, catalog))


def _keys(group: str, node: Any, catalog: Catalog) -> Iterator[str]:
    option = option_of(group, node, catalog)
    yield from option.parameters if option else ()


def option_of(group: str, node: Any, catalog: Catalog) -> Option | None:
    """The option that a node of the draft names, if there is one of that name."""
    name = node.get("option") if isinstance(node, Mapping) else None
    return catalog.get(group, name) if isinstance(name, str) and catalog.has(group, name) else None
