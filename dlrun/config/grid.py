"""The grid that a command sweeps over: its points, and what no grid can be made of."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from hydra.core.override_parser.types import IntervalSweep, Override

from dlrun.config.catalog import LIST_GROUPS, Catalog, Parameter
from dlrun.config.identity import NOT_IDENTITY, NOT_IDENTITY_OF_TRAINER
from dlrun.config.words import COMMAND_LINE
from dlrun.errors import Problem

__all__ = ["empty", "needs_search", "needs_sweep", "one_process", "points", "unheeded", "unsweepable"]

_DECIMAL_COMMA = re.compile(r"^\d+,\d+$")


def points(
    overrides: Sequence[Override], parse: Callable[[str], Override], most: int | None = None
) -> Iterator[list[Override]]:
    """The points of a grid, the last key fastest; one point when nothing sweeps.

    Args:
        parse: reads a word.
        most: values of each key, all by default; where it is given, one key at a time leaves its first value.
    """
    axes = [
        [parse(f"{o.get_key_element()}={value}") for value in itertools.islice(o.sweep_string_iterator(), most)]
        if o.is_sweep_override()
        else [o]
        for o in overrides
    ]
    if most is None:
        yield from map(list, itertools.product(*axes))
        return
    first = [axis[0] for axis in axes]
    yield first
    for position, axis in enumerate(axes):
        yield from ([*first[:position], other, *first[position + 1 :]] for other in axis[1:])


def empty(overrides: Sequence[Override]) -> Iterator[Problem]:
    """Words that sweep over nothing, as `range(5,0)`."""
    for override in overrides:
        if override.is_sweep_override() and next(override.sweep_string_iterator(), None) is None:
            key, value = override.key_or_group, str(override.input_line).partition("=")[2]
            mend = f"List the values: {key}=VALUE,VALUE; range(0,3) counts 0, 1, 2."
            yield Problem(key, "must have a value to sweep over", got=value, mend=mend, place=COMMAND_LINE)


def needs_sweep(override: Override, catalog: Catalog) -> Problem:
    """The problem of a sweep in a command that is none."""
    key, value = override.key_or_group, str(override.input_line).partition("=")[2]
    rules = [parameter.rule for parameter in _parameters(key, catalog)]
    listed = [override.value()] if "(" in value else list(override.sweep_iterator())
    mend = "Add -m to sweep over the values"
    if key in LIST_GROUPS or any(rule.accepts(listed) for rule in rules):
        mend += f", or write a list as {key}=[{value}]"
    if _DECIMAL_COMMA.match(value) and any(rule.accepts(float(value.replace(",", "."))) for rule in rules):
        mend = f"Did you mean {key}={value.replace(',', '.')}? Otherwise add -m to sweep over the values"
    return Problem(key, "must be one value without -m", got=value, mend=f"{mend}.", place=COMMAND_LINE)


def needs_search(override: Override, catalog: Catalog) -> Problem:
    """The problem of an interval, on which a grid has no points."""
    key, value = override.key_or_group, str(override.input_line).partition("=")[2]
    values = ",".join(f"{each:.3g}" for each in _between(override.value(), _parameters(key, catalog)))
    mend = f"List the values: {key}={values or 'VALUE,VALUE'}."
    rule = "must list its values: a grid has no points on an interval"
    return Problem(key, rule, got=value, mend=mend, place=COMMAND_LINE)


def _between(span: Any, parameters: Sequence[Parameter]) -> list[float]:
    """The ends of an interval and its middle, as far as the parameter takes them."""
    if not isinstance(span, IntervalSweep) or span.start is None or span.end is None:
        return []
    low, high = float(span.start), float(span.end)
    middle = math.sqrt(low * high) if 0 < low < high else (low + high) / 2
    return [value for value in (low, middle, high) if any(each.rule.accepts(value) for each in parameters)]


def _parameters(key: str, catalog: Catalog) -> list[Parameter]:
    """What the key is in the options of its group."""
    group, _, name = key.partition(".")
    if not name or group not in catalog.groups:
        return [catalog.primary.parameters[key]] if key in catalog.primary.parameters else []
    options = (catalog.get(group, option) for option in catalog.names(group))
    return [option.parameters[name] for option in options if name in option.parameters]


def unsweepable(varied: Sequence[str]) -> Iterator[Problem]:
    """Keys that are no part of a run's identity: all their values would be one run."""
    for key in varied:
        group, _, name = key.partition(".")
        if group in NOT_IDENTITY or (group == "trainer" and name in NOT_IDENTITY_OF_TRAINER):
            rule = "must have one value in a sweep: it is no part of what a run is, so that all its values are one run"
            yield Problem(key, rule, mend="Run one command a value.")


def unheeded(launcher: Mapping[str, Any], defaults: Mapping[str, Any], foreign: bool) -> Iterator[Problem]:
    """Keys of `launcher` that ask for what only a worker process can be held to, where there will be none.

    Args:
        defaults: of these keys.
        foreign: whether another launcher than dlrun's is chosen; else runs are trained in the command's process.
    """
    beside = "another hydra/launcher than dlrun's" if foreign else "launcher.jobs=0"
    for key, value in launcher.items():
        is_theirs = key in ("option", "if_running") or (key == "jobs" and not foreign)
        if not is_theirs and value != defaults.get(key):
            rule = f"must be left as it is beside {beside}: nobody would heed it"
            mend = "Joblib's processes are hydra.launcher.n_jobs." if key == "jobs" else None
            yield Problem(f"launcher.{key}", rule, got=str(value), mend=mend)


def one_process(specs: Sequence[Mapping[str, Any]]) -> Iterator[Problem]:
    """What TensorFlow is told once in a process must be the same for all runs that share one."""
    if len({spec["trainer"]["deterministic"] for spec in specs}) > 1:
        rule = "must have one value where all runs may share a process: TensorFlow is told it once in a process"
        mend = "Run one command a value, or leave launcher.jobs and hydra/launcher as dlrun has them."
        yield Problem("trainer.deterministic", rule, mend=mend)
