"""JSON Schema of the files that a user writes: experiments, `project.yaml`, and the option files of each group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from dlrun.config.catalog import LIST_GROUPS, Catalog, Option, Parameter
from dlrun.config.facts import FACTS
from dlrun.config.groups import meanings
from dlrun.config.jsonschema import (
    EXPRESSION,
    INTERPOLATION,
    Schema,
    any_of,
    choice,
    closed,
    documented,
    options_of,
    parameter,
    parameter_text,
)
from dlrun.config.rules import MISSING
from dlrun.models.itemschema import HEAD, ITEMS, definitions

__all__ = ["FACT_MEANINGS", "config_schema", "kinds", "option_schema"]

_DRAFT = "http://json-schema.org/draft-07/schema#"
_ANYTHING: Schema = {}
_PATH = {"type": "string", "pattern": r"^[A-Za-z_]\w*([.:][A-Za-z_]\w*)+$"}
_NAMES: Schema = {"type": "array", "items": {"type": "string"}}
_HYDRA = "Hydra's own settings"

FACT_MEANINGS: Mapping[str, str] = {
    "target": "What is built: the import path of a class or function; {binary: PATH, multiclass: PATH} for one a task",
    "derived": "Arguments of the target that $expressions compute",
    "builds": "What stands in for a target in a layer that only chooses a function",
    "layers": "A block: the layers that this one stands for",
    "task": "What the data is for: binary, multiclass, regression or segmentation",
    "tasks": "The tasks that it fits",
    "by_task": "The option that `auto` becomes, for each task",
    "classes": "How many classes the data has",
    "samples": "How many samples the data has",
    "shape": "The shape of one sample",
    "given": "Which of groups, times and parts the samples come with, for the splits that go by them",
    "version": "Raise it when what is generated changes, and runs get new ids",
    "inspect": "The function that looks at a file and says what data it holds",
    "files": "The function that names the files that the data is read from: their content is its identity",
    "entry": "The function that names the folder of the cache in which the converted samples lie",
    "not_identity": "The parameters that say where samples are and not what they are: no part of a run's id",
    "call": "How the layer takes its tensors: list for a merge, [x, x] for one tensor twice",
    "rank": "How many dimensions a sample must have, the batch apart",
    "channels": "How many channels an image must have",
    "value_range": "The least and the greatest value that the preprocessing gives images",
    "mixes_labels": "Whether the augmentation mixes the labels of samples as well",
    "reshapes": "Whether the layer may be given any shape",
    "goal": "Whether more is better (max) or less (min)",
    "units": "difference where the metric has the unit of the target",
    "reusable": "The numbers that may differ between trials which share a compiled program",
    "state": "The attributes that a resumed run puts back",
    "state_files": "The attributes that hold paths of files which a resumed run puts back",
    "keeps_best_weights": "Whether the callback brings the best epoch's weights back",
    "sets_learning_rate": "Whether the callback sets the learning rate",
    "moves_pixels": "Whether the augmentation moves what is seen, so that a mask would no longer fit",
    "looks_at": "The activation functions that the probe looks at; without it, every layer",
}
"""What each fact of an option file says."""

_FACT_SCHEMAS: Mapping[str, Schema] = {
    "target": {"anyOf": [_PATH, {"type": "object", "additionalProperties": _PATH}]},
    "derived": {"type": "object"},
    "by_task": {"type": "object"},
    "tasks": _NAMES,
    "goal": {"enum": ["max", "min"]},
    **dict.fromkeys(("looks_at", "not_identity", "reusable", "state", "state_files"), _NAMES),
}


def kinds(catalog: Catalog) -> tuple[str, ...]:
    """What there is a schema of: `experiment`, `project`, `option/GROUP`."""
    return ("experiment", "project", *(f"option/{group}" for group in catalog.groups if group != "experiment"))


def config_schema(catalog: Catalog, kind: str) -> Schema:
    """The schema of an experiment or of `project.yaml`: choices of options, and keys as they lie in a config.

    Args:
        kind: `experiment` or `project`.
    """
    groups = [group for group in catalog.groups if group not in ("experiment", "layer")]
    options = {group: options_of(catalog, group) for group in groups}
    said = meanings(catalog)
    keys = {group: documented(_group_schema(group, options[group]), said.get(group, "")) for group in groups}
    tops = {name: parameter(given) for name, given in catalog.primary.parameters.items()}
    texts = [*catalog.names("experiment"), "_self_"] if kind == "experiment" else ["_self_"]
    entry = {"if": {"type": "string"}, "then": {"enum": texts}, "else": _choices(options)}
    defaults = {"type": "array", "items": entry}
    return {
        "$schema": _DRAFT,
        **closed(
            {
                "defaults": documented(defaults, "What is chosen: `- override /optimizer: adam`; `- _self_` last"),
                **tops,
                **keys,
                "hydra": _hydra(catalog, options),
            }
        ),
        "allOf": list(_narrowed(options)),
        "definitions": definitions(catalog),
    }


def _group_schema(group: str, options: Sequence[Option]) -> Schema:
    """The keys of a group: those of all its options, since which one is chosen may be said elsewhere."""
    if group in LIST_GROUPS:
        entries = {
            option.name: documented(closed(_parameters(group, option.parameters)), option.description)
            for option in options
        }
        return closed(entries)
    merged: dict[str, list[tuple[Option, Parameter]]] = {}
    for option in options:
        for name, given in option.parameters.items():
            merged.setdefault(name, []).append((option, given))
    return closed({name: _merged(group, found) for name, found in merged.items()})


def _merged(group: str, found: Sequence[tuple[Option, Parameter]]) -> Schema:
    """One key that several options declare: any of their rules, and what each says of it."""
    first = found[0][1]
    rules = {given.rule.text: given for _, given in found}
    schemas = [schema for given in rules.values() for schema in _parameter(group, given)["anyOf"]]
    unique = [schema for index, schema in enumerate(schemas) if schema not in schemas[:index]]
    texts: dict[str, list[str]] = {}
    for option, given in found:
        texts.setdefault(parameter_text(given), []).append(option.name)
    said = [text if len(texts) == 1 else f"{', '.join(names)}: {text}" for text, names in texts.items()]
    schema = documented(any_of(unique), "\n\n".join(said))
    same = all(given.default == first.default for _, given in found) and first.default != MISSING
    return schema | {"default": first.default} if same else schema


def _parameters(group: str, given: Mapping[str, Parameter]) -> dict[str, Schema]:
    return {name: _parameter(group, each) for name, each in given.items()}


def _parameter(group: str, given: Parameter) -> Schema:
    if group == "model" and given.name in ("layers", "head"):
        schema = ITEMS if given.name == "layers" else HEAD
        return documented({"anyOf": [schema, INTERPOLATION]}, given.meaning)
    return parameter(given, EXPRESSION if group == "model" else INTERPOLATION)


def _choices(options: Mapping[str, Sequence[Option]]) -> Schema:
    """An entry of a defaults list: `override /optimizer: adam`, `override /callback: [early_stopping]`."""
    properties: dict[str, Schema] = {}
    for group, known in options.items():
        one = choice(known)
        if group in LIST_GROUPS:
            properties[f"override /{group}"] = {"type": "array", "items": one}
            properties[f"/{group}"] = {"type": "array", "items": one}
        else:
            properties[f"override /{group}"] = any_of([one, INTERPOLATION])
    hydra = {"^(override )?/?hydra/": _ANYTHING, "^(override )?/?\\w+@": _ANYTHING}
    return closed(properties, patternProperties=hydra, minProperties=1, maxProperties=1)


def _hydra(catalog: Catalog, options: Mapping[str, Sequence[Option]]) -> Schema:
    """Hydra's node: what a sweep varies stands under `sweeper.params`."""
    value = {"type": ["string", "number", "boolean", "array", "null"]}
    keys: dict[str, Schema] = dict.fromkeys(catalog.primary.parameters, value)
    for group, known in options.items():
        keys[group] = documented(value, f"Options of {group}, with commas between: {', '.join(o.name for o in known)}")
        for option in known:
            prefix = f"{group}.{option.name}" if group in LIST_GROUPS else group
            keys |= {f"{prefix}.{name}": documented(value, parameter_text(p)) for name, p in option.parameters.items()}
    deeper = {"^model\\.(layers|head|hidden|filters|\\w+)\\.": value, "@": value, "^hydra": value}
    params = closed(keys, patternProperties=deeper)
    sweeper = {"type": "object", "properties": {"params": documented(params, "What -m sweeps: KEY: VALUE,VALUE")}}
    return documented({"type": "object", "properties": {"sweeper": sweeper}}, _HYDRA)


def _narrowed(options: Mapping[str, Sequence[Option]]) -> Iterator[Schema]:
    """Where the file itself chooses an option, its group takes that option's keys only."""
    for group, known in options.items():
        for option in known if group not in LIST_GROUPS else ():
            key = f"override /{group}"
            chosen = {"type": "object", "required": [key], "properties": {key: {"const": option.name}}}
            names = closed(dict.fromkeys(option.parameters, _ANYTHING))
            yield {
                "if": {"required": ["defaults"], "properties": {"defaults": {"contains": chosen}}},
                "then": {"properties": {group: names}},
            }


def option_schema(catalog: Catalog, group: str) -> Schema:
    """The schema of the option files of a group: facts, parameters with their defaults, and for layers and models
    the grammar of items."""
    known = options_of(catalog, group)
    parents = [f"{option.name}@_here_" if group in LIST_GROUPS else option.name for option in known]
    parents += ["base"] if catalog.roots.find(group, "base") else []
    others = {name: options_of(catalog, name) for name in catalog.groups if name not in ("experiment", "layer")}
    override = {f"override /{name}@_global_.{name}": choice(found) for name, found in others.items()}
    one = closed(override, minProperties=1, maxProperties=1)
    entry = {"if": {"type": "string"}, "then": {"enum": [*parents, "_self_"]}, "else": one}
    facts = {
        f"_{fact}_": documented(_FACT_SCHEMAS.get(fact, {}), FACT_MEANINGS[fact]) for fact in sorted(FACTS - {"layers"})
    }
    fixed: dict[str, Schema] = {}
    if group in ("layer", "model"):
        fixed["layers"] = documented({"anyOf": [ITEMS]}, FACT_MEANINGS["layers"] if group == "layer" else "The model")
    if group == "model":
        fixed["head"] = documented(HEAD, "The output layer; auto is what the task asks for")
    return {
        "$schema": _DRAFT,
        "type": "object",
        "properties": {
            "defaults": documented({"type": "array", "items": entry}, "What it inherits; `_self_` stands last"),
            **facts,
            **fixed,
        },
        "patternProperties": {f"^_(?!({'|'.join(sorted(FACTS))})_$).+_$": False},
        "allOf": list(_inherited(group, known)),
        **({"definitions": definitions(catalog)} if fixed else {}),
    }


def _inherited(group: str, known: Sequence[Option]) -> Iterator[Schema]:
    """Where the file names a parent, the parent's rules hold for the keys that it does not explain anew."""
    for option in known:
        name = f"{option.name}@_here_" if group in LIST_GROUPS else option.name
        yield {
            "if": {"required": ["defaults"], "properties": {"defaults": {"contains": {"const": name}}}},
            "then": {"properties": _parameters(group, option.parameters)},
        }
