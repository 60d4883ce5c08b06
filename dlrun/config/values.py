"""What is wrong with a value, and what was probably meant by it."""

from __future__ import annotations

import re
from typing import Any

from dlrun.config.catalog import Parameter
from dlrun.config.rules import MISSING, Rule, is_expression
from dlrun.config.suggest import nearest
from dlrun.config.text import shown, typed
from dlrun.errors import Problem

__all__ = ["value_problems"]

_SPAN = re.compile(r"^(\d+)(?:-|\.\.|:)(\d+)$")
_PERCENT = re.compile(r"^(\d+(?:\.\d+)?) ?%$")
_YES = {"yes": True, "on": True, "1": True, "no": False, "off": False, "0": False}
_LEAST_PERCENT = 5  # 1.5 is a slip of another kind
_NOTHING = ("none", "nil", "nan", "")


def value_problems(key: str, value: Any, parameter: Parameter) -> list[Problem]:
    """The problem of a value that breaks the parameter's rule; none where it keeps it.

    Args:
        key: as the user would type it.
        parameter: what the value is for.
    """
    rule = parameter.rule
    if value == MISSING:
        meaning = f" ({parameter.meaning})" if parameter.meaning else ""
        return [Problem(key, "must be given a value", mend=f"Set it: {key}=...{meaning}.")]
    if rule.accepts(value):
        return []
    broken = f"must be {rule.describe()}"
    if isinstance(value, list) and len(value) > 1 and all(rule.accepts(item) for item in value):
        words = ",".join(map(typed, value))
        return [Problem(key, broken, got=shown(value), mend=f"To sweep over the values, type -m {key}={words}.")]
    if span := _span(value, rule):
        return [Problem(key, broken, got=shown(value), mend=f"To sweep over them, type -m '{key}={span}'.")]
    right = _meant(value, rule)
    if right is not None:
        got = repr(value) if isinstance(value, float) else shown(value)  # 100.0 is no 100 here
        return [Problem(key, broken, got, mend=f"Did you mean {key}={right}?", instead=(typed(value), right))]
    return [Problem(key, broken, got=shown(value), mend=_default(parameter))]


def _meant(value: Any, rule: Rule) -> str | None:
    """The value as it should have been typed, for slips that are seen again and again."""
    for guess in (_choice, _list_of_one, _out_of_list, _nothing, _switch, _whole, _percent):
        if (right := guess(value, rule)) is not None:
            return right
    return None


def _choice(value: Any, rule: Rule) -> str | None:
    return nearest(str(value), rule.choices)


def _list_of_one(value: Any, rule: Rule) -> str | None:
    return f"[{typed(value)}]" if rule.accepts([value]) else None


def _out_of_list(value: Any, rule: Rule) -> str | None:
    return typed(value[0]) if isinstance(value, list) and len(value) == 1 and rule.accepts(value[0]) else None


def _nothing(value: Any, rule: Rule) -> str | None:
    return "null" if str(value).lower() in _NOTHING and rule.accepts(None) else None


def _switch(value: Any, rule: Rule) -> str | None:
    right = _YES.get(str(value).lower())
    return typed(right) if right is not None and rule.accepts(right) else None


def _whole(value: Any, rule: Rule) -> str | None:
    """`1e3` is no whole number as YAML reads it."""
    whole = isinstance(value, float) and value.is_integer() and rule.accepts(int(value))
    return str(int(value)) if whole else None


def _percent(value: Any, rule: Rule) -> str | None:
    """`30`, where a fraction is asked for: 30 percent."""
    if isinstance(value, str) and (match := _PERCENT.match(value)):
        return typed(float(match[1]) / 100) if rule.accepts(float(match[1]) / 100) else None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return typed(value / 100) if is_number and _LEAST_PERCENT <= value < 100 and rule.accepts(value / 100) else None


def _span(value: Any, rule: Rule) -> str | None:
    """`0-4`, `0..4`, `0:4`: the values from one to the other, which a sweep writes as a range."""
    match = _SPAN.match(value) if isinstance(value, str) else None
    if match is None or not int(match[1]) < int(match[2]):
        return None
    ends = (int(match[1]), int(match[2]))
    return f"range({ends[0]},{ends[1] + 1})" if all(map(rule.accepts, ends)) else None


def _default(parameter: Parameter) -> str | None:
    default = parameter.default
    if default in (MISSING, None) or is_expression(default) or isinstance(default, list | dict):
        return None
    return f"The default is {typed(default)}."
