"""Compare a draft with what is declared: unknown keys, values that break their rule, import paths where none belong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dlrun.config.catalog import LIST_GROUPS, Catalog, Option, is_fact
from dlrun.config.meant import meant_key, option_of
from dlrun.config.rules import is_expression
from dlrun.config.suggest import did_you_mean, nearest
from dlrun.config.text import shown
from dlrun.config.trust import is_import_path
from dlrun.config.values import value_problems
from dlrun.errors import Problem

__all__ = ["missing", "problems_of"]


def problems_of(config: Mapping[str, Any], catalog: Catalog) -> list[Problem]:
    """Everything in a resolved draft that is not as its option files declare it.

    Args:
        config: the draft as plain values; `auto` options that follow the task are already replaced.
    """
    problems = [*_untrusted(config)]
    for key, value in config.items():
        if key in catalog.primary.parameters:
            problems += value_problems(key, value, catalog.primary.parameters[key])
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


def _list_problems(group: str, value: Any, config: Mapping[str, Any], catalog: Catalog) -> list[Problem]:
    if not isinstance(value, Mapping):
        mend = f"Choose with {group}=[{', '.join(catalog.names(group)[:2])}], change with {group}.NAME.KEY=VALUE."
        return [Problem(group, "must be a list of options", got=str(value), mend=mend)]
    problems = []
    for entry, node in value.items():
        problems += _node_problems(group, f"{group}.{entry}", node, config, catalog)
    return problems


def _node_problems(group: str, key: str, node: Any, config: Mapping[str, Any], catalog: Catalog) -> list[Problem]:
    option = option_of(group, node, catalog)
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
            problems += value_problems(f"{key}.{name}", value, parameter)
    return problems


def _removed(key: str) -> Problem:
    return Problem(key, "must have a value", got="nothing", mend=f"Set it, and do not remove it: {key}=VALUE.")


def _unknown_node(group: str, key: str, node: Any, catalog: Catalog, config: Mapping[str, Any]) -> Problem:
    if isinstance(node, Mapping) and "option" not in node:
        if group in LIST_GROUPS:
            entry = key.rpartition(".")[2]
            chosen = [name for name, sub in config[group].items() if isinstance(sub, Mapping) and "option" in sub]
            if meant := nearest(entry, chosen):
                known = f"{group}.{meant}"
                rule = f"must be one of the options that are chosen: {', '.join(chosen)}"
                return Problem(key, rule, mend=f"Did you mean {known}?", instead=(key, known))
            name = nearest(entry, catalog.names(group)) or "NAME"
            listed = f" dlrun ls {group} lists them." if name == "NAME" else ""
            first = f"Choose it first: +{group}=[{name}].{listed}"
            return Problem(key, "must be chosen before it is changed", got="no such entry", mend=first)
        return _unknown_key(key, config, catalog)
    if group in LIST_GROUPS and not isinstance(node, Mapping):
        return _no_entry(group, key, node, catalog, config)
    got = node.get("option") if isinstance(node, Mapping) else node
    right = did_you_mean(str(got), catalog.names(group), shown=f"{group}={{}}")
    return Problem(key, f"must be an option of {group} (dlrun ls {group})", got=str(got), mend=right)


def _no_entry(group: str, key: str, value: Any, catalog: Catalog, config: Mapping[str, Any]) -> Problem:
    """`callback.patience=3`, `callback.early_stopping=null`: a value where an option with its keys belongs."""
    entry = key.rpartition(".")[2]
    rule = f"must be an option of {group} with its keys"
    if value in (None, False) and catalog.has(group, entry):
        return Problem(key, rule, got=shown(value), mend=f"To leave it out, type '~{key}'.")
    if catalog.has(group, entry):
        return Problem(key, rule, got=shown(value), mend=f"To choose it, type +{group}=[{entry}].")
    meant = meant_key(entry, {group: config[group]}, catalog)
    return Problem(key, rule, got=shown(value), mend=meant.sentence, instead=(key, meant.key) if meant.key else None)


def _unknown_key(key: str, config: Mapping[str, Any], catalog: Catalog, option: Option | None = None) -> Problem:
    where = f"{option.group}/{option.name}" if option else "the config"
    meant = meant_key(key, config, catalog, option)
    return Problem(key, f"must be a key that {where} declares", mend=meant.sentence, instead=(key, meant.key))


def _untrusted(node: Any, path: str = "") -> Iterator[Problem]:
    """Import paths are for option files: in a config they would let a stranger's file run code."""
    items = node.items() if isinstance(node, Mapping) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        here = f"{path}.{key}" if path else str(key)
        if is_import_path(key):
            mend = "Choose an option by name; a class of your own gets an option file in your project's conf/."
            yield Problem(here, "must not stand in a config: it belongs into option files", got=str(value), mend=mend)
        else:
            yield from _untrusted(value, here)
