"""What to type against a finding, of the keys that the run's data has."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from dlrun.data.tables.layout import as_override

__all__ = ["PEOPLE", "dropping", "emptying", "filling", "grouping", "has_key", "shortest", "stands_in", "timing"]

PEOPLE = re.compile(
    r"(^|_)(patient|subject|user|customer|client|person|participant|speaker|author|session|device|household|family"
    r"|sensor|machine|store|school|hospital|account|member|student|driver|animal)(_?(id|no|nr|number|code|name))?$",
    re.IGNORECASE,
)
"""Names of columns that say whose the row is."""

_STANDS_IN = {
    "mean": "the mean of their column stands in for them",
    "median": "the median of their column stands in for them",
    "mode": "the most frequent value of their column stands in for them",
    "constant": "preprocess.impute_value stands in for them",
    "nearest": "the mean of the nearest rows stands in for them",
    "iterative": "a regression on the other columns stands in for them",
    "mask": "nothing stands in for them",
    "none": "nothing stands in for them, and the run stops",
}


def has_key(spec: Mapping[str, Any], key: str) -> bool:
    """Whether the run's data option has a key."""
    return key in spec["data"]


def dropping(spec: Mapping[str, Any], names: Sequence[str]) -> str:
    """How to leave out columns beside those that are left out already."""
    if not has_key(spec, "drop"):
        return "Leave it out of the data." if len(names) == 1 else "Leave them out of the data."
    return as_override("data.drop", list(dict.fromkeys([*map(str, spec["data"]["drop"]), *names])))


def grouping(spec: Mapping[str, Any], name: str | None = None) -> str:
    """How to keep the rows of a group together."""
    if name is None or not has_key(spec, "group"):
        return "split=grouped"
    return f"split=grouped {as_override('data.group', name)}"


def timing(spec: Mapping[str, Any], name: str | None = None) -> str:
    """How to train on the past and test on what came after."""
    if name is None or not has_key(spec, "time"):
        return "split=time"
    return f"split=time {as_override('data.time', name)}"


def stands_in(spec: Mapping[str, Any], kinds: Collection[str] = ("number",)) -> str:
    """What the run's recipe puts in place of missing cells of columns of these kinds; empty where nothing is known."""
    if not {"number", "flag", "date"} & set(kinds):
        return "an empty cell is a word of its own"
    node = spec["preprocess"]
    if "impute" not in node:  # an option that only scales
        return ""
    chosen = node["impute"]["option"] if isinstance(node["impute"], Mapping) else node["impute"]
    return _STANDS_IN.get(chosen, f"preprocess.impute={chosen} stands in for them")


def filling(spec: Mapping[str, Any]) -> str:
    """What to do about missing cells where what stands in for them is not wanted."""
    return "data.missing=drop_rows leaves the rows out." if has_key(spec, "missing") else "Fill them in the data."


def shortest(value: float) -> str:
    """A cell's number as it is written in the fewest digits: cells are held in 32 bits."""
    return np.format_float_positional(np.float32(value), trim="-")


def emptying(spec: Mapping[str, Any], values: Sequence[float]) -> str:
    """How to have numbers that stand for missing ones read as such; empty where the data has no words for that."""
    if not has_key(spec, "missing_words"):
        return ""
    known = [str(word) for word in spec["data"]["missing_words"]]
    numbers = list(dict.fromkeys(map(shortest, values)))
    if known:
        return as_override("data.missing_words", [*known, *numbers])
    return shlex.quote(f"data.missing_words=[{','.join(numbers)}]")
