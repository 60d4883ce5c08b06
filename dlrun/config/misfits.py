"""What an option passes against what its target takes, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from dlrun.config.catalog import Option
from dlrun.config.facts import passed_names, place
from dlrun.config.signatures import NotThere, Reader, Signature, public_names
from dlrun.config.suggest import did_you_mean, nearest
from dlrun.errors import Problem

__all__ = ["constructor_problems", "target_problem"]

_KINDS = {
    "layer": "keras.layers.Layer",
    "augment": "keras.layers.Layer",
    "activation": "keras.layers.Layer",
    "optimizer": "keras.optimizers.Optimizer",
    "schedule": "keras.optimizers.schedules.LearningRateSchedule",
    "loss": "keras.losses.Loss",
    "metric": "keras.metrics.Metric",
    "callback": "keras.callbacks.Callback",
    "initializer": "keras.initializers.Initializer",
    "regularizer": "keras.regularizers.Regularizer",
    "constraint": "keras.constraints.Constraint",
}
_OR_CALLABLE = frozenset({"loss", "initializer", "regularizer", "constraint"})
"""Groups of which Keras takes anything that can be called."""

_NAMED = frozenset({"layer", "augment", "activation"})  # built with a `name` of their own
_STARTED = frozenset({"layer", "augment", "activation", "optimizer", "loss", "metric", "callback"})
"""Groups whose base class sets up in its `__init__` what Keras uses later."""

_MODEL = ("spec", "input_shape", "outputs")
_MOST_LISTED = 8
_STARTERS = frozenset({"layer", "loss", "metric", "optimizer", "callback"})  # what `dlrun init` writes, of the kinds


def constructor_problems(option: Option, signature: Signature, project: Path | None) -> Iterator[Problem]:
    """Parameters that the target does not take or misses, and a class of the wrong kind."""
    if wrong := _wrong_kind(option, signature):
        yield wrong
        return
    where = _where(signature, project)
    if option.group == "model":
        yield from _not_as_a_model(option, signature, where)
        return
    passed = passed_names(option)
    if wrong := _no_factory(option, signature, where, passed):
        yield wrong
        return
    if option.group in _STARTED and not signature.is_started:
        rule = f"must call `super().__init__` in its `__init__`: {where} does not"
        mend = "Write `super().__init__()` as its first line, with `**kwargs` where it takes them."
        yield Problem(f"{option.group}/{option.name}: _target_", rule, mend=mend, place=place(option, "_target_"))
    meant: set[str] = set()
    for name in passed if not signature.takes_any else ():
        if name not in signature.names:
            right = nearest(name, signature.names)
            meant |= {right} if right else set()
            yield _not_taken(option, name, right, signature, where, passed[name])
    if option.group in _NAMED and not signature.takes_any and "name" not in signature.names:
        rule = f"must take `name`, which every layer is given: {where} does not"
        mend = "Write `**kwargs` in its `__init__`, and `super().__init__(**kwargs)`."
        yield Problem(f"{option.group}/{option.name}: _target_", rule, mend=mend, place=place(option, "_target_"))
    for parameter in signature.parameters:
        given = parameter.name in passed or (parameter.name == "name" and option.group in _NAMED)
        if parameter.is_required and not given and parameter.name not in meant:
            mend = f"Write `{parameter.name}: ???   # RULE: meaning`, or a default in place of `???`."
            rule = f"must be there: {where} cannot be {'built' if signature.is_class else 'called'} without it"
            yield Problem(f"{option.group}/{option.name}: {parameter.name}", rule, mend=mend, place=str(option.path))


def _not_taken(option: Option, name: str, right: str | None, signature: Signature, where: str, line: str) -> Problem:
    key = f"_derived_.{name}" if name in option.facts.get("derived", {}) else name
    if right:
        mend = f"Did you mean {right}?"
    elif len(signature.names) > _MOST_LISTED:
        mend = f"It takes {', '.join(signature.names[:_MOST_LISTED])} and {len(signature.names) - _MOST_LISTED} more."
    else:
        mend = f"It takes {' and '.join(signature.names)}." if signature.names else "It takes none."
    return Problem(f"{option.group}/{option.name}: {key}", f"must be a parameter of {where}", mend=mend, place=line)


def _wrong_kind(option: Option, signature: Signature) -> Problem | None:
    wanted = _KINDS.get(option.group)
    if wanted is None or not signature.is_class or not signature.is_known or wanted in signature.kinds:
        return None
    if option.group in _OR_CALLABLE and not signature.kinds and signature.is_callable:
        return None
    found = f"{signature.target}, a {signature.kinds[0]}" if signature.kinds else signature.target
    mend = f"Derive it from {wanted}." if signature.path else None
    right = next((group for group, kind in _KINDS.items() if kind in signature.kinds), None)
    if right:
        mend = f"Move the file to conf/{right}/, or name another class."
    rule = f"must be a {wanted}"
    return Problem(f"{option.group}/{option.name}: _target_", rule, found, mend, place(option, "_target_"))


def _no_factory(option: Option, signature: Signature, where: str, passed: Mapping[str, str]) -> Problem | None:
    """The problem of a function that does the work itself, as `def my_loss(y_true, y_pred)`, and builds nothing."""
    kind = _KINDS.get(option.group)
    asked = [each.name for each in signature.parameters if each.is_required and each.name not in passed]
    if kind is None or signature.is_class or not asked or any(nearest(name, asked) for name in passed):
        return None
    rule = f"must be a class derived from {kind}, or a function that builds one from the option's keys: {where}"
    mend = f"Write a class; `dlrun init --component {option.group} NAME` writes one to start from."
    if option.group not in _STARTERS:
        mend = "Write a class with that base."
    key = f"{option.group}/{option.name}: _target_"
    asks = f"{rule} asks for {' and '.join(asked)}"
    return Problem(key, asks, mend=mend, place=place(option, "_target_"))


def _not_as_a_model(option: Option, signature: Signature, where: str) -> Iterator[Problem]:
    refused = [name for name in _MODEL if name not in signature.names and not signature.takes_any]
    needed = [each.name for each in signature.parameters if each.is_required and each.name not in _MODEL]
    if refused or needed:
        rule = f"must be a function of spec, input_shape and outputs: {where} is none"
        got = f"{signature.target}({', '.join(signature.names)})"
        yield Problem(f"model/{option.name}: _target_", rule, got, place=place(option, "_target_"))


def target_problem(option: Option, target: str, error: NotThere, reader: Reader) -> Problem:
    """The problem of a `_target_` that leads nowhere."""
    key, project = f"{option.group}/{option.name}: _target_", reader.modules.project
    top = target.replace(":", ".").partition(".")[0]
    rule, mend = "must name a class or function that is there", _meant(target, error, reader)
    if "/" in target:
        module, _, name = target.replace(".py", "").partition(":")
        dotted = ".".join(filter(None, [*module.replace("-", "_").split("/"), name]))
        looked, mend = f"Write it with dots, as Python imports it: {dotted}.", None
    elif (shadow := reader.modules.shadowed(top)) is not None:
        looked, mend = f"Python finds {shadow} in place of the project's {top}: give your module another name.", None
    elif error.module is None:
        looked = f"There is no {top}.py in the project, and no installed package {top}."
    elif error.module.path is None or error.expects_module:
        folder = error.module.folders[0] if error.module.folders else None
        looked = (
            f"There is no {_seen(folder / f'{error.name}.py', project)}."
            if folder
            else f"{error.module.name} is no package."
        )
    else:
        own = project is not None and error.module.path.is_relative_to(project)
        has = _seen(error.module.path, project) if own else error.module.name
        listed = not mend and 0 < len(error.names) <= _MOST_LISTED
        looked = (
            f"{has} has {', '.join(error.names)}, and no {error.name}." if listed else f"{has} has no {error.name}."
        )
    return Problem(key, rule, target, " ".join(filter(None, (mend, looked))), place(option, "_target_"))


def _meant(target: str, error: NotThere, reader: Reader) -> str | None:
    """The import path that is probably meant."""
    if target.startswith(("keras.", "tensorflow.keras.")):
        return _meant_of_keras(target.removeprefix("tensorflow."))
    if error.module is None:
        first, _, rest = target.partition(".")
        return did_you_mean(first, reader.modules.tops(), shown=f"{{}}.{rest}" if rest else "{}")
    path = error.module.name
    behind = target.removeprefix(f"{path}.").partition(".")[2] if error.expects_module else ""
    names = [*error.names, *reader.modules.children(path)]
    return did_you_mean(error.name, names, shown=f"{path}.{{}}{'.' if behind else ''}{behind}")


def _meant_of_keras(target: str) -> str | None:
    package, _, name = target.rpartition(".")
    known = public_names()
    elsewhere = [each for each in known if each.rpartition(".")[2] == name]
    if elsewhere:
        return f"Did you mean {elsewhere[-1]}?"
    near = [each for each in known if each.rpartition(".")[0] == package]
    return did_you_mean(name, [each.rpartition(".")[2] for each in near], shown=f"{package}.{{}}") or did_you_mean(
        target, known
    )


def _where(signature: Signature, project: Path | None) -> str:
    if signature.path is None or project is None or not signature.path.is_relative_to(project):
        return signature.target
    return f"{signature.target} ({_seen(signature.path, project)}:{signature.line})"


def _seen(path: Path, project: Path | None) -> str:
    if project is not None and path.is_relative_to(project):
        return path.relative_to(project).as_posix()
    return "/".join(path.parts[-2:])
