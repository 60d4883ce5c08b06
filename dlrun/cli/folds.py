"""`--folds 5`: every fold of the split that the words choose."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from dlrun.config.catalog import Catalog
from dlrun.config.roots import Roots
from dlrun.config.words import key_of
from dlrun.errors import UserError

__all__ = ["FOLDED", "fold_words", "typed_beside_folds"]

FOLDED = ("kfold", "repeated", "nested", "grouped", "time")
"""The splits that have folds."""

_CHOSEN = re.compile(r"^\s*- override /split(?:@\S+)?: (\w+)", re.MULTILINE)


def fold_words(words: Sequence[str], folds: int) -> list[str]:
    """What `--folds` stands for: the split where it was not typed, how many folds, and each of them.

    Raises:
        UserError: the repeats or inner folds that are typed are no number.
    """
    catalog = Catalog(Roots.of(Path.cwd()))
    typed = _value(words, "split")
    split = typed or _of_data(words, catalog)
    extra, every = ([] if typed or split != "kfold" else ["split=kfold"]), folds
    extra.append(f"split.folds={folds}")
    if split == "repeated":
        every *= _number(words, "split.repeats", catalog)
    extra.append(f"split.fold={_counted(every)}")
    if split == "nested":
        extra.append(f"split.inner_fold={_counted(_number(words, 'split.inner_folds', catalog))}")
    return extra


def typed_beside_folds(words: Sequence[str]) -> list[str]:
    """The words that set what `--folds` sets."""
    keys = ("split.folds", "split.fold", "split.inner_fold")
    others = [word for word in words if key_of(word) == "split" and _value([word], "split") not in FOLDED]
    return [word for word in words if key_of(word) in keys] + others


def _value(words: Sequence[str], key: str) -> str | None:
    """What is typed for a key, the last time."""
    return next((word.partition("=")[2].strip() for word in reversed(words) if key_of(word) == key), None)


def _of_data(words: Sequence[str], catalog: Catalog) -> str:
    """The split that the data chooses for itself, where it has folds: of a series `time`."""
    data = _value(words, "data")
    if data is None or not catalog.has("data", data):
        return "kfold"
    chosen = _CHOSEN.search(catalog.get("data", data).path.read_text(encoding="utf-8"))
    return chosen[1] if chosen and chosen[1] in FOLDED else "kfold"


def _number(words: Sequence[str], key: str, catalog: Catalog) -> int:
    """A number that is typed, or the option's default."""
    option, name = ("repeated" if key == "split.repeats" else "nested"), key.partition(".")[2]
    value = _value(words, key) or str(catalog.get("split", option).defaults[name])
    if not value.isdecimal():
        raise UserError(f"{key} must be one whole number beside --folds; got {value}. Run them one after the other.")
    return int(value)


def _counted(count: int) -> str:
    return ",".join(map(str, range(count)))
