"""Values set in a composed config without copying and resolving all of it again.

Points of a sweep mostly choose the same options and differ in numbers. A word that gives a plain value to a key that is
there, and to which nothing else refers, changes that one leaf: it is set in the plain values. Every other word is
applied by Hydra's own function. The outcome is the same (a test compares the two), the price a hundredth.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from hydra.core.override_parser.types import Override, OverrideType
from omegaconf import AnyNode, DictConfig, ListConfig, OmegaConf

from dlrun.config.spec import plain
from dlrun.errors import Problem

__all__ = ["Base", "is_plain"]

_KEY = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
_REFERENCE = re.compile(r"\$\{([^{}:]*)\}")  # to a key; a resolver's call has a colon
_SETS = (OverrideType.CHANGE, OverrideType.ADD, OverrideType.FORCE_ADD)
_STRANGE = ("$", "\\", "???")  # in a text: OmegaConf does more with it than keeping it


@dataclass(frozen=True)
class Base:
    """A composed config with all words applied that do more than set a leaf; not to be changed.

    Attributes:
        keys: of those words.
        problems: what of them does not fit the config.
    """

    config: DictConfig
    keys: Sequence[str] = ()
    problems: Sequence[Problem] = ()
    _taken: dict[str, bool] = field(default_factory=dict, repr=False)

    @property
    def values(self) -> dict[str, Any]:
        """The config as plain values."""
        return self._plain[0]

    @property
    def unresolved(self) -> list[Problem]:
        """What of it cannot be resolved."""
        return self._plain[1]

    @cached_property
    def _plain(self) -> tuple[dict[str, Any], list[Problem]]:
        return plain(self.config)

    def takes(self, key: str) -> bool:
        """Whether a plain value at `key` changes one leaf of the values and nothing else."""
        if key not in self._taken:
            touched = any(_touch(key, other) for other in (*self.keys, *self._referred))
            self._taken[key] = not touched and self._is_leaf(key)
        return self._taken[key]

    def _is_leaf(self, key: str) -> bool:
        node: Any = self.config
        for part in key.split("."):
            if not isinstance(node, DictConfig) or node._is_none() or node._is_interpolation():
                return False
            node = node._get_node(part)
        if isinstance(node, ListConfig):
            return not (node._is_none() or node._is_interpolation())
        return type(node) is AnyNode and not node._is_interpolation()

    @cached_property
    def _referred(self) -> Collection[str]:
        """The keys that values refer to; with '' among them it may be any key."""
        return frozenset(_references(OmegaConf.to_container(self.config, resolve=False)))

    def with_leaves(self, words: Iterable[Override]) -> dict[str, Any]:
        """The plain values with those of `words`, all of which it takes; parts that no word changes are shared."""
        values = dict(self.values)
        own: set[str] = set()
        for word in words:
            *groups, last = word.key_or_group.split(".")
            node, path = values, ""
            for group in groups:
                path = f"{path}.{group}"
                if path not in own:
                    node[group] = dict(node[group])
                    own.add(path)
                node = node[group]
            node[last] = word.value()
        return values


def is_plain(word: Override) -> bool:
    """Whether a word gives a key a value that stays what it is: a number, a text without `$`, a list of these."""
    if word.package is not None or word.type not in _SETS or _KEY.fullmatch(word.key_or_group) is None:
        return False
    value = word.value()
    return all(map(_is_scalar, value)) if isinstance(value, list) else _is_scalar(value)


def _is_scalar(value: Any) -> bool:
    if isinstance(value, str):
        return type(value) is str and not any(sign in value for sign in _STRANGE)
    return value is None or type(value) in (int, float, bool)


def _touch(one: str, other: str) -> bool:
    """Whether two dotted keys are the same or one lies inside the other; '' lies around all."""
    return not other or one == other or one.startswith(f"{other}.") or other.startswith(f"{one}.")


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, str):
        if "${" in node:
            found = _REFERENCE.findall(node)
            simple = len(found) == node.count("${") and all(map(_KEY.fullmatch, found))
            yield from found if simple else [""]
    elif isinstance(node, dict | list):
        for part in node.values() if isinstance(node, dict) else node:
            yield from _references(part)
