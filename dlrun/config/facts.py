"""The facts of an option file: which there are, and which names their expressions may read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from dlrun.config.catalog import Option
from dlrun.config.expressions import ExpressionError, names_in
from dlrun.config.rules import is_expression
from dlrun.config.suggest import did_you_mean
from dlrun.config.yamlfile import line_of
from dlrun.errors import Problem

__all__ = ["FACTS", "GIVEN", "TASKS", "fact_problems", "passed_names"]

FACTS = frozenset(
    {
        "target", "derived", "builds", "layers",
        "task", "tasks", "by_task", "classes", "samples", "shape", "given", "version",
        "inspect", "files", "entry", "not_identity",
        "call", "rank", "channels", "value_range", "mixes_labels", "moves_pixels", "reshapes",
        "goal", "units", "reusable", "state", "state_files", "keeps_best_weights", "sets_learning_rate", "looks_at",
    }
)  # fmt: skip
"""The facts that dlrun reads; `layers` is a block's."""

TASKS = ("binary", "multiclass", "regression", "segmentation")
"""The tasks that an option may say in `_tasks_` it is for."""

GIVEN = {
    "data": frozenset({"cache"}),
    "schedule": frozenset({"learning_rate", "steps_per_epoch", "epochs", "total_steps"}),
    "callback": frozenset({"run_directory"}),
    "metric": frozenset({"classes"}),
    "augment": frozenset({"value_range"}),
}
"""What the expressions of a group's `_derived_` arguments may read beside the option's own parameters."""

_LITERALS = frozenset({"true", "false", "null"})


def passed_names(option: Option) -> dict[str, str]:
    """The arguments that an option's target is called with, and where each is written: `file:line`.

    As `build.arguments` has them: a parameter that a derived argument reads is not passed on itself.
    """
    derived: Mapping[str, object] = option.facts.get("derived", {})
    read = {name for text in derived.values() if is_expression(text) for name in names_in(str(text))}
    passed = {name: parameter.place for name, parameter in option.parameters.items() if name not in read}
    return passed | {name: place(option, f"_derived_.{name}") for name in derived}


def fact_problems(option: Option) -> Iterator[Problem]:
    """Facts that there are not, and derived arguments that read what there is not."""
    for fact in option.facts:
        if fact not in FACTS:
            key = f"_{fact}_"
            mend = did_you_mean(fact, FACTS - {"layers"}, shown="_{}_") or "Without underscores it is a parameter."
            rule = "must be a fact that dlrun reads"
            yield Problem(f"{option.group}/{option.name}: {key}", rule, mend=mend, place=place(option, key))
    tasks = option.facts.get("tasks", [])
    if wrong := [task for task in tasks if task not in TASKS] if isinstance(tasks, list) else [tasks]:
        rule, got = f"must hold {', '.join(TASKS[:-1])} or {TASKS[-1]}, as a list", ", ".join(map(str, wrong))
        yield Problem(f"{option.group}/{option.name}: _tasks_", rule, got, place=place(option, "_tasks_"))
    derived = option.facts.get("derived", {})
    for name, text in derived.items() if isinstance(derived, Mapping) else ():
        yield from _expression_problems(option, name, text)


def _expression_problems(option: Option, name: str, text: object) -> Iterator[Problem]:
    if not is_expression(text):
        return
    key, where = f"{option.group}/{option.name}: _derived_.{name}", place(option, f"_derived_.{name}")
    try:
        read = dict.fromkeys(names_in(str(text)))
    except ExpressionError as error:
        yield Problem(key, f"must be an expression that can be read: {error}", place=where)
        return
    known = {*option.parameters, *GIVEN.get(option.group, ())}
    for unbound in [each for each in read if each not in known | _LITERALS]:
        mend = did_you_mean(unbound, known, shown="${}") or f"It may read: {', '.join(sorted(known)) or 'nothing'}."
        yield Problem(key, f"must read names that are bound: ${unbound} is not", mend=mend, place=where)


def place(option: Option, key: str) -> str:
    """`file:line` of a key of the option's own file; the file alone where a parent has it."""
    line = line_of(option.path, key)
    return f"{option.path}:{line}" if line else str(option.path)
