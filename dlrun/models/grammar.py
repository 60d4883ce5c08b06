"""The layer grammar: from a model's file to its layers, and everything that is wrong with it, without TensorFlow.

    layers:
      - flatten
      - for: {units: $hidden}
        layers:
          - dense: $units
          - activation
          - dropout

An item is a layer option's name, with nothing, one value (its first parameter) or a mapping behind it, or one of the
structural words `for repeat residual branches shared save join when`. `$expressions` read the loop variable, then the
block's parameter, then the model's key, then the model-wide group of that name.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from dlrun.config.catalog import Catalog, Option, Parameter
from dlrun.config.rules import is_expression
from dlrun.config.text import shown
from dlrun.errors import Problem
from dlrun.models.advice import contradictions
from dlrun.models.augment import check_augment
from dlrun.models.expander import Expander, TooManyLayers
from dlrun.models.findings import Findings
from dlrun.models.head import check_kept, expand_head, known_outputs
from dlrun.models.joins import unpaired
from dlrun.models.nodes import Expansion, Node
from dlrun.models.parameters import Evaluator
from dlrun.models.ranks import check_rank
from dlrun.models.scope import GROUPS, UNKNOWN, Scope

__all__ = ["check", "expand", "layers_place"]

_NOT_READ = frozenset({"option", "layers", "head"})  # the model's frame: no `$` reads these


def expand(spec: Mapping[str, Any], catalog: Catalog, outputs: int | None = None) -> Expansion:
    """Spell out the model of a spec.

    Args:
        spec: holds `model`, the model-wide groups, `task` and `classes`; option names in it exist.
        outputs: numbers a sample to predict; by default what the spec alone says.

    Returns:
        Its nodes, complete when `problems` is empty.
    """
    option = catalog.get("model", spec["model"]["option"])
    findings = Findings()
    expander = Expander(catalog, findings)
    scope = _model_scope(spec, option, expander.evaluator)
    nodes: tuple[Node, ...] = ()
    head: tuple[Node, ...] = ()
    try:
        nodes = expander.layers(spec["model"].get("layers", []), scope, "model.layers")
        head = expand_head(expander, spec, scope, known_outputs(spec) if outputs is None else outputs)
    except TooManyLayers as error:
        findings.add(error.problem)
    if not findings.problems:
        for problem in unpaired((*nodes, *head)):
            findings.add(problem)
    return Expansion(
        nodes=nodes,
        head=head,
        problems=tuple(findings.problems),
        used=frozenset(scope.used & spec["model"].keys()),
        groups=frozenset(scope.used & set(GROUPS)),
    )


def check(
    spec: Mapping[str, Any],
    catalog: Catalog,
    shape: tuple[int, ...] | None = None,
    chosen: Collection[str] = (),
) -> list[Problem]:
    """Everything that is wrong with the model of a spec, found without building it.

    A model in Python checks its keys itself: all that is known of it here are their rules.

    Args:
        shape: of one sample of the data, where it is known.
        chosen: the keys that the user has set: a model-wide group among them that no layer reads is a problem.
    """
    option = catalog.get("model", spec["model"]["option"])
    if spec["task"] not in option.facts.get("tasks", (spec["task"],)):
        return [_unfit(option, str(spec["task"]), catalog)]
    unfit = list(check_augment(spec, shape, catalog)) if shape else []
    if option.target() is not None:
        return unfit
    expansion = expand(spec, catalog)
    if expansion.problems:
        return list(expansion.problems)
    return [
        *(_unread(option.parameters[key], spec, expansion) for key in _set_in_vain(spec, option, expansion)),
        *(_unread_group(group, spec) for group in GROUPS if group in chosen and group not in expansion.groups),
        *(check_rank(expansion.nodes, shape, catalog, spec.get("data")) if shape else ()),
        *check_kept(expansion.nodes, spec),
        *unfit,
        *contradictions(spec, expansion, catalog),
    ]


def _unread_group(group: str, spec: Mapping[str, Any]) -> Problem:
    rule = f"must be left alone: no layer of model={spec['model']['option']} takes it"
    return Problem(group, rule, got=str(spec[group]["option"]), mend="Choose a model with hidden layers, as model=mlp.")


def layers_place(spec: Mapping[str, Any], option: Option) -> str | None:
    """`file:line` of a model's list of layers; None where the run has another list than its option's file."""
    layers = option.parameters.get("layers")
    unchanged = layers is not None and spec["model"].get("layers") == layers.default
    return layers.place if layers is not None and unchanged else None


def _model_scope(spec: Mapping[str, Any], option: Option, evaluator: Evaluator) -> Scope:
    """The model's keys and the model-wide groups. A key may itself be an expression of keys before it."""
    model = spec["model"]
    groups = {"regularizer": None, "constraint": None} | {group: spec[group] for group in GROUPS if group in spec}
    keys = {key: value for key, value in model.items() if key not in _NOT_READ}
    plain = {key: value for key, value in keys.items() if not is_expression(value)}
    place = layers_place(spec, option)
    scope = Scope({**groups, **plain}, frozenset({*groups, *keys}), set(), place)
    for key in (key for key in keys if key not in plain):
        value = _derived(option.parameters.get(key), keys[key], scope, evaluator)
        scope = Scope({**scope.names, key: value}, scope.own, scope.used, place)
    return scope


def _derived(parameter: Parameter | None, text: str, scope: Scope, evaluator: Evaluator) -> Any:
    if parameter is None:
        return UNKNOWN
    path = f"model.{parameter.name}"
    value = evaluator.value(text, scope, path)
    if value is UNKNOWN or parameter.rule.accepts(value):
        return value
    rule = f"must be {parameter.rule.describe()}"
    evaluator.findings.add(Problem(path, rule, got=f"{shown(value)} from {text}", place=parameter.place))
    return UNKNOWN


def _unfit(option: Option, task: str, catalog: Catalog) -> Problem:
    """The problem of a model made for other tasks, as its `_tasks_` say."""
    names = catalog.names("model")
    fitting = [name for name in names if task in catalog.get("model", name).facts.get("tasks", (task,))]
    made_for = " or ".join(option.facts["tasks"])
    mend = f"Choose another: model={', '.join(fitting)}."
    return Problem("model", f"must fit the task {task}: {option.name} is for {made_for}", got=option.name, mend=mend)


def _set_in_vain(spec: Mapping[str, Any], option: Option, expansion: Expansion) -> list[str]:
    """The keys set to something else than their default that nothing in the model reads."""
    model = spec["model"]
    return [
        key
        for key, parameter in option.parameters.items()
        if key in model and key not in expansion.used | _NOT_READ and model[key] != parameter.default
    ]


def _unread(parameter: Parameter, spec: Mapping[str, Any], expansion: Expansion) -> Problem:
    name = spec["model"]["option"]
    reads = f"It reads {', '.join(sorted(expansion.used))}." if expansion.used else "It reads none of its keys."
    return Problem(
        key=f"model.{parameter.name}",
        rule=f"must stay {shown(parameter.default)}: no layer of model={name} reads it",
        got=shown(spec["model"][parameter.name]),
        mend=f"{reads} Leave it out, or choose another model.",
    )
