"""What was found of a config's parts is looked for once, and never taken for another's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from dlrun.config.parts import Interned, PerPart, Remembered


class Looks:
    """Reads some keys of a mapping, and counts."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, values: Mapping[str, Any], *more: Any) -> tuple[Any, ...]:
        self.count += 1
        return (values["a"], values["b"]["x"] if values["a"] else None, values.get("absent"), *more)


def test_only_what_was_read_counts() -> None:
    looks, interned = Looks(), Interned()
    remembered = Remembered(looks)
    for c in range(5):
        assert remembered(interned({"a": 1, "b": {"x": 2}, "c": c})) == (1, 2, None)
    assert looks.count == 1
    assert remembered(interned({"a": 1, "b": {"x": 3}, "c": 0})) == (1, 3, None)
    assert remembered(interned({"a": 0, "b": {"x": 4}})) == (0, None, None)
    assert remembered(interned({"a": 0, "b": {"x": 5}})) == (0, None, None), "where b is not read, it does not count"
    assert looks.count == 3
    assert remembered(interned({"a": 1, "b": {"x": 2}, "absent": 7})) == (1, 2, 7)
    assert remembered(interned({"a": 1, "b": {"x": 2}}), "more") == (1, 2, None, "more")
    assert looks.count == 5


@pytest.mark.parametrize("read", [dict, list, len, lambda values: [*values.items()], lambda values: "new" in values])
def test_who_looks_through_all_keys_has_read_them(read: Any) -> None:
    remembered = Remembered(lambda values: repr(read(values)))
    assert remembered({"a": 1}) != remembered({"a": 1, "new": 2})


@pytest.mark.parametrize("values", [[1, 1.0, True, "1"], [0, 0.0, -0.0, False, None, ""], [[1], [1.0], [True]]])
def test_equal_values_of_different_kinds_are_different_parts(values: list[Any]) -> None:
    interned = Interned()
    remembered, each = Remembered(lambda config: repr(config["a"])), PerPart(lambda _, part: repr(part))
    for value in values:
        config = interned({"a": value})
        assert remembered(config) == each("a", config["a"]) == repr(value)


def test_equal_parts_are_one_object() -> None:
    interned = Interned()
    first, second = (interned({"a": {"x": [1, 2]}, "b": [1]}) for _ in range(2))
    assert first["a"] is second["a"] and first["b"] is second["b"]
    assert interned({"a": {"x": [1, 2.0]}})["a"] is not first["a"]


def test_an_answer_is_for_its_key_and_for_what_else_it_was_asked_with() -> None:
    asked = []
    each = PerPart(lambda key, part, *more: asked.append(key) or (key, part, *more))
    part = {"x": 1}
    assert each("a", part) == each("a", part) == ("a", part)
    assert each("b", part) == ("b", part)
    assert each("a", part, "task") == ("a", part, "task")
    assert asked == ["a", "b", "a"]


def test_a_part_that_is_gone_is_not_taken_for_its_successor() -> None:
    remembered, each = Remembered(lambda config: config["a"]["x"]), PerPart(lambda _, part: part["x"])
    for number in range(100):  # each new mapping may lie where the last one lay
        assert remembered({"a": {"x": number}}) == each("a", {"x": number}) == number
