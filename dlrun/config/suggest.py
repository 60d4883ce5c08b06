"""The nearest right name for a wrong one: by the words people type for it, then by spelling."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from functools import partial

from dlrun.config.synonyms import synonyms

__all__ = ["did_you_mean", "nearest", "same"]

_CUTOFF = 0.65
_LEAST_PREFIX = 3  # letters that a word must share with a longer name to be its beginning


def same(word: str, candidates: Iterable[str]) -> str | None:
    """The candidate that `word` is another writing of (`EarlyStopping`, `keras.optimizers.Adam`), or a synonym."""
    names = _by_letters(candidates)
    for written in (word, word.rpartition(".")[2]):
        if _letters(written) in names:
            return names[_letters(written)]
    found = (names.get(_letters(name)) for name in synonyms().get(_snake(word), ()))
    return next((name for name in found if name), None)


def nearest(word: str, candidates: Iterable[str], cutoff: float = _CUTOFF) -> str | None:
    """The candidate that `word` most likely means, or None.

    In this order: the `same`, a name that is spelt as much alike as `cutoff`, of 1 - of those that are equally so the
    one that begins like the word -, and the only name that begins with the word or that the word begins with.
    """
    candidates = list(candidates)
    if (found := same(word, candidates)) is not None:
        return found
    names = _by_letters(candidates)
    written = _letters(word)
    close = difflib.get_close_matches(written, names, cutoff=cutoff)
    return names[max(close, key=partial(_likeness, written))] if close else _by_beginning(written, names)


def did_you_mean(word: str, candidates: Iterable[str], shown: str = "{}") -> str | None:
    """A sentence with the nearest candidate, put into `shown`; None when none is near."""
    name = nearest(word, candidates)
    return None if name is None else f"Did you mean {shown.format(name)}?"


def _by_letters(names: Iterable[str]) -> dict[str, str]:
    return {_letters(name): name for name in reversed(list(names))}


def _likeness(word: str, name: str) -> tuple[float, bool]:
    return difflib.SequenceMatcher(None, name, word).ratio(), word[:1] == name[:1]


def _letters(word: str) -> str:
    return word.lower().replace("_", "").replace("-", "")


def _snake(word: str) -> str:
    return word.lower().replace("-", "_").replace(" ", "_")


def _by_beginning(word: str, names: dict[str, str]) -> str | None:
    if len(word) < _LEAST_PREFIX:
        return None
    longer = [name for other, name in names.items() if other.startswith(word)]
    shorter = [name for other, name in names.items() if len(other) >= _LEAST_PREFIX and word.startswith(other)]
    found = longer or shorter
    return found[0] if len(found) == 1 else None
