"""`$expressions`: arithmetic, and nothing that could run code or eat memory."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlrun.config.expressions import ExpressionError, evaluate, names_in

NAMES = {"f": [64, 128, 256], "width": 3, "on": True, "off": False, "name": "relu"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$width", 3),
        ("$2 * width + 1", 7),
        ("$f[0]", 64),
        ("$f[:-1][::-1]", [128, 64]),
        ("$-width", -3),
        ("$width // 2", 1),
        ("$on and not off", True),
        ("$off or width", 3),
        ("$1 < width <= 3", True),
        ("$'wide' if width > 2 else 'narrow'", "wide"),
        ("$name == 'relu'", True),
        ("$[width, 2 * width]", [3, 6]),
        ("$true and null == null", True),
    ],
)
def test_value(text: str, value: object) -> None:
    assert evaluate(text, NAMES) == value


@pytest.mark.parametrize(
    "text",
    [
        "$__import__('os').system('true')",
        "$f.append(1)",
        "$(lambda: 1)()",
        "$[x for x in f]",
        "$f'{width}'",
        "$width := 2",
        "$9 ** 9 ** 9",
        "$'a' * 10 ** 9",
        "$[0] * 10 ** 9",
        "$b'bytes'",
        "$1 / 0",
        "$f[10]",
        "$missing",
        "$",
        "$" + "(" * 5000,
        "$width is 3",
    ],
)
def test_refused(text: str) -> None:
    with pytest.raises(ExpressionError):
        evaluate(text, NAMES)


def test_the_unknown_name_is_told() -> None:
    with pytest.raises(ExpressionError) as caught:
        evaluate("$2 * widht", NAMES)
    assert caught.value.unknown == "widht"


def test_names_in() -> None:
    assert set(names_in("$a * b[i] if c else 1")) == {"a", "b", "i", "c"}


@given(st.text(max_size=60))
def test_any_text_has_a_value_or_an_expression_error(text: str) -> None:
    with contextlib.suppress(ExpressionError):
        evaluate("$" + text, NAMES)
