"""The commands that would tell what two runs do not."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator, Sequence

from dlrun.analysis.contrast.pair import Pair
from dlrun.analysis.contrast.settings import Factor
from dlrun.analysis.contrast.side import Side
from dlrun.analysis.trials import ABSENT
from dlrun.config.replicates import INNER_FOLD, REPLICATE_KEYS
from dlrun.config.text import typed
from dlrun.config.words import key_of

__all__ = ["repeating", "separating"]

_VERB = "train"
_SET_BY_FOLDS = ("split.folds", "split.fold", INNER_FOLD)


def repeating(pair: Pair, seeds: int) -> list[str]:
    """What to type to have both trials repeated with so many seeds, or on all folds; nothing where no journal says
    how they were begun."""
    words = [_words(side) for side in pair.sides]
    if words[0] is None or words[1] is None:
        return []
    times = _times(pair.first, seeds)
    if not pair.factors:
        return [_command(words[0], times)]
    if len(pair.factors) == 1 and pair.factors[0].is_one_value:
        return [_command(_with_both(words[0], pair.factors), times)]
    return [_command(each, times) for each in words if each is not None]


def separating(pair: Pair, factors: Sequence[Factor], seeds: int) -> list[str]:
    """What to type to learn what each of `factors`, which differ at once, does alone: each in the first run's place.

    Two plain values are one sweep of all four combinations.
    """
    first, second = _words(pair.first), _words(pair.second)
    if first is None or second is None:
        return []
    times = _times(pair.first, seeds)
    if len(pair.factors) == 2 and all(factor.is_one_value for factor in pair.factors):
        return [_command(_with_both(first, pair.factors), times)]
    return [_command(_exchanged(first, second, factor), times) for factor in factors]


def _exchanged(first: Sequence[str], second: Sequence[str], factor: Factor) -> list[str]:
    """The first's words with what the second says of the factor."""
    keys = {factor.key, *(change.key for change in factor.changes)}
    said = list(_of(keys, second))
    whole = next((change for change in factor.changes if change.key == factor.key), None)
    if whole is not None and whole.second is not ABSENT and factor.key not in map(key_of, said):
        said.insert(0, f"{factor.key}={typed(whole.second)}")  # the second has it by default
    brought = {key_of(word) for word in _of(keys, first)}
    return [*_without(first, brought | {key_of(word) for word in said}), *said]


def _with_both(words: Sequence[str], factors: Sequence[Factor]) -> list[str]:
    changes = [factor.changes[0] for factor in factors]
    both = [f"{change.key}={typed(change.first)},{typed(change.second)}" for change in changes]
    return [*_without(words, {change.key for change in changes}), *both]


def _words(side: Side) -> list[str] | None:
    """The words that made a run, less those that say which repetition it is."""
    if side.command is None:
        return None
    words = [word for word in shlex.split(side.command)[1:] if word != _VERB and not word.startswith("-")]
    return _without(words, REPLICATE_KEYS)


def _times(side: Side, seeds: int) -> str:
    folds = side.run.spec.get("split.folds")
    return f"--folds {folds}" if folds else f"--seeds {seeds}"


def _command(words: Sequence[str], times: str) -> str:
    if times.startswith("--folds"):
        words = [word for word in words if key_of(word) not in _SET_BY_FOLDS and word != "split=kfold"]
    return f"{shlex.join(['dlrun', '-m', *words])} {times}"


def _of(keys: Collection[str], words: Sequence[str]) -> Iterator[str]:
    for word in words:
        if any(key_of(word) == key or key_of(word).startswith(f"{key}.") for key in keys):
            yield word


def _without(words: Sequence[str], keys: Collection[str]) -> list[str]:
    return [word for word in words if key_of(word) not in keys]
