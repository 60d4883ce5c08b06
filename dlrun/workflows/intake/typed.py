"""Words `data.KEY=VALUE` behind a file: what is said of it, so that it need not be found out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from dlrun.config.catalog import Catalog
from dlrun.config.declared import problems_of
from dlrun.config.words import COMMAND_LINE
from dlrun.errors import ConfigError, Problem
from dlrun.workflows.intake.settle import plain

__all__ = ["with_words"]


def with_words(
    node: Mapping[str, Any], words: Sequence[str], catalog: Catalog
) -> tuple[dict[str, Any], frozenset[str]]:
    """The node with the words applied, and the keys that they set.

    Raises:
        ConfigError: all that is wrong with them.
    """
    typed: dict[str, Any] = {}
    problems: list[Problem] = []
    for word in words:
        found = _read(word)
        if isinstance(found, Problem):
            problems.append(found)
        else:
            typed |= found
    changed = {**node, **typed}
    problems += problems_of({"data": changed}, catalog)
    if problems:
        raise ConfigError([replace(problem, place=problem.place or COMMAND_LINE) for problem in problems])
    return changed, frozenset(typed)


def _read(word: str) -> dict[str, Any] | Problem:
    try:
        override = OverridesParser.create().parse_override(word)
    except (HydraException, ValueError):
        return Problem(f"'{word}'", "must be data.KEY=VALUE", mend="Such as data.decimal=comma.")
    group, _, name = override.key_or_group.partition(".")
    if override.is_sweep_override() or override.is_delete() or override.is_add():
        key = override.key_or_group
        return Problem(key, "must have one value", got=f"'{word}'", mend=f"Type {key}=VALUE.")
    if group != "data" or not name or name in ("path", "option"):
        mend = "FILE is the path, and tells the option; all else is said when a model is trained on it."
        return Problem(override.key_or_group, "must be a key of the data", got=f"'{word}'", mend=mend)
    return {name: plain(override.value())}
