"""A run's spec as dotted keys, kept in parts: ten thousand runs of a sweep share all but a few of them.

A part is one top-level key with what is below it. What differs among runs is looked for in the parts that differ, and
runs that share a part share one object.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from dlrun.config.spec import flatten

__all__ = ["Part", "Pool", "RunSpec", "distinct_parts", "parts_of"]

Part = Mapping[str, Any]
"""Dotted keys to values, all below one top-level key."""

_NONE: Final[Part] = {}


class RunSpec(Mapping[str, Any]):
    """Dotted keys to values, as `dlrun.config.spec.flatten` gives them.

    Args:
        parts: top-level key to its part, in the order of the config.
    """

    __slots__ = ("parts",)

    def __init__(self, parts: Mapping[str, Part]) -> None:
        self.parts = parts

    def __getitem__(self, key: str) -> Any:
        return self.parts[key.partition(".")[0]][key]

    def get(self, key: str, default: Any = None) -> Any:
        """The value of a dotted key, or `default`: Mapping's own goes through an exception."""
        return self.parts.get(key.partition(".")[0], _NONE).get(key, default)

    def __iter__(self) -> Iterator[str]:
        return (key for part in self.parts.values() for key in part)

    def __len__(self) -> int:
        return sum(map(len, self.parts.values()))

    def __bool__(self) -> bool:
        return bool(self.parts)

    def __repr__(self) -> str:
        return f"RunSpec({dict(self)!r})"


class Pool:
    """Gives equal parts the same object."""

    def __init__(self) -> None:
        self._known: dict[str, Part] = {}

    def spec(self, content: Mapping[str, Any]) -> RunSpec:
        """The spec that a `spec.json` holds."""
        return RunSpec({key: self._part(key, value) for key, value in content.items()})

    def _part(self, key: str, value: Any) -> Part:
        part = flatten({key: value})
        return self._known.setdefault(json.dumps(part), part)


def parts_of(spec: Mapping[str, Any]) -> Mapping[str, Part]:
    """Top-level keys to parts, of any mapping of dotted keys."""
    if isinstance(spec, RunSpec):
        return spec.parts
    parts: dict[str, dict[str, Any]] = {}
    for key, value in spec.items():
        parts.setdefault(key.partition(".")[0], {})[key] = value
    return parts


def distinct_parts(specs: Iterable[Mapping[str, Part]], top: str) -> list[Part]:
    """The parts below `top`, each object once, in the order met; an empty one where a spec has none."""
    below = [parts.get(top, _NONE) for parts in specs]
    return list(dict(zip(map(id, below), below, strict=True)).values())
