"""Conditions that choose runs, each in one word: `learning_rate>0.001`, `status=failed`, `tag.idea=x`, `age<2h`.

A condition is KEY OP VALUE. OP is one of `= != < <= > >= ~`; `a,b` behind `=` means either, `~` means contains. KEY is
a key of the spec, as short as it is unambiguous, a metric (of the restored epoch), `tag.NAME`, or one of `KEYS`.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dlrun.analysis.labels import tags_of
from dlrun.analysis.ranking import value_of
from dlrun.analysis.runs import RunRecord
from dlrun.analysis.trials import ABSENT, varying_keys
from dlrun.config.suggest import did_you_mean
from dlrun.config.text import typed
from dlrun.errors import UserError

__all__ = ["KEYS", "matching", "values_of"]

_Read = Callable[[RunRecord], Any]
_Test = Callable[[Any], bool]

KEYS: Mapping[str, _Read] = {
    "id": lambda run: run.id,
    "status": lambda run: run.status,
    "name": lambda run: run.name,
    "experiment": lambda run: run.spec.get("name"),
    "note": lambda run: run.labels.note,
    "archived": lambda run: run.labels.is_archived,
    "cause": lambda run: run.cause,
    "started": lambda run: run.started,
    "age": lambda run: None if run.started is None else time.time() - run.started,
    "epochs_run": lambda run: run.result.get("epochs_run"),
    "best_epoch": lambda run: run.result.get("best_epoch"),
    "parameters": lambda run: run.result.get("parameters"),
}
"""What a run can be asked for beside its spec, metrics and tags."""

_STATUSES = ("queued", "running", "finished", "diverged", "failed", "pruned", "interrupted", "deleted")
_TIMES = ("started", "age")
_SECONDS = {"s": 1.0, "min": 60.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
_TAG = "tag."
_PARTS = re.compile(r"\s*([^<>=!~]+?)\s*(<=|>=|!=|==|=|<|>|~)\s*(.*?)\s*\Z", re.DOTALL)
_COMMA = re.compile(r",(?![^\[{]*[\]}])")  # not one within a list
_FEW = 6  # candidates or values that a message names
_CLOSE = 1e-9  # 0.1 + 0.2 is 0.3 to whoever types it
_ORDER: Mapping[str, Callable[[float, float], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


@dataclass(frozen=True)
class _Condition:
    """One condition, cut in three."""

    text: str
    key: str
    operator: str
    value: str


def matching(runs: Sequence[RunRecord], conditions: Sequence[str]) -> list[RunRecord]:
    """The runs that meet all `conditions`, in their order.

    A run without the key meets `!=` only, `!=null` too: null is a value that a key may have.

    Raises:
        UserError: a condition is none, or names a key that none of the runs has; all that is wrong is told at once.
    """
    if not runs:
        return []
    found, problems = [], []
    for text in conditions:
        try:
            condition = _parsed(text)
            found.append((_reader(condition, runs), _test(condition)))
        except UserError as error:
            problems.append(str(error))
    if problems:
        raise UserError("\n\n".join(problems))
    return [run for run in runs if all(test(read(run)) for read, test in found)]


def values_of(runs: Sequence[RunRecord], condition: str) -> str:
    """The values that `runs` have of the condition's key, for a message: `0.001, 0.01 or 0.1`; empty for many.

    Raises:
        UserError: as `matching`.
    """
    parsed = _parsed(condition)
    if parsed.key in _TIMES:
        return ""
    read = _reader(parsed, runs)
    values = dict.fromkeys(typed(value) for run in runs if (value := read(run)) not in (None, ABSENT))
    return _either(list(values)) if 0 < len(values) <= _FEW else ""


def _parsed(text: str) -> _Condition:
    parts = _PARTS.match(text)
    if parts is None:
        raise UserError(
            f"--where must be KEY OP VALUE in one word, OP one of = != < <= > >= ~; got '{text}'."
            " Put it in quotes, as --where 'learning_rate>0.001': a shell takes < and > for itself."
        )
    key, operator, value = parts.groups()
    return _Condition(text, key, "=" if operator == "==" else operator, value)


def _reader(condition: _Condition, runs: Sequence[RunRecord]) -> _Read:
    key = condition.key
    if key in KEYS:
        return KEYS[key]
    if key.startswith(_TAG):
        return _of_tag(condition, runs)
    metrics = {name for run in runs for name in run.metrics}
    spec = _spec_keys(runs)
    exact = next((each for each in (key, f"{key}.option") if each in spec), None)
    is_metric = key in metrics or key.removeprefix("train_") in metrics
    if is_metric and (exact is None or _number(condition.value) is not None):  # `loss` is an option too
        return lambda run: ABSENT if (value := value_of(run, key)) is None else value
    if exact is None:
        exact = _by_end(condition, spec, metrics, runs)
    return lambda run: run.spec.get(exact, ABSENT)


def _of_tag(condition: _Condition, runs: Sequence[RunRecord]) -> _Read:
    name = condition.key.removeprefix(_TAG)
    known = sorted({tag for run in runs for tag in tags_of(run.spec, run.labels)})
    if name not in known:
        mend = did_you_mean(name, known, shown=_as_typed(condition, "tag.{}"))
        mend = mend or (f"The tags are {_listed(known)}." if known else "None of these runs has a tag.")
        raise UserError(f"--where must name a tag that a run has; got {condition.key}. {mend}")
    return lambda run: tags_of(run.spec, run.labels).get(name, ABSENT)


def _spec_keys(runs: Sequence[RunRecord]) -> list[str]:
    keys = dict.fromkeys(key for run in runs for key in run.spec)
    return [key for key in keys if not key.startswith("tags.")]


def _by_end(condition: _Condition, spec: Sequence[str], metrics: Iterable[str], runs: Sequence[RunRecord]) -> str:
    """The one spec key that ends in what was typed; where several do, the one that varies."""
    spoken = {key: key.removesuffix(".option") for key in spec}
    ending = [key for key in spec if f".{spoken[key]}".endswith(f".{condition.key}")]
    if len(ending) > 1:
        varying = set(varying_keys(runs))
        ending = [key for key in ending if key in varying] or ending
    if len(ending) == 1:
        return ending[0]
    if ending:
        raise UserError(
            f"--where must name one key; {condition.key} may be {_either([spoken[key] for key in ending[:_FEW]])}."
            f" Write one of them in full: --where '{_as_typed(condition, spoken[ending[0]])}'."
        )
    ends = {spoken[key].rpartition(".")[2] for key in spec}
    known = [*KEYS, *sorted(metrics), *sorted(ends), *spoken.values()]
    mend = did_you_mean(condition.key, known, shown=f"--where '{_as_typed(condition, '{}')}'")
    mend = mend or "dlrun runs RUN shows the keys of a run."
    raise UserError(f"--where must name a key, a metric or a tag of these runs; got {condition.key}. {mend}")


def _as_typed(condition: _Condition, key: str) -> str:
    value = condition.value.replace("{", "{{").replace("}", "}}")  # it goes through str.format
    return f"{key}{condition.operator}{value}"


def _test(condition: _Condition) -> _Test:
    if condition.key in _TIMES:
        return _of_time(condition)
    if condition.key == "status":
        _check_statuses(condition)
    match condition.operator:
        case "=":
            return lambda value: _is_one_of(value, condition)
        case "!=":
            return lambda value: not _is_one_of(value, condition)
        case "~":
            wanted = condition.value.casefold()
            return lambda value: value not in (None, ABSENT) and wanted in typed(value).casefold()
    bound = _number(condition.value)
    if bound is None:
        raise UserError(
            f"--where must compare with a number behind {condition.operator}; got {condition.text}."
            f" For a text write {condition.key}={condition.value} or {condition.key}~{condition.value}."
        )
    return _beyond(condition.operator, bound)


def _beyond(operator: str, bound: float) -> _Test:
    holds = _ORDER[operator]
    return lambda value: _is_number(value) and holds(value, bound)


def _is_one_of(value: Any, condition: _Condition) -> bool:
    text = condition.value
    return any(_equals(value, wanted, condition.key) for wanted in dict.fromkeys((text, *_COMMA.split(text))))


def _equals(value: Any, wanted: str, key: str) -> bool:
    wanted = wanted.strip()
    if value is ABSENT:
        return False
    if _is_number(value):
        number = _number(wanted)
        if isinstance(value, int):  # a seed is that seed and not its neighbour
            return value == number
        return number is not None and math.isclose(value, number, rel_tol=_CLOSE, abs_tol=0.0)
    if key == "id":
        return bool(wanted) and str(value).startswith(wanted.lower())
    return typed(value).replace(" ", "").casefold() == wanted.replace(" ", "").casefold()


def _check_statuses(condition: _Condition) -> None:
    if condition.operator == "~":
        return
    for word in condition.value.split(","):
        if word.strip() not in _STATUSES:
            mend = did_you_mean(word, _STATUSES, shown=f"--where 'status{condition.operator}{{}}'")
            mend = mend or f"Choose one of {', '.join(_STATUSES)}."
            raise UserError(f"--where must compare status with a status; got {condition.text}. {mend}")


def _of_time(condition: _Condition) -> _Test:
    key, operator, value = condition.key, condition.operator, condition.value
    if key == "age":
        found = re.fullmatch(rf"(\d+(?:\.\d+)?)\s*({'|'.join(_SECONDS)})", value)
        if found is None or operator not in _ORDER:
            raise UserError(
                f"--where must compare age by < or > with a time such as 30min, 2h, 3d or 1w; got {condition.text}."
            )
        return _beyond(operator, float(found[1]) * _SECONDS[found[2]])
    if operator in ("=", "~") and re.fullmatch(r"\d{4}(-\d\d(-\d\d)?)?", value):
        return lambda started: started is not None and datetime.fromtimestamp(started).isoformat().startswith(value)
    try:
        moment = datetime.fromisoformat(value).timestamp()  # without a zone it is this machine's time
    except ValueError:
        moment = None
    if moment is None or operator not in _ORDER:
        raise UserError(
            f"--where must compare started by < or > with a date such as 2026-01-31 or 2026-01-31T18:00;"
            f" got {condition.text}."
        )
    return _beyond(operator, moment)


def _number(text: str) -> int | float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    try:
        return int(text) if math.isfinite(number) else number  # an integer beyond 2**53 may be no float
    except ValueError:
        return number


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _either(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _listed(words: Sequence[str]) -> str:
    more = f" and {len(words) - _FEW} more" if len(words) > _FEW else ""
    return ", ".join(words[:_FEW]) + more
