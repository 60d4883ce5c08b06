"""The spec of a run made elsewhere: read within limits, checked as any config is, nothing of it run."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from dlrun.config.catalog import Catalog
from dlrun.config.declared import missing, problems_of
from dlrun.config.identity import NOT_IDENTITY
from dlrun.config.spec import SPEC_VERSION, Spec
from dlrun.data.dataset import TASKS
from dlrun.errors import ConfigError, Problem, UserError
from dlrun.models import grammar

__all__ = ["read_json", "read_spec"]

_FACTS = ("version", "task", "classes")
_MAX_BYTES = 10_000_000
_MAX_DEPTH = 60
_MAX_NODES = 100_000
_MAX_CLASSES = 1_000_000


def read_json(content: bytes, what: str, most_bytes: int = _MAX_BYTES, most_values: int = _MAX_NODES) -> Any:
    """JSON of bounded size and depth.

    Args:
        what: what it is, to begin the sentence of an error.

    Raises:
        UserError: it is none, or beyond the limits.
    """
    if len(content) > most_bytes:
        raise UserError(f"{what} must be smaller than {most_bytes:,} bytes; got {len(content):,}.")
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{what} must be JSON: {error}.") from error
    if _count(value, 0) > most_values:
        raise UserError(f"{what} must hold at most {most_values:,} values, {_MAX_DEPTH} levels deep.")
    return value


def read_spec(content: bytes, catalog: Catalog) -> Spec:
    """The spec in a run's `spec.json`, its values held against the options of `catalog`.

    What says where runs are recorded (`tracking`) is left as it is and looked at by nobody.

    Raises:
        ConfigError: all that is wrong with it.
        UserError: it is no spec.
    """
    values = read_json(content, "spec.json")
    if not isinstance(values, dict) or not set(_FACTS) <= values.keys():
        raise UserError("spec.json must be the spec of a run: it holds no version, task and classes.")
    if values["version"] != SPEC_VERSION:
        mend = "Open it with the release of dlrun that made it."
        raise UserError(f"spec.json must be of version {SPEC_VERSION}; got {str(values['version'])[:40]}. {mend}")
    if problems := list(_problems(values, catalog)):
        raise ConfigError([*problems, *_hint(problems, catalog)])
    return Spec(values)


def _problems(values: Mapping[str, Any], catalog: Catalog) -> Iterator[Problem]:
    config = {key: value for key, value in values.items() if key not in _FACTS}
    yield from (problem for problem in missing(config, catalog) if problem.key not in NOT_IDENTITY)
    task, classes = values["task"], values["classes"]
    if task not in TASKS:
        yield Problem("task", f"must be one of {', '.join(TASKS)}", got=str(task)[:40])
    if classes is not None and (type(classes) is not int or not 2 <= classes <= _MAX_CLASSES):
        yield Problem("classes", "must be null or a whole number of classes", got=str(classes)[:40])
    shown = {key: value for key, value in config.items() if key != "tracking"}
    interpolated = list(_interpolated(shown, ""))
    yield from interpolated
    found = problems_of(shown, catalog)
    yield from found
    if not (interpolated or found) and task in TASKS and "model" in config:
        yield from grammar.check(values, catalog)


def _interpolated(node: Any, path: str) -> Iterator[Problem]:
    items = node.items() if isinstance(node, Mapping) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        here = f"{path}.{key}" if path else str(key)
        if isinstance(value, str) and "${" in value:
            yield Problem(here, "must be a plain value: the spec of a run is resolved", got=f"'{value[:80]}'")
        else:
            yield from _interpolated(value, here)


def _hint(problems: list[Problem], catalog: Catalog) -> Iterator[Problem]:
    """Where options are missing, they may have been those of the author's project."""
    if any("must be an option of" in problem.rule or "must be a layer" in problem.rule for problem in problems):
        rule = "must be made of options that are here"
        mend = "Those of its author's project come with that project: read its code, then open the run from inside it."
        where = "this project's and dlrun's" if catalog.roots.project else "dlrun's own"
        yield Problem("spec.json", rule, got=f"others than {where}", mend=mend)


def _count(value: Any, depth: int) -> float:
    """How many values there are; no number is as large where they are too deep."""
    if depth > _MAX_DEPTH:
        return math.inf
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(_count(each, depth + 1) for each in inner)
