"""JSON Schema (draft-07) of rules, parameters and options, so that an editor completes and underlines.

An editor sees a file while it is written, before it is composed: a value may be an interpolation, `${seed}`, and in a
model an expression, `$width`, which are checked once they have a value. Draft-07 is what YAML language servers speak
best.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from dlrun.config.catalog import Catalog, Option, Parameter
from dlrun.config.rules import MISSING, Rule
from dlrun.config.text import typed

__all__ = [
    "EXPRESSION",
    "INTERPOLATION",
    "Schema",
    "any_of",
    "choice",
    "closed",
    "documented",
    "options_of",
    "parameter",
    "parameter_text",
    "rule",
]

Schema = dict[str, Any]

INTERPOLATION: Schema = {"type": "string", "pattern": "\\$\\{"}
"""Text with a value of OmegaConf's to be put in."""

EXPRESSION: Schema = {"type": "string", "pattern": "^\\$"}
"""An expression of the layer grammar, or an interpolation."""

_TYPES = {"int": "integer", "float": "number", "bool": "boolean", "str": "string", "path": "string", "null": "null"}


def rule(given: Rule, groups: Mapping[str, Schema] | None = None) -> Schema:
    """The schema of the values that a rule accepts.

    Args:
        groups: the schema of a choice in each group that a rule may name, `<initializer>`.
    """
    words = [a.literal for a in given.alternatives if a.kind == "literal"]
    others = [_alternative(a, groups or {}) for a in given.alternatives if a.kind != "literal"]
    return any_of([*([{"enum": words}] if words else []), *others])


def _alternative(alternative: Any, groups: Mapping[str, Schema]) -> Schema:
    kind = alternative.kind
    if kind == "option":
        return groups.get(alternative.literal, {"type": ["string", "object"]})
    if kind == "list":
        items = {} if alternative.item is None else {"items": rule(Rule("", (alternative.item,)), groups)}
        return {"type": "array", **items}
    if kind == "mapping":
        return {"type": "object"}
    return {"type": _TYPES[kind], **_bounds(alternative.interval)} if kind in _TYPES else {}


def _bounds(interval: Any) -> Schema:
    if interval is None:
        return {}
    bounds: Schema = {}
    if math.isfinite(interval.low):
        bounds["exclusiveMinimum" if interval.low_open else "minimum"] = _number(interval.low)
    if math.isfinite(interval.high):
        bounds["exclusiveMaximum" if interval.high_open else "maximum"] = _number(interval.high)
    return bounds


def _number(value: float) -> float | int:
    return int(value) if value == int(value) else value


def any_of(schemas: Iterable[Schema]) -> Schema:
    """What satisfies one of several schemas."""
    found = list(schemas)
    return found[0] if len(found) == 1 else {"anyOf": found}


def parameter(given: Parameter, also: Schema = INTERPOLATION, groups: Mapping[str, Schema] | None = None) -> Schema:
    """The schema of a parameter's values, with its meaning, rule and default as what an editor shows.

    Args:
        also: what may stand there beside what the rule accepts.
    """
    schema = documented(any_of([*_flat(rule(given.rule, groups)), also]), parameter_text(given))
    return schema if given.default == MISSING else schema | {"default": given.default}


def _flat(schema: Schema) -> list[Schema]:
    return schema["anyOf"] if set(schema) == {"anyOf"} else [schema]


def parameter_text(given: Parameter) -> str:
    """What an editor shows of a parameter."""
    default = "required" if given.default == MISSING else f"default {typed(given.default)}"
    meaning = given.meaning[:1].upper() + given.meaning[1:]
    unit = f" in {given.rule.unit}" if given.rule.unit else ""
    return f"{meaning}\n\n{given.rule.text}{unit}; {default}".strip()


def documented(schema: Schema, text: str) -> Schema:
    """The schema with what an editor shows beside it."""
    return {"description": text, **schema}


def closed(properties: Mapping[str, Schema], **further: Any) -> Schema:
    """A mapping that takes these keys and no other."""
    return {"type": "object", "properties": dict(properties), "additionalProperties": False, **further}


def choice(options: Iterable[Option]) -> Schema:
    """The names of options, each with its description."""
    known = list(options)
    return {"enum": [option.name for option in known], "enumDescriptions": [option.description for option in known]}


def options_of(catalog: Catalog, group: str) -> list[Option]:
    """The options of a group that can be read; one broken file must not take the others' completion away."""
    from dlrun.errors import ConfigError

    found = []
    for name in catalog.names(group):
        try:
            found.append(catalog.get(group, name))
        except ConfigError:
            continue
    return found
