"""The rule of a parameter, from its trailing comment."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlrun.config.rules import MISSING, RuleSyntaxError, parse_comment


@pytest.mark.parametrize(
    ("comment", "default", "accepted", "refused"),
    [
        ("(0, inf): step size", 0.001, [1, 0.5, 1e9], [0, -1, math.nan, "0.1", True, None]),
        ("[0, 1): rate", 0.0, [0, 0.999], [1, 1.5, -0.1]),
        ("[1, inf): epochs", 30, [1, 10**6], [0, 1.5, 2.0]),
        ("int [1, inf) | full: samples a step", 32, [1, "full"], [0, "half", 1.0]),
        ("float (0, inf) | null: norm", None, [None, 2, 0.1], [0, "null"]),
        ("add | concatenate: how branches meet", "add", ["add", "concatenate"], ["mean", None]),
        ("list of int [1, inf): units", [64], [[], [1, 2]], [[0], [1.5], 3, "64"]),
        ("<initializer> | null: starting values", "$initializer", ["zeros", {"option": "zeros"}, None], [1, []]),
        ("whether to add a bias", True, [True, False], [0, 1, "yes"]),
        ("path: a file", MISSING, ["a.csv"], [1, None]),
        ("int | 0.5 | auto: mixed", 1, [3, 0.5, "auto"], [0.25, "none"]),
        ("mapping: tags", {}, [{}, {"a": 1}], [[], "a"]),
    ],
)
def test_rule_accepts_what_it_says(comment: str, default: object, accepted: list, refused: list) -> None:
    rule, meaning = parse_comment(comment, default)
    assert meaning
    assert [value for value in accepted if not rule.accepts(value)] == []
    assert [value for value in refused if rule.accepts(value)] == []


@pytest.mark.parametrize(
    ("comment", "default"),
    [
        ("(0, inf: step size", 0.1),
        ("[0, x]: rate", 0.1),
        ("[1, 0]: empty", 0.5),
        ("(0, inf): the default is outside", 0.0),
        ("a | b: the default is neither", "c"),
        ("no rule and no type to see", None),
        ("", MISSING),
        ("list of (1: broken", []),
    ],
)
def test_a_rule_that_does_not_parse_is_an_error(comment: str, default: object) -> None:
    with pytest.raises(RuleSyntaxError):
        parse_comment(comment, default)


def test_a_colon_alone_makes_no_rule() -> None:
    rule, meaning = parse_comment("note: Keras says otherwise", 3)
    assert (rule.text, meaning) == ("int", "note: Keras says otherwise")


def test_numbers_have_one_form() -> None:
    rule, _ = parse_comment("(0, inf): step size", 0.001)
    assert repr(rule.normalise(1)) == "1.0"
    units, _ = parse_comment("list of float (0, inf): widths", [1.0])
    assert repr(units.normalise([1, 2.5])) == "[1.0, 2.5]"


@given(st.floats(allow_nan=False), st.floats(-1e6, 1e6), st.floats(0, 1e6))
def test_interval_agrees_with_comparison(value: float, low: float, width: float) -> None:
    rule, _ = parse_comment(f"float [{low!r}, {low + width!r}): x", MISSING)
    assert rule.accepts(value) is (low <= value < low + width)


def test_words_complete_must_be() -> None:
    rule, _ = parse_comment("int [1, inf) | full: samples a step", 32)
    assert rule.describe() == "a whole number in [1, inf) or full"
