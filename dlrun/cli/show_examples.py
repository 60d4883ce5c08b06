"""Commands that `dlrun show` gives to copy: each of them works as it stands, but for a `...` to be filled in."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from dlrun.config.catalog import LIST_GROUPS
from dlrun.config.groups import default_options
from dlrun.config.identity import NOT_IDENTITY, NOT_IDENTITY_OF_TRAINER
from dlrun.config.text import typed

if TYPE_CHECKING:
    from dlrun.config.catalog import Catalog, Option, Parameter

__all__ = ["key_examples", "option_examples"]

_EXAMPLE = "Example:"
_ONE_A_COMMAND = {f"trainer.{key}" for key in NOT_IDENTITY_OF_TRAINER}
_SIZES = ("64", "8")  # of a layer's first required number, and of the others


def option_examples(catalog: Catalog, option: Option) -> list[tuple[str, str]]:
    """How to choose an option and change a key of it: label and command."""
    group, name = option.group, option.name
    if group == "layer":
        return [("In a model", f"layers: [..., {_item(option)}, ...]")]
    if group not in default_options(catalog):
        return []
    prefix = f"{group}.{name}" if group in LIST_GROUPS else group
    choice = f"{group}=[{name}]" if group in LIST_GROUPS else f"{group}={name}"
    required = [f"{prefix}.{p.name}=..." for p in option.parameters.values() if p.default == "???"]
    words = shlex.join(["dlrun", *_fitting(catalog, option), choice, *required])
    for parameter in option.parameters.values():
        values = _values_to_try(parameter) if _counts(catalog, option, parameter) else []
        if values:
            value = values[1] if parameter.rule.choices and len(values) > 1 else values[-1]
            return [("Choose it", words), ("Change it", f"{words} {prefix}.{parameter.name}={value}")]
    return [("Choose it", words)]


def key_examples(catalog: Catalog, key: str, found: Sequence[Parameter]) -> list[tuple[str, str]]:
    """How to set and sweep a key: label and command."""
    group, defaults = key.partition(".")[0], default_options(catalog)
    if "." in key and group not in defaults:
        return []  # a layer's key is set in a model, not on the command line
    chosen = defaults.get(group, ())
    default = next((p for p in found if p.path.stem in chosen), found[0])
    before = _choosing(catalog, key, default)
    if own := _example_in_notes(catalog, key, default):
        return [("Set it", own)]
    values = _values_to_try(default)
    has_one = group in NOT_IDENTITY or key in _ONE_A_COMMAND  # of values that go together in a sweep
    if has_one or "auto" in default.rule.choices or any(word.endswith("=...") for word in before):
        values = values[1:2] or values
    value = "..." if not values else values[1] if default.rule.choices and len(values) > 1 else values[-1]
    sweep = [("Sweep it", shlex.join(["dlrun", "-m", *before, f"{key}={','.join(values)}"]))] if len(values) > 1 else []
    return [("Set it", shlex.join(["dlrun", *before, f"{key}={value}"])), *sweep]


def _example_in_notes(catalog: Catalog, key: str, parameter: Parameter) -> str | None:
    """A command that ends in this key and stands in an option's own comments: where a key wants others beside it."""
    group, name = key.partition(".")[0], parameter.path.stem
    examples = _examples(catalog.get(group, name)) if catalog.has(group, name) else ()
    return next((example for example in examples if example.split()[-1].startswith(f"{key}=")), None)


def _examples(option: Option) -> Iterator[str]:
    """The commands in an option's own comments."""
    return (note.removeprefix(_EXAMPLE).strip() for note in option.notes if note.startswith(_EXAMPLE))


def _choosing(catalog: Catalog, key: str, parameter: Parameter) -> list[str]:
    """The words that choose the option which has a key, where the default options have not."""
    group, _, rest = key.partition(".")
    if not rest:
        return []
    entry, _, word = rest.rpartition(".")
    having = [entry] if entry else [n for n in catalog.names(group) if word in catalog.get(group, n).parameters]
    if set(having) & set(default_options(catalog)[group]):
        return []
    name = parameter.path.stem if parameter.path.stem in having else having[0]
    option = catalog.get(group, name)
    missing = [f"{group}.{p.name}=..." for p in option.parameters.values() if p.default == "???" and p.name != rest]
    choice = f"{group}=[{name}]" if group in LIST_GROUPS else f"{group}={name}"
    return [*_fitting(catalog, option), choice, *missing]


def _fitting(catalog: Catalog, option: Option) -> list[str]:
    """The words that the option wants beside it: an activation that it looks at, the data of its example or task."""
    tasks, looks_at = option.facts.get("tasks"), option.facts.get("looks_at")
    (data,), (activation,) = default_options(catalog)["data"], default_options(catalog)["activation"]
    words = [f"activation={looks_at[0]}"] if looks_at and activation not in looks_at else []
    example = shlex.split(next(_examples(option), ""))
    if option.group != "model":
        words += [word for word in example if _is_special(word, catalog)]
    if option.group == "data":
        return words
    if taken := [word for word in example if word.startswith(("data=", "data."))]:
        return [*words, *taken]
    if tasks is None or catalog.get("data", data).facts.get("task") in tasks:
        return words
    fitting = [name for name in catalog.names("data") if catalog.get("data", name).facts.get("task") == tasks[0]]
    return [*words, *([f"data={fitting[0]}"] if fitting else [])]


def _is_special(word: str, catalog: Catalog) -> bool:
    """Whether a word of an example chooses a model that is for some tasks alone: the usual one would not do."""
    group, _, name = word.partition("=")
    return group == "model" and catalog.has("model", name) and "tasks" in catalog.get("model", name).facts


def _counts(catalog: Catalog, option: Option, parameter: Parameter) -> bool:
    """Whether a key does something: a model's does where one of its layers reads it."""
    if option.group != "model":
        return True
    text = f"{option.defaults.get('layers')} {option.defaults.get('head')}"
    layers = [catalog.get("layer", word) for word in set(re.findall(r"\w+", text)) if catalog.has("layer", word)]
    texts = [text, *(str(value) for layer in layers for value in layer.defaults.values())]
    return any(re.search(rf"\${parameter.name}\b", each) for each in texts)


def _item(option: Option) -> str:
    required = [p.name for p in option.parameters.values() if p.default == "???"]
    if option.facts.get("call") == "list":
        return f"{{branches: [[...], [...]], merge: {option.name}}}"
    if not option.parameters:
        return option.name
    first = option.parameters[str(option.first_parameter)]
    if len(required) > 1:
        sizes = dict(zip(required, (_SIZES[0], *[_SIZES[1]] * len(required)), strict=False))
        return f"{option.name}: {{{', '.join(f'{name}: {size}' for name, size in sizes.items())}}}"
    if first.default == "???":
        return f"{option.name}: {'[' + _SIZES[0] + ']' if first.rule.text.startswith('list') else _SIZES[0]}"
    return option.name if str(first.default).startswith("$") else f"{option.name}: {typed(first.default)}"


def _above_zero(parameter: Parameter) -> list[int | float]:
    """Values to try where the default is 0.0: shares up to 1, whole units, or small numbers."""
    if not parameter.rule.accepts(1e9):
        return [0.0, 0.1, 0.3]
    return [0, 1, 3] if parameter.rule.unit else [0.0, 1e-5, 1e-4]


def _values_to_try(parameter: Parameter) -> list[str]:
    """A few values around the default that the rule accepts, the default in the middle; none where it is no number."""
    default, rule = parameter.default, parameter.rule
    if isinstance(default, bool):
        return [typed(default), typed(not default)]
    if rule.choices and isinstance(default, str):
        others = [choice for choice in rule.choices if choice != default]
        return [default, *others][:3] if others else []
    if isinstance(default, int):
        candidates: list[int | float] = [default // 2, default, default * 2] if default else [0, 1, 2]
    elif isinstance(default, float):
        around = [1 - (1 - default) * 2, default, 1 - (1 - default) / 2] if 0.5 < default < 1 else []
        candidates = around or ([default / 10, default, default * 10] if default else _above_zero(parameter))
    else:
        return []
    return [typed(value) for value in dict.fromkeys(candidates) if rule.accepts(value)]
