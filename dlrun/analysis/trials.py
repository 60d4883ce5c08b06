"""Group runs into trials: what varies among them, under which short names, and which runs repeat which."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from dlrun.analysis.runs import RunRecord
from dlrun.config.identity import NOT_IDENTITY, NOT_IDENTITY_OF_TRAINER
from dlrun.config.spec import REPLICATE_KEYS

__all__ = ["ABSENT", "Trial", "group", "replicate_of", "short_names", "varying_keys"]


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
        superseded: the others: the same settings on other data or other code.
    """

    settings: Mapping[str, Any]
    runs: tuple[RunRecord, ...]
    superseded: tuple[RunRecord, ...] = ()


def replicate_of(run: RunRecord, also: Iterable[str] = ()) -> tuple[Hashable, ...]:
    """Which repetition a run is: its values of the replicate keys, and of the keys in `also`."""
    return tuple(_hashable(run.spec.get(key)) for key in (*REPLICATE_KEYS, *also))


def varying_keys(runs: Iterable[RunRecord]) -> list[str]:
    """The keys whose values differ among `runs` and are not said by another key already.

    An optimizer's own parameters differ from another optimizer's by nature: a key varies if it takes several values
    under one option. Replicate keys are never among them.
    """
    specs = [run.spec for run in runs if run.spec]
    keys = dict.fromkeys(key for spec in specs for key in spec if _is_setting(key))
    options = {key.removesuffix("option") for key in keys if key.endswith(".option")}
    varying = [key for key in keys if _varies(key, specs, _owner(key, options))]
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
    for run in runs:
        # a run whose spec cannot be read is like no other
        settings = tuple(_hashable(run.spec.get(key, ABSENT)) for key in chosen) if run.spec else (run.name or run.id,)
        members.setdefault((bool(run.spec), settings), []).append(run)
    return [_trial(found, chosen, rest) for found in members.values()]


def _trial(found: Sequence[RunRecord], keys: Sequence[str], rest: Sequence[str]) -> Trial:
    newest: dict[Hashable, RunRecord] = {}
    # finished ones count before others, later ones before earlier ones
    for run in sorted(found, key=lambda run: (run.status == "finished", run.started or 0.0)):
        newest[(replicate_of(run, rest) if run.spec else run.id)] = run
    kept = {run.id for run in newest.values()}
    first = found[0].spec
    return Trial(
        settings={key: first.get(key, ABSENT) for key in keys} if first else {},
        runs=tuple(run for run in found if run.id in kept),
        superseded=tuple(run for run in found if run.id not in kept),
    )


def _is_setting(key: str) -> bool:
    return key not in REPLICATE_KEYS and key.split(".")[0] not in _HOW and key not in _HOW_OF_TRAINER


def _owner(key: str, options: set[str]) -> str | None:
    """The key that names the option which `key` is a parameter of; None for an option's own name."""
    parts = key.split(".")
    prefixes = (".".join(parts[:length]) + "." for length in range(len(parts) - 1, 0, -1))
    own = next((prefix for prefix in prefixes if prefix in options), None)
    return None if own is None or key == f"{own}option" else f"{own}option"


def _varies(key: str, specs: Sequence[Mapping[str, Any]], owner: str | None) -> bool:
    values: dict[Hashable, set[Hashable]] = {}
    for spec in specs:
        value = spec.get(key, ABSENT)
        under = ABSENT if owner is None else spec.get(owner, ABSENT)
        values.setdefault(under, set()).add(ABSENT if value == {} else _hashable(value))
    return any(len(found) > 1 for found in values.values())


def _follows(key: str, leaders: Sequence[str], specs: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the values of `leaders` say the value of `key`."""
    seen: dict[Hashable, Hashable] = {}
    for spec in specs:
        leading = tuple(_hashable(spec.get(leader, ABSENT)) for leader in leaders)
        value = _hashable(spec.get(key, ABSENT))
        if seen.setdefault(leading, value) != value:
            return False
    return True


def _hashable(value: Any) -> Hashable:
    if isinstance(value, list | tuple):
        return tuple(_hashable(item) for item in value)
    if isinstance(value, Mapping):
        return tuple((key, _hashable(item)) for key, item in value.items())
    if isinstance(value, bool):
        return ("bool", value)  # True == 1 in Python, not in a config
    return value if isinstance(value, Hashable) else repr(value)
