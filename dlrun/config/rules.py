"""The rule of a parameter: which values it takes, as its trailing comment says.

    learning_rate: 0.001   # (0, inf): step size
    clipnorm: null         # float (0, inf) | null: rescale each gradient to this norm
    merge: add             # add | concatenate: how the branches meet
    hidden: [64, 64]       # list of int [1, inf): units of each hidden layer
    kernel_initializer: $initializer   # <initializer> | null: starting values

A rule is alternatives separated by `|`; an alternative is a type, an interval, a type with an interval,
`list of` another alternative, `<group>` for an option of that group, or a literal. Where no rule is written,
the default shows the type. A unit may follow:

    patience: 10   # int [1, inf) in epochs: without improvement before it stops
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["MISSING", "Rule", "RuleSyntaxError", "is_expression", "parse_comment"]

MISSING = "???"
_TYPES = ("int", "float", "bool", "str", "list", "mapping", "any", "path")
_WORDS = {
    "null": "null",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "str": "text",
    "path": "a path",
    "list": "a list",
    "mapping": "a mapping",
    "any": "anything",
}
_INTERVAL = re.compile(r"^([\[(])\s*([^,\s]+)\s*,\s*([^,\s]+)\s*([\])])$")
_TYPED = re.compile(rf"^({'|'.join(_TYPES)})\b\s*(.*)$")
_LITERAL = re.compile(r"^[\w.+-]+$")
_COMPARISON = re.compile(r"^([<>])(=?)\s*([-+.\d]\S*)$")
_UNIT = re.compile(r"^(.*\S)\s+in ([a-z][a-z ]*)$")


class RuleSyntaxError(ValueError):
    """A trailing comment looks like a rule and is none."""


def is_expression(value: object) -> bool:
    """Whether a config value is a `$expression` of the layer grammar, to be checked once it has a value."""
    return isinstance(value, str) and value.startswith("$") and not value.startswith("${")  # that is OmegaConf's


@dataclass(frozen=True)
class _Interval:
    low: float
    high: float
    low_open: bool
    high_open: bool

    def __contains__(self, value: float) -> bool:
        above = value > self.low if self.low_open else value >= self.low
        below = value < self.high if self.high_open else value <= self.high
        return above and below

    def __str__(self) -> str:
        low = "(" if self.low_open else "["
        high = ")" if self.high_open else "]"
        return f"{low}{_number(self.low)}, {_number(self.high)}{high}"


def _number(value: float) -> str:
    return str(int(value)) if math.isfinite(value) and value == int(value) else str(value)


@dataclass(frozen=True)
class _Alternative:
    """One way to satisfy a rule: exactly one of the fields beside `kind` may be set."""

    kind: str
    interval: _Interval | None = None
    literal: Any = None
    item: _Alternative | None = None

    def accepts(self, value: Any) -> bool:
        match self.kind:
            case "any":
                return True
            case "null":
                return value is None
            case "literal":
                return type(value) is type(self.literal) and bool(value == self.literal)
            case "bool":
                return isinstance(value, bool)
            case "str" | "path":
                return isinstance(value, str)
            case "option":
                return isinstance(value, str | Mapping)
            case "mapping":
                return isinstance(value, Mapping)
            case "list":
                return isinstance(value, list | tuple) and all(self.item is None or self.item.accepts(v) for v in value)
        return self._accepts_number(value)

    def _accepts_number(self, value: Any) -> bool:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        if self.kind == "int" and not isinstance(value, int):
            return False
        try:
            if math.isnan(float(value)):
                return False
        except OverflowError:  # a whole number of hundreds of digits
            return False
        return self.interval is None or value in self.interval

    def normalise(self, value: Any) -> Any:
        if self.kind == "float":
            return float(value)
        if self.kind == "list" and self.item is not None:
            return [self.item.normalise(v) for v in value]
        return value

    def describe(self) -> str:
        match self.kind:
            case "literal":
                return str(self.literal)
            case "option":
                return f"the name of an option of {self.literal}"
            case "int" | "float" if self.interval and self.interval.low == self.interval.high:
                return _number(self.interval.low)
            case "int" | "float" if self.interval:
                return f"{_WORDS[self.kind]} in {self.interval}"
            case "list" if self.item:
                return f"a list of items, each {self.item.describe()}"
        return _WORDS[self.kind]


@dataclass(frozen=True)
class Rule:
    """Which values a parameter takes.

    Attributes:
        text: the rule as the option file writes it, or as the default implies it, without the unit.
        unit: what a number counts: `epochs`, `pixels`; None where it is a number and no more.
    """

    text: str
    alternatives: tuple[_Alternative, ...]
    unit: str | None = None

    def accepts(self, value: Any) -> bool:
        """Whether `value` satisfies the rule."""
        return any(alternative.accepts(value) for alternative in self.alternatives)

    def normalise(self, value: Any) -> Any:
        """The accepted `value` in its one form: 1 becomes 1.0 where the rule says float."""
        for alternative in self.alternatives:
            if alternative.accepts(value):
                return alternative.normalise(value)
        raise ValueError(f"{value!r} does not satisfy {self.text}")

    @property
    def choices(self) -> tuple[str, ...]:
        """The literal words that the rule lists."""
        return tuple(str(a.literal) for a in self.alternatives if a.kind == "literal")

    @property
    def is_path(self) -> bool:
        """Whether the parameter names a file or folder."""
        return any(alternative.kind == "path" for alternative in self.alternatives)

    @property
    def option_group(self) -> str | None:
        """The config group whose options the parameter takes, if it takes any."""
        return next((str(a.literal) for a in self.alternatives if a.kind == "option"), None)

    def describe(self) -> str:
        """The rule in words that complete "must be ..."."""
        words = [alternative.describe() for alternative in self.alternatives]
        return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " or " + words[-1]


def parse_comment(comment: str, default: Any) -> tuple[Rule, str]:
    """Read a trailing comment into a rule and a meaning.

    Args:
        comment: the text after `#`, without it; may be empty.
        default: the default value, which shows the type where the comment does not.

    Returns:
        The rule and the meaning (empty when there is none).

    Raises:
        RuleSyntaxError: the comment looks like a rule and does not parse, no rule can be had,
            or the default breaks the rule.
    """
    head, separator, tail = comment.partition(":")
    if separator and _looks_like_rule(head):
        text, unit = _without_unit(head.strip())
        rule = Rule(text, tuple(_parse_alternative(part, default) for part in text.split("|")), unit)
        meaning = tail.strip()
    else:
        rule, meaning = _rule_of(default), comment.strip()
    if default != MISSING and not is_expression(default) and not rule.accepts(default):
        raise RuleSyntaxError(f"the default {default!r} does not satisfy the rule '{rule.text}'")
    return rule, meaning


def _without_unit(head: str) -> tuple[str, str | None]:
    match = _UNIT.match(head)
    return (match.group(1), match.group(2)) if match else (head, None)


def _looks_like_rule(head: str) -> bool:
    words = head.split()
    return bool(words) and (words[0] in (*_TYPES, "null") or words[0][0] == ">" or any(sign in head for sign in "|[(<"))


def _rule_of(default: Any) -> Rule:
    if default is None or default == MISSING or is_expression(default):
        raise RuleSyntaxError(f"the default {default!r} shows no type: write a rule, as in `# int [1, inf): ...`")
    kind = _kind_of(default)
    return Rule(kind, (_Alternative(kind),))


def _kind_of(default: Any) -> str:
    if isinstance(default, Mapping):
        return "mapping"
    if isinstance(default, list):
        return "list"
    return {bool: "bool", int: "int", float: "float"}.get(type(default), "str")


def _parse_alternative(text: str, default: Any) -> _Alternative:
    text = text.strip()
    if text == "null":
        return _Alternative("null")
    if text.startswith("<") and text.endswith(">"):
        return _Alternative("option", literal=text[1:-1])
    if text.startswith("list of "):
        return _Alternative("list", item=_parse_alternative(text.removeprefix("list of "), None))
    if interval := _parse_interval(text):
        return _Alternative("int" if type(default) is int else "float", interval=interval)
    if typed := _TYPED.match(text):
        return _typed_alternative(typed.group(1), typed.group(2).strip())
    if comparison := _COMPARISON.match(text):
        raise RuleSyntaxError(f"'{text}' is no rule; write {_as_interval(*comparison.groups())}")
    if not _LITERAL.match(text):
        raise RuleSyntaxError(f"'{text}' is no type, interval or choice")
    return _Alternative("literal", literal=_literal(text))


def _typed_alternative(kind: str, rest: str) -> _Alternative:
    if not rest:
        return _Alternative(kind)
    interval = _parse_interval(rest)
    if interval is None or kind not in ("int", "float"):
        raise RuleSyntaxError(f"'{kind} {rest}' is no type with an interval")
    return _Alternative(kind, interval=interval)


def _parse_interval(text: str) -> _Interval | None:
    match = _INTERVAL.match(text)
    if match is None:
        return None
    try:
        low, high = float(match.group(2)), float(match.group(3))
    except ValueError as error:
        raise RuleSyntaxError(f"'{text}' is no interval: its ends must be numbers, inf or -inf") from error
    if not low <= high:
        raise RuleSyntaxError(f"'{text}' is an empty interval")
    return _Interval(low, high, match.group(1) == "(", match.group(4) == ")")


def _as_interval(sign: str, equal: str, end: str) -> str:
    """`> 0` as an interval: (0, inf)."""
    if sign == ">":
        return f"{'[' if equal else '('}{end}, inf)"
    return f"(-inf, {end}{']' if equal else ')'}"


def _literal(text: str) -> Any:
    for convert in (int, float):
        try:
            return convert(text)
        except ValueError:
            continue
    return {"true": True, "false": False}.get(text, text)
