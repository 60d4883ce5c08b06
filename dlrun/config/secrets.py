"""Environment variables in a config: by name wherever it is written down or shown, by value only where it is used.

OmegaConf's `${oc.env:STORE}` resolves to the variable's value, and so does everything that refers to it: a key that
interpolates another, `oc.decode`, `oc.select`. Inside `by_name` it resolves to its own text instead, so that whatever
is made of it holds `${oc.env:STORE}`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from omegaconf import OmegaConf
from omegaconf.basecontainer import BaseContainer
from omegaconf.errors import GrammarParseError
from omegaconf.grammar.gen.OmegaConfGrammarParser import OmegaConfGrammarParser
from omegaconf.grammar_parser import parse
from omegaconf.resolvers import oc

__all__ = ["by_name", "calls", "foreign_calls", "resolved", "values_in"]

_ENV = "oc.env"
_NONE = object()
_KNOWN = frozenset(
    {_ENV, "oc.create", "oc.decode", "oc.deprecated", "oc.dict.keys", "oc.dict.values", "oc.select"}
)  # not Hydra's `now` and `hydra`: what a run is must not depend on when and where it is composed
_read: ContextVar[list[str] | None] = ContextVar("dlrun_read_from_environment", default=None)


def _env(key: str, default: Any = _NONE) -> Any:
    read = _read.get()
    given = () if default is _NONE else (default,)
    value = oc.env(key, *given)  # raises where there is none: that is told before a run begins
    if read is None:
        return value
    read.append(key)
    return f"${{{_ENV}:{','.join([key, *map(str, given)])}}}"


@contextmanager
def by_name() -> Iterator[list[str]]:
    """Have `oc.env` resolve to its own text inside; gives the list of the variables that were asked for so far."""
    if getattr(BaseContainer._resolvers.get(_ENV), "_dlrun", None) is None:
        OmegaConf.register_new_resolver(_ENV, _env, replace=True)
        BaseContainer._resolvers[_ENV]._dlrun = True
    read: list[str] = []
    token = _read.set(read)
    try:
        yield read
    finally:
        _read.reset(token)


def resolved(node: Mapping[str, Any]) -> dict[str, Any]:
    """Plain values with environment variables put in: for use, never for writing down."""
    token = _read.set(None)
    try:
        values = OmegaConf.to_container(OmegaConf.create(dict(node)), resolve=True)
    finally:
        _read.reset(token)
    assert isinstance(values, dict)
    return {str(key): value for key, value in values.items()}


def values_in(node: Mapping[str, Any]) -> dict[str, str]:
    """The environment variables that a node reads, name to value: what must not be written down or shown."""
    with by_name() as read:
        OmegaConf.to_container(OmegaConf.create(dict(node)), resolve=True)
        return {name: os.environ[name] for name in read if name in os.environ}


def calls(text: str) -> list[str]:
    """The resolvers that a text calls when it is resolved, as written: `oc.env`, `oc.${x}`."""
    if "${" not in text or ":" not in text:
        return []
    found: list[str] = []
    try:
        waiting: list[Any] = [parse(text)]
    except GrammarParseError:  # what cannot be read calls nothing: OmegaConf refuses it
        return []
    except RecursionError:
        return [f"{text[:20]}..."]
    while waiting:
        node = waiting.pop()
        if isinstance(node, OmegaConfGrammarParser.InterpolationResolverContext):
            found.append(node.resolverName().getText())  # type: ignore[no-untyped-call]
        waiting.extend(getattr(node, "children", None) or ())
    return found


def foreign_calls(text: str) -> list[str]:
    """The resolvers among `calls` that are not OmegaConf's own, or whose name is itself made up."""
    return [name for name in calls(text) if name not in _KNOWN]
