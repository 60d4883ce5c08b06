"""How an option reads a file that nobody has prepared: what it complains of is settled as it proposes, and told."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dlrun.config.catalog import Catalog
from dlrun.data.dataset import Dataset
from dlrun.data.declare import Declaration, declare
from dlrun.data.load import load
from dlrun.data.tables.layout import listed
from dlrun.errors import DataError, Problem
from dlrun.training.quiet import import_tensorflow

__all__ = ["Settled", "loaded", "plain", "settle"]

_MOST_ROUNDS = 6
_FEW = 10  # of so many files one may be passed over
_PROPOSED = re.compile(r"'?data\.(decimal|separator|missing|missing_words|drop|kinds|unreadable)=")
_COLUMN = re.compile(r"column '(.*?)'(?:,|$)")
_MORE = re.compile(r"(\d+) more such files?")
_WHY = {  # by what a rule begins with
    "must hold numbers": "text stands among the numbers",
    "must hold finite numbers": "it holds infinite numbers",
    "must have at most": "too many different words",
    "must name every column": "it has no name",
    "must name each column once": "the name is there more than once",
    "must write its dates": "its dates are written in several ways",
    "must have two columns": "no other cuts its lines",
}


@dataclass(frozen=True)
class Settled:
    """A data node that can be loaded.

    Attributes:
        node: the option and its keys.
        doubts: what was settled on the way, a line each.
    """

    node: dict[str, Any]
    declaration: Declaration
    doubts: tuple[str, ...]


def settle(node: Mapping[str, Any], catalog: Catalog, said: Collection[str] = ()) -> Settled:
    """Have the file read, taking what its problems propose for as long as they propose something new.

    Args:
        said: keys that the user has set: they stay as they are, lists and mappings are added to.

    Raises:
        DataError: it cannot be used: the problems that are left.
    """
    now = dict(node)
    doubts: list[str] = []
    for _ in range(_MOST_ROUNDS):
        declaration = declare(now, catalog)
        problems = declaration.problems or _on_loading(now, catalog)
        if not problems:
            return Settled(now, declaration, tuple(doubts))
        proposed = {problem: _accepted(problem, now, said) for problem in problems}
        later = _with(now, [each for each in proposed.values() if each is not None])
        stuck = [problem for problem, found in proposed.items() if found is None]
        if stuck or later == now or _skips_many(problems, declaration):
            break
        now = later
        doubts += _doubts([(problem, *found) for problem, found in proposed.items() if found is not None])
    raise DataError(stuck or problems)


def loaded(node: Mapping[str, Any], catalog: Catalog) -> Dataset:
    """The data.

    Raises:
        DataError: it cannot be loaded.
    """
    if "size" in node:  # images are resized by TensorFlow
        import_tensorflow()
    return load(node, catalog)


def _on_loading(node: Mapping[str, Any], catalog: Catalog) -> list[Problem]:
    """What shows only when every file is decoded; of images and texts alone."""
    if node.get("unreadable") != "refuse":
        return []
    try:
        loaded(node, catalog)
    except DataError as error:
        return list(error.problems)
    return []


def _accepted(problem: Problem, node: Mapping[str, Any], said: Collection[str]) -> tuple[str, Any] | None:
    """The key that a problem's way out sets, and its value; None where there is none, or the user said otherwise."""
    found = next(_proposals(problem), None)
    if found is None or found[0] not in node:
        return None
    return None if found[0] in said and not isinstance(found[1], list | dict) else found


def _skips_many(problems: Sequence[Problem], declaration: Declaration) -> bool:
    count = sum(_files(problem) for problem in problems if "data.unreadable=skip" in (problem.mend or ""))
    return bool(count) and declaration.samples is not None and count * _FEW > declaration.samples + count


def _files(problem: Problem) -> int:
    """How many files a problem is about."""
    found = _MORE.fullmatch(problem.got or "")
    return int(found[1]) if found else 1


def _proposals(problem: Problem) -> Iterator[tuple[str, Any]]:
    """The first key that the way out of a problem sets, and its value; none where it names none."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    if (found := _PROPOSED.search(problem.mend or "")) is None:
        return
    try:
        word = shlex.split((problem.mend or "")[found.start() :])[0].rstrip(".,")
        override = OverridesParser.create().parse_override(word)
    except (ValueError, HydraException):
        return
    yield found[1], plain(override.value())


def plain(value: Any) -> Any:
    """Without the quotes that a parsed value remembers."""
    if isinstance(value, dict):
        return {plain(key): plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    return value.text if hasattr(value, "text") else value


def _with(node: Mapping[str, Any], proposed: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    changed = dict(node)
    for key, value in proposed:
        before = changed.get(key)
        if isinstance(value, list) and isinstance(before, list):
            changed[key] = list(dict.fromkeys([*before, *value]))
        elif isinstance(value, dict) and isinstance(before, dict):
            changed[key] = {**value, **before}
        elif key in changed:
            changed[key] = value
    return changed


def _doubts(settled: Sequence[tuple[Problem, str, Any]]) -> Iterator[str]:
    """A line for each value, whatever asks for it."""
    together: dict[str, list[Problem]] = {}
    for problem, key, value in settled:
        together.setdefault(f"{key}: {_told(value)}", []).append(problem)
    for line, problems in together.items():
        yield f"{line} ({_reason(line.partition(':')[0], problems)})"


def _told(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {each}" for key, each in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _reason(key: str, problems: Sequence[Problem]) -> str:
    names = listed(list(dict.fromkeys(found[1] for each in problems if (found := _COLUMN.search(each.rule)))))
    got = (problems[0].got or "").partition(" in row")[0]
    match key:
        case "decimal":
            return f"as in {names}: {got}"
        case "missing":
            return f"rows without {names} are left out: {got.partition(',')[0]}"
        case "missing_words":
            return f"which says in {names} that a cell is empty"
        case "unreadable":
            shown = [_file(each) for each in problems]
            count = sum(map(_files, problems))
            return f"{count} {'file is' if count == 1 else 'files are'} passed over: {'; '.join(shown)}"
    return next((why for rule, why in _WHY.items() if problems[0].rule.startswith(rule)), got)


def _file(problem: Problem) -> str:
    return str(problem.got) if _files(problem) > 1 else f"{problem.place}, {problem.got}"
