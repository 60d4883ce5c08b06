"""Build the object that a config node names: the one place where a name becomes an import."""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dlrun.config.catalog import Catalog, Option
from dlrun.config.expressions import evaluate, names_in
from dlrun.config.raised import place_in, telling_line
from dlrun.config.rules import is_expression
from dlrun.errors import ConfigError, Problem

__all__ = ["arguments", "build", "resolve"]


def resolve(option: Option, task: str | None = None) -> Any:
    """The class or function that `option` names.

    Raises:
        ConfigError: the option has no target for `task`, or one that cannot be imported.
    """
    target = option.target(task)
    if target is None:
        raise _refused(option, f"must name what it builds for task {task} in `_target_`")
    try:
        return pkgutil.resolve_name(target)
    except Exception as error:  # the module is run: it may raise anything
        rule = f"must name something that can be imported: {telling_line(error)}"
        raise _refused(option, rule, target, place_in(_root(option), error)) from error


def build(
    catalog: Catalog,
    group: str,
    node: Mapping[str, Any] | str,
    names: Mapping[str, Any] | None = None,
    task: str | None = None,
) -> Any:
    """Build an option.

    Args:
        catalog: where options are looked up; a name that it does not hold is never imported.
        group: the option's config group.
        node: `{option: NAME, parameter: value, ...}`, or just the name.
        names: what the expressions of the option's `_derived_` arguments may read beside its parameters
            (`steps_per_epoch`, `epochs`, `learning_rate`, ...).
        task: which of an option's targets to take when it has one a task.

    Raises:
        ConfigError: the option file names nothing that can be imported, or parameters that it does not take.
    """
    node = {"option": node} if isinstance(node, str) else node
    option = catalog.get(group, node["option"])
    factory, given = resolve(option, task), arguments(catalog, option, node, names)
    try:
        return factory(**given)
    except (TypeError, ValueError) as error:
        rule, place = f"must take its parameters: {telling_line(error)}", place_in(_root(option), error)
        raise _refused(option, rule, option.target(task), place) from error


def _refused(option: Option, rule: str, got: str | None = None, place: str | None = None) -> ConfigError:
    key = f"{option.group}/{option.name}: _target_"
    return ConfigError([Problem(key, rule.rstrip("."), got, place=place or str(option.path))])


def _root(option: Option) -> Path:
    """The folder that an option's `conf/` lies in, and beside it the modules that it names."""
    return option.path.parents[2]


def arguments(
    catalog: Catalog, option: Option, node: Mapping[str, Any], names: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The constructor arguments of an option: its parameters, nested options built, and what `_derived_` computes.

    A parameter that a `_derived_` expression reads is consumed by it and not passed on.
    """
    values = {key: value for key, value in (option.defaults | dict(node)).items() if key != "option"}
    derived: Mapping[str, str] = option.facts.get("derived", {})
    read = {name for text in derived.values() if is_expression(text) for name in names_in(text)}
    scope = {**(names or {}), **values}
    passed = {key: _argument(catalog, option, key, value) for key, value in values.items() if key not in read}
    return passed | {key: evaluate(text, scope) if is_expression(text) else text for key, text in derived.items()}


def _argument(catalog: Catalog, option: Option, key: str, value: Any) -> Any:
    group = option.parameters[key].rule.option_group
    if group is None or value is None:
        return value
    return build(catalog, group, value)
