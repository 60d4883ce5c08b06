"""What `$names` mean at one place of a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

__all__ = ["GROUPS", "UNKNOWN", "Scope", "Unknown", "has_unknown"]

GROUPS = ("activation", "initializer", "regularizer", "constraint")
"""Model-wide groups: an option chosen once that layers read as `$activation`, `$initializer`, ..."""


class Unknown(Enum):
    """A value that cannot be had: its expression is wrong, or it is the variable of a loop without passes."""

    VALUE = "unknown"


UNKNOWN = Unknown.VALUE


def has_unknown(value: Any) -> bool:
    """Whether some part of `value` cannot be had."""
    if isinstance(value, Mapping):
        return any(has_unknown(part) for part in value.values())
    return any(has_unknown(part) for part in value) if isinstance(value, list | tuple) else value is UNKNOWN


@dataclass(frozen=True)
class Scope:
    """The names bound at one place; what is bound later hides what was bound before.

    Attributes:
        names: every name that `$` may read here.
        own: those of them that mean the model's keys and groups, hidden by nothing nearer.
        used: the model's keys and groups that were read; one set for the whole model.
        place: the file and line of the items at hand, where it is known.
        blocks: the blocks around the place, outermost first.
        root: the model's own scope, None where this is it.
        neutral: what the defaults of layer options read in place of `names`: the output layer does not take the
            model-wide groups unless it asks for them.
    """

    names: Mapping[str, Any]
    own: frozenset[str]
    used: set[str]
    place: str | None = None
    blocks: tuple[str, ...] = ()
    root: Scope | None = None
    neutral: Mapping[str, Any] = field(default_factory=dict)

    def bind(self, names: Mapping[str, Any]) -> Scope:
        """This scope with `names` bound on top."""
        return replace(self, names={**self.names, **names}, own=self.own - names.keys(), root=self.root or self)

    def inside(self, block: str, place: str) -> Scope:
        """The scope that the items of `block` start from: the model's, without the caller's names."""
        root = self.root or self
        return replace(root, root=root, blocks=(*self.blocks, block), place=place)

    @property
    def of_defaults(self) -> Scope:
        """Where the defaults of a layer option are evaluated."""
        if not self.neutral:
            return self
        return replace(self, names={**self.names, **self.neutral}, own=self.own - self.neutral.keys())
