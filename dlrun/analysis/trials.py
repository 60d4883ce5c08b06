"""Group runs into trials: what varies among them, under which short names, and which runs repeat which."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from dlrun.analysis.parts import Part, distinct_parts, parts_of
from dlrun.analysis.record import RunRecord
from dlrun.config.identity import NOT_IDENTITY, NOT_IDENTITY_OF_TRAINER
from dlrun.config.replicates import INNER_FOLD, REPLICATE_KEYS

__all__ = ["ABSENT", "Trial", "group", "repetition_of", "replicate_of", "short_names", "varying_keys"]


class _Absent:
    """The value of a key that a run's options do not have."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = _Absent()

# Keys that say how a run is recorded or scheduled, not what it is.
_HOW = NOT_IDENTITY | {"version"}
_HOW_OF_TRAINER = {f"trainer.{key}" for key in NOT_IDENTITY_OF_TRAINER}
# What follows the data when it is left at `auto`: no news where the data column tells it already.
_FOLLOWS_DATA = ("task", "classes", "loss.", "metric.", "preprocess.")


@dataclass(frozen=True)
class Trial:
    """Runs that are equal but for their replicate keys.

    Attributes:
        settings: the varying keys and this trial's values; `ABSENT` where its options have no such key.
        runs: one run for each replicate, the newest finished one where there are several.
        replicates: which repetition each of the runs is.
        superseded: the others: the same settings on other data or other code.
    """

    settings: Mapping[str, Any]
    runs: tuple[RunRecord, ...]
    replicates: tuple[Hashable, ...]
    superseded: tuple[RunRecord, ...] = ()


def replicate_of(run: RunRecord, also: Iterable[str] = ()) -> tuple[Hashable, ...]:
    """Which repetition a run is: its values of the replicate keys, and of the keys in `also`."""
    return tuple(_hashable(run.spec.get(key)) for key in (*REPLICATE_KEYS, *also))


def repetition_of(run: RunRecord) -> tuple[Hashable, ...]:
    """Which repetition a run is; the inner folds of one outer fold, which are tested on the same rows, are one."""
    return tuple(_hashable(run.spec.get(key)) for key in REPLICATE_KEYS if key != INNER_FOLD)


def varying_keys(runs: Iterable[RunRecord]) -> list[str]:
    """The keys whose values differ among `runs` and are not said by another key already.

    An optimizer's own parameters differ from another optimizer's by nature: a key varies if it takes several values
    under one option. Replicate keys are never among them.
    """
    specs = [parts_of(run.spec) for run in runs if run.spec]
    tops = dict.fromkeys(top for spec in specs for top in spec if top not in _HOW)
    varying = [key for top in tops for key in _varying_below(distinct_parts(specs, top))]
    data = [key for key in varying if key.startswith("data.")]
    follow = {key for key in varying if key.startswith(_FOLLOWS_DATA) and data and _follows(key, data, specs)}
    return [key for key in varying if key not in follow]


def short_names(keys: Sequence[str]) -> dict[str, str]:
    """The shortest name of each key that no other of them shares: `learning_rate` for `optimizer.learning_rate`.

    >>> short_names(["optimizer.option", "optimizer.learning_rate", "model.dropout", "layer.dropout"])
    {'optimizer.option': 'optimizer', 'optimizer.learning_rate': 'learning_rate', 'model.dropout': 'model.dropout', \
'layer.dropout': 'layer.dropout'}
    """
    spoken = {key: key.removesuffix(".option").split(".") for key in keys}

    def tail(key: str, length: int) -> str:
        return ".".join(spoken[key][-length:])

    names = {}
    for key in keys:
        lengths = range(1, len(spoken[key]) + 1)
        alone = (n for n in lengths if sum(tail(other, n) == tail(key, n) for other in keys) == 1)
        names[key] = tail(key, next(alone, len(spoken[key])))
    return names


def group(runs: Iterable[RunRecord], keys: Sequence[str], by: Sequence[str] | None = None) -> list[Trial]:
    """Runs into trials, in the order of their first runs.

    Args:
        keys: the varying keys.
        by: group by these only; the other `keys` then tell replicates apart.
    """
    chosen = list(keys) if by is None else list(by)
    rest = [key for key in keys if key not in chosen]
    members: dict[Hashable, list[RunRecord]] = {}
    settings, replicates = _Values(chosen, ABSENT), _Values((*REPLICATE_KEYS, *rest), None)
    for run in runs:
        # a run whose spec cannot be read is like no other
        value = settings.of(run.spec) if run.spec else (run.name or run.id,)
        members.setdefault((bool(run.spec), value), []).append(run)
    return [_trial(found, chosen, replicates) for found in members.values()]


class _Values:
    """Reads the same keys of many specs, to be told apart by them; a part that runs share is read once."""

    def __init__(self, keys: Iterable[str], default: Hashable) -> None:
        self._default = default
        self._below: dict[str, list[str]] = {}
        for key in keys:
            self._below.setdefault(key.partition(".")[0], []).append(key)
        self._read: dict[str, dict[int, tuple[Part, Hashable]]] = {top: {} for top in self._below}
        self._none: Part = {}

    def of(self, spec: Mapping[str, Any]) -> Hashable:
        parts = parts_of(spec)
        return tuple([self._of_part(top, parts.get(top, self._none)) for top in self._below])

    def _of_part(self, top: str, part: Part) -> Hashable:
        read = self._read[top]
        found = read.get(id(part))
        if found is None:  # the part is kept with its values: its id is not given to another one
            found = read[id(part)] = part, tuple(_hashable(part.get(key, self._default)) for key in self._below[top])
        return found[1]


def _trial(found: Sequence[RunRecord], keys: Sequence[str], values: _Values) -> Trial:
    replicates = [values.of(run.spec) if run.spec else run.id for run in found]
    newest: dict[Hashable, RunRecord] = dict(zip(replicates, found, strict=True))
    if len(newest) < len(found):  # finished ones count before others, later ones before earlier ones
        order = sorted(range(len(found)), key=lambda i: (found[i].status == "finished", found[i].started or 0.0))
        newest = {replicates[index]: found[index] for index in order}
    pairs = [(run, replicate) for run, replicate in zip(found, replicates, strict=True) if newest[replicate] is run]
    first = found[0].spec
    return Trial(
        settings={key: first.get(key, ABSENT) for key in keys} if first else {},
        runs=tuple(run for run, _ in pairs),
        replicates=tuple(replicate for _, replicate in pairs),
        superseded=tuple(r for r, replicate in zip(found, replicates, strict=True) if newest[replicate] is not r),
    )


def _is_setting(key: str) -> bool:
    return key not in REPLICATE_KEYS and key not in _HOW_OF_TRAINER


def _owner(key: str, options: set[str]) -> str | None:
    """The key that names the option which `key` is a parameter of; None for an option's own name."""
    parts = key.split(".")
    prefixes = (".".join(parts[:length]) + "." for length in range(len(parts) - 1, 0, -1))
    own = next((prefix for prefix in prefixes if prefix in options), None)
    return None if own is None or key == f"{own}option" else f"{own}option"


def _varying_below(parts: Sequence[Part]) -> list[str]:
    """The keys that vary, of the parts below one top-level key: the option that owns a key is below it too."""
    if len(parts) < 2:
        return []
    keys = dict.fromkeys(key for part in parts for key in part if _is_setting(key))
    options = {key.removesuffix("option") for key in keys if key.endswith(".option")}
    return [key for key in keys if _varies(key, parts, _owner(key, options))]


def _varies(key: str, parts: Sequence[Part], owner: str | None) -> bool:
    values: dict[Hashable, set[Hashable]] = {}
    for part in parts:
        value = part.get(key, ABSENT)
        under = ABSENT if owner is None else part.get(owner, ABSENT)
        values.setdefault(under, set()).add(ABSENT if value == {} else _hashable(value))
    return any(len(found) > 1 for found in values.values())


def _follows(key: str, leaders: Sequence[str], specs: Iterable[Mapping[str, Part]]) -> bool:
    """Whether the values of `leaders`, keys of the data, say the value of `key`."""
    seen: dict[Hashable, Hashable] = {}
    none: Part = {}
    top = key.partition(".")[0]
    pairs = {(id(a), id(b)): (a, b) for spec in specs for a, b in ((spec.get("data", none), spec.get(top, none)),)}
    for data, part in pairs.values():
        leading = tuple(_hashable(data.get(leader, ABSENT)) for leader in leaders)
        value = _hashable(part.get(key, ABSENT))
        if seen.setdefault(leading, value) != value:
            return False
    return True


def _hashable(value: Any) -> Hashable:
    if value.__class__ in (float, int, str):  # most are
        return value
    if isinstance(value, list | tuple):
        return tuple(_hashable(item) for item in value)
    if isinstance(value, Mapping):
        return tuple((key, _hashable(item)) for key, item in value.items())
    if isinstance(value, bool):
        return ("bool", value)  # True == 1 in Python, not in a config
    return value if isinstance(value, Hashable) else repr(value)
