"""A rule and its JSON Schema accept the same values."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from dlrun.config import jsonschema
from dlrun.config.rules import parse_comment

bounds = st.floats(-1e6, 1e6).map(lambda value: round(value, 3))
intervals = st.tuples(bounds, bounds, st.booleans(), st.booleans(), st.booleans(), st.booleans()).map(
    lambda drawn: _interval(*drawn)
)
numbers = st.tuples(st.sampled_from(["int", "float"]), st.none() | intervals).map(
    lambda drawn: " ".join(part for part in drawn if part)
)
plain = st.sampled_from(["null", "bool", "str", "path", "mapping", "add", "full", "3", "0.5", "true"])
alternatives = numbers | plain | numbers.map(lambda text: f"list of {text}") | st.just("list")
# alone, a word is taken for the beginning of a sentence
rules = st.lists(alternatives, min_size=1, max_size=3).map(lambda parts: " | ".join(["null", *parts]))
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-10, 10)
    | st.integers()
    | st.floats(allow_nan=False).filter(lambda value: not value.is_integer())  # JSON has one 1, YAML 1 and 1.0
    | st.sampled_from(["add", "full", "", "null", "3"])
)
values = scalars | st.lists(scalars, max_size=3) | st.dictionaries(st.text(max_size=3), scalars, max_size=2)


def _interval(one: float, other: float, no_low: bool, no_high: bool, low_open: bool, high_open: bool) -> str:
    low, high = sorted((one, other))
    start, end = ("-inf" if no_low else str(low)), ("inf" if no_high else str(high))
    return f"{'(' if low_open else '['}{start}, {end}{')' if high_open else ']'}"


def accepted(rule: str, value: Any) -> tuple[bool, bool]:
    """What the rule and what its schema say of a value."""
    parsed, _ = parse_comment(f"{rule}: a meaning", "???")
    return parsed.accepts(value), Draft7Validator(jsonschema.rule(parsed)).is_valid(value)


@settings(max_examples=600, deadline=None)
@given(rules, values)
def test_what_a_rule_accepts_validates_and_nothing_else(rule: str, value: Any) -> None:
    by_rule, by_schema = accepted(rule, value)
    assert by_rule == by_schema


@pytest.mark.parametrize(
    ("rule", "value", "right"),
    [
        ("(0, inf)", 0, False),
        ("[0, 1)", 0, True),
        ("[0, 1)", 1, False),
        ("int [1, inf)", True, False),
        ("int [1, inf) | full", "full", True),
        ("int [1, inf) | full", "ful", False),
        ("float (0, inf) | null", None, True),
        ("list of int [1, inf)", [1, 0], False),
        ("<initializer>", "he_normal", True),
        ("<initializer>", 3, False),
    ],
)
def test_of_each_kind_of_rule_one_value(rule: str, value: Any, right: bool) -> None:
    assert accepted(rule, value) == (right, right)


def test_a_unit_is_no_part_of_the_rule_and_said_by_the_editor() -> None:
    parsed, meaning = parse_comment("int [1, inf) in epochs: without improvement", 10)
    assert (parsed.text, parsed.unit, meaning) == ("int [1, inf)", "epochs", "without improvement")
    assert parsed.accepts(3) and not parsed.accepts(0)
    assert parse_comment("null | full in rows: at once", None)[0].unit == "rows"
    assert parse_comment("how many there are in all: a guess", 3)[0].text == "int", "a sentence is no rule"
