"""What a dataset asks for, told before TensorFlow, scikit-learn or pandas is imported.

An option says it in facts, which may be expressions over its parameters:

    _task_: "$'binary' if centers == 2 else 'multiclass'"
    _classes_: $centers
    _samples_: $samples
    _shape_: [$features]
    _given_: [groups]

An option whose answer lies in a file names a function in `_inspect_` that looks at the file.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from dlrun.config.catalog import Catalog, Option
from dlrun.config.expressions import ExpressionError, evaluate
from dlrun.config.roots import Roots
from dlrun.config.rules import is_expression
from dlrun.data.columns import Column
from dlrun.data.dataset import TASKS
from dlrun.errors import ConfigError, Problem

__all__ = ["Declaration", "Inspect", "declare"]


@dataclass(frozen=True)
class Declaration:
    """What is known of a dataset without loading it.

    Attributes:
        task: one of `dataset.TASKS`; None when problems keep it from being told.
        classes: how many classes; None for regression.
        problems: everything that makes the data unusable.
        samples: how many samples; None when it is not known before loading.
        shape: the shape of one sample; None when it is not known before loading.
        given: which of `groups`, `times` and `parts` the samples come with; None when it is not known before loading.
        columns: of a table; None when they are not known, or samples are no rows of columns.
    """

    task: str | None
    classes: int | None
    problems: list[Problem] = field(default_factory=list)
    samples: int | None = None
    shape: tuple[int, ...] | None = None
    given: frozenset[str] | None = None
    columns: tuple[Column, ...] | None = None


Inspect = Callable[[Mapping[str, Any], Roots], Declaration]
"""What `_inspect_` names: parameters of the option and where files are looked for, to what the file declares."""


def declare(node: Mapping[str, Any], catalog: Catalog) -> Declaration:
    """What the data of a config asks for.

    Args:
        node: the config's `data` node, its values checked against their rules.
        catalog: where the option is looked up; its roots are where files are looked for.

    Raises:
        ConfigError: the option's file declares nonsense.
    """
    option = catalog.get("data", node["option"])
    values = option.defaults | {key: value for key, value in node.items() if key != "option"}
    if "inspect" in option.facts:
        inspect: Inspect = pkgutil.resolve_name(option.facts["inspect"])
        found = inspect(values, catalog.roots)
        return replace(found, problems=list(found.problems))  # an inspection may be kept: hand out a list of its own
    task = _fact(option, "task", values)
    if task not in TASKS:
        raise _wrong(option, "task", f"must be one of {', '.join(TASKS)}", task)
    shape = _fact(option, "shape", values)
    return Declaration(
        task=task,
        classes=_fact(option, "classes", values),
        samples=_fact(option, "samples", values),
        shape=None if shape is None else tuple(shape),
        given=frozenset(_fact(option, "given", values) or ()),
    )


def _fact(option: Option, name: str, values: Mapping[str, Any]) -> Any:
    try:
        return _value(option.facts.get(name), values)
    except ExpressionError as error:
        raise _wrong(option, name, f"must have a value: {error}", option.facts[name]) from error


def _value(fact: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(fact, list):
        return [_value(item, values) for item in fact]
    return evaluate(fact, values) if is_expression(fact) else fact


def _wrong(option: Option, name: str, rule: str, got: object) -> ConfigError:
    return ConfigError([Problem(f"data/{option.name}: _{name}_", rule, got=str(got), place=str(option.path))])
