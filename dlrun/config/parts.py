"""What was found of the parts of a config, kept while they are the same: points of a sweep share nearly all of them.

A part is a top-level key's value: a group's node, a number. Equal parts of a command's configs are made one object
first (`Interned`), so that "the same" is told by identity. Parts are not to be changed.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from typing import Any, Generic, TypeVar

__all__ = ["Interned", "PerPart", "Remembered"]

T = TypeVar("T")


class Interned:
    """Gives equal parts as one object."""

    def __init__(self) -> None:
        self._known: dict[str, Any] = {}

    def __call__(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The same mapping, of the parts that were met first."""
        return {key: self._one(value) if isinstance(value, dict | list) else value for key, value in values.items()}

    def _one(self, part: Any) -> Any:
        return self._known.setdefault(repr(part), part)  # a text tells 1 from 1.0 and True, as equality does not


class PerPart(Generic[T]):
    """What `function` says of a part, asked once for each."""

    def __init__(self, function: Callable[..., T]) -> None:
        """Ask `function`, whose arguments are a top-level key, its part, and what else `__call__` is given."""
        self._function = function
        self._known: dict[tuple[Hashable, ...], tuple[Any, T]] = {}

    def __call__(self, key: str, part: Any, *more: Hashable) -> T:
        """What the function says; `more` is all that its answer depends on beside the part."""
        mark = (key, _mark(part), *more)
        if mark not in self._known:
            self._known[mark] = part, self._function(key, part, *more)  # the part is kept, or its id would be another's
        return self._known[mark][1]


class Remembered(Generic[T]):
    """What `function` says of a config, asked once for each combination of the parts that it looks at.

    Which these are is not declared anywhere: they are noted while it looks.
    """

    def __init__(self, function: Callable[..., T]) -> None:
        """Ask `function`, whose arguments are a mapping, and what else `__call__` is given."""
        self._function = function
        self._known: dict[tuple[str, ...], dict[tuple[Hashable, ...], tuple[Any, T]]] = {}

    def __call__(self, values: Mapping[str, Any], *more: Hashable) -> T:
        """What the function says; `more` is all that its answer depends on beside the config."""
        for keys, known in self._known.items():
            found = known.get((*more, *(_mark(_part(values, key)) for key in keys)))
            if found is not None:
                return found[1]
        watched = _Watched(values)
        answer = self._function(watched, *more)
        keys = tuple(sorted(watched.read))
        parts = [_part(values, key) for key in keys]
        self._known.setdefault(keys, {})[(*more, *map(_mark, parts))] = parts, answer
        return answer


class _Watched(Mapping[str, Any]):
    """A mapping that notes which keys were asked for, and whether it was looked through."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values
        self.read: set[str] = set()

    def __getitem__(self, key: str) -> Any:
        self.read.add(key)
        return self._values[key]

    def __contains__(self, key: object) -> bool:
        self.read.add(str(key))
        return key in self._values

    def __iter__(self) -> Iterator[str]:
        self.read.add(_KEYS)
        return iter(self._values)

    def __len__(self) -> int:
        self.read.add(_KEYS)
        return len(self._values)


_ABSENT = object()
_KEYS = "*"  # read by who looks through a mapping: which keys it has, in their order


def _part(values: Mapping[str, Any], key: str) -> Any:
    return " ".join(values) if key == _KEYS else values.get(key, _ABSENT)


def _mark(part: Any) -> Hashable:
    """What tells a part from others: a value by itself, a collection by which it is."""
    if isinstance(part, float):
        return repr(part)  # 0.0 and -0.0 are equal, NaN is not even itself
    return (type(part), part) if isinstance(part, str | int | None) else id(part)
