"""Compare a draft with what is declared: unknown keys, values that break their rule, import paths where none belong."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from dlrun.config.catalog import LIST_GROUPS, Catalog, Option, Parameter, is_fact
from dlrun.config.rules import MISSING, is_expression
from dlrun.config.suggest import did_you_mean, nearest
from dlrun.errors import ConfigError, Problem

__all__ = ["declared_keys", "missing", "problems_of"]

_CLOSE = 0.8  # a name in another part of the config must be this near to be meant


def problems_of(config: Mapping[str, Any], catalog: Catalog) -> list[Problem]:
    """Everything in a resolved draft that is not as its option files declare it.

    Args:
        config: the draft as plain values; `auto` options that follow the task are already replaced.
    """
    problems = [*_untrusted(config)]
    for key, value in config.items():
        if key in catalog.primary.parameters:
            problems += _value_problems(key, value, catalog.primary.parameters[key])
        elif key in LIST_GROUPS:
            problems += _list_problems(key, value, config, catalog)
        elif key in catalog.groups:
            problems += _node_problems(key, key, value, config, catalog)
        else:
            problems.append(_unknown_key(key, config, catalog))
    return problems


def missing(config: Mapping[str, Any], catalog: Catalog) -> list[Problem]:
    """Groups and top-level keys that every run needs and that were taken away: `~model`, `override /model: null`."""
    problems = []
    for group in catalog.chosen_groups:
        if group not in config:
            mend = f"Choose one: {group}={' or '.join(catalog.names(group)[:3])}."
            problems.append(Problem(group, "must be there: a run needs it", got="nothing", mend=mend))
    problems += [_removed(key) for key in catalog.primary.parameters if key not in config]
    return problems


def declared_keys(config: Mapping[str, Any], catalog: Catalog) -> Iterator[str]:
    """The dotted keys that the chosen options declare."""
    yield from catalog.primary.parameters
    for group, node in config.items():
        if group in LIST_GROUPS and isinstance(node, Mapping):
            yield from (f"{group}.{entry}.{key}" for entry, sub in node.items() for key in _keys(group, sub, catalog))
        elif group in catalog.groups:
            yield from (f"{group}.{key}" for key in _keys(group, node, catalog))


def _keys(group: str, node: Any, catalog: Catalog) -> Iterator[str]:
    option = _option_of(group, node, catalog)
    yield from option.parameters if option else ()


def _option_of(group: str, node: Any, catalog: Catalog) -> Option | None:
    name = node.get("option") if isinstance(node, Mapping) else None
    return catalog.get(group, name) if isinstance(name, str) and catalog.has(group, name) else None


def _list_problems(group: str, value: Any, config: Mapping[str, Any], catalog: Catalog) -> list[Problem]:
    if not isinstance(value, Mapping):
        mend = f"Choose with {group}=[{', '.join(catalog.names(group)[:2])}], change with {group}.NAME.KEY=VALUE."
        return [Problem(group, "must be a list of options", got=str(value), mend=mend)]
    problems = []
    for entry, node in value.items():
        problems += _node_problems(group, f"{group}.{entry}", node, config, catalog)
    return problems


def _node_problems(group: str, key: str, node: Any, config: Mapping[str, Any], catalog: Catalog) -> list[Problem]:
    option = _option_of(group, node, catalog)
    if option is None:
        return [_unknown_node(group, key, node, catalog, config)]
    problems = [_removed(f"{key}.{name}") for name in option.parameters if name not in node]
    for name, value in node.items():
        if name == "option" or is_fact(str(name)):
            continue
        parameter = option.parameters.get(name)
        if parameter is None:
            problems.append(_unknown_key(f"{key}.{name}", config, catalog, option))
        elif not (group == "model" and is_expression(value)):  # the grammar of models evaluates and checks these
            problems += _value_problems(f"{key}.{name}", value, parameter)
    return problems


def _removed(key: str) -> Problem:
    return Problem(key, "must have a value", got="nothing", mend=f"Set it, and do not remove it: {key}=VALUE.")


def _unknown_node(group: str, key: str, node: Any, catalog: Catalog, config: Mapping[str, Any]) -> Problem:
    if isinstance(node, Mapping) and "option" not in node:
        if group in LIST_GROUPS:
            entry = key.rpartition(".")[2]
            name = nearest(entry, catalog.names(group)) or "NAME"
            listed = f" dlrun ls {group} lists them." if name == "NAME" else ""
            first = f"Choose it first: +{group}=[{name}].{listed}"
            return Problem(key, "must be chosen before it is changed", got="no such entry", mend=first)
        return _unknown_key(key, config, catalog)
    got = node.get("option") if isinstance(node, Mapping) else node
    right = did_you_mean(str(got), catalog.names(group), shown=f"{group}={{}}")
    return Problem(key, f"must be an option of {group} (dlrun ls {group})", got=str(got), mend=right)


def _unknown_key(key: str, config: Mapping[str, Any], catalog: Catalog, option: Option | None = None) -> Problem:
    where = f"{option.group}/{option.name}" if option else "the config"
    return Problem(key, f"must be a key that {where} declares", mend=_right_key(key, config, catalog, option))


def _right_key(key: str, config: Mapping[str, Any], catalog: Catalog, option: Option | None) -> str | None:
    owner, _, word = key.rpartition(".")
    if option and (name := nearest(word, option.parameters)):
        return f"Did you mean {owner}.{name}?"
    if option and (owners := _owners(word, option.group, catalog)):
        return f"It belongs to {' and '.join(owners)}."
    keys = list(declared_keys(config, catalog))
    last = {key.rpartition(".")[2]: key for key in reversed(keys)}
    if name := nearest(word, last, cutoff=_CLOSE):
        return f"Did you mean {last[name]}?"
    if sentence := did_you_mean(word, [*keys, *catalog.groups]):
        return sentence
    return f"dlrun show {option.group}/{option.name} lists its keys." if option else "dlrun config lists all keys."


def _owners(word: str, group: str, catalog: Catalog) -> list[str]:
    """Choices of the group's options, three at most, that do declare `word`."""
    owners = (name for name in catalog.names(group) if _declares(catalog, group, name, word))
    return [f"{group}={owner}" for owner in itertools.islice(owners, 3)]


def _declares(catalog: Catalog, group: str, name: str, word: str) -> bool:
    try:
        return word in catalog.get(group, name).parameters
    except ConfigError:  # a file that is wrong is told when it is chosen
        return False


def _value_problems(key: str, value: Any, parameter: Parameter) -> list[Problem]:
    rule = parameter.rule
    if value == MISSING:
        meaning = f" ({parameter.meaning})" if parameter.meaning else ""
        return [Problem(key, "must be given a value", mend=f"Set it: {key}=...{meaning}.")]
    if rule.accepts(value):
        return []
    mend = did_you_mean(str(value), rule.choices, shown=f"{key}={{}}")
    if rule.accepts([value]):
        mend = f"Did you mean {key}=[{value}]?"
    return [Problem(key, f"must be {rule.describe()}", got=_shown(value), mend=mend)]


def _shown(value: Any) -> str:
    return f"'{value}'" if isinstance(value, str) else "null" if value is None else str(value)


def _untrusted(node: Any, path: str = "") -> Iterator[Problem]:
    """Import paths are for option files: in a config they would let a stranger's file run code."""
    items = node.items() if isinstance(node, Mapping) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        here = f"{path}.{key}" if path else str(key)
        if isinstance(key, str) and is_fact(key):
            mend = "Choose an option by name; a class of your own gets an option file in your project's conf/."
            yield Problem(here, "must not stand in a config: it belongs into option files", got=str(value), mend=mend)
        else:
            yield from _untrusted(value, here)
