"""JSON Schema of the layer grammar: items, structural words, blocks, the options that layers take."""

from __future__ import annotations

from collections.abc import Mapping

from dlrun.config.catalog import Catalog, Option
from dlrun.config.jsonschema import (
    EXPRESSION,
    Schema,
    any_of,
    choice,
    closed,
    documented,
    options_of,
    parameter,
)
from dlrun.models.items import STRUCTURE

__all__ = ["HEAD", "ITEMS", "definitions"]

ITEMS: Schema = {"$ref": "#/definitions/items"}
HEAD: Schema = {"anyOf": [{"enum": ["auto"]}, EXPRESSION, {"$ref": "#/definitions/item"}, ITEMS]}

_NESTED = ("activation", "initializer", "regularizer", "constraint")
_BY_INPUT: Schema = {"type": "object", "additionalProperties": ITEMS}
_NAMES: Schema = {"type": "array", "items": {"type": "string"}, "minItems": 1}
_WORDS: Mapping[str, tuple[Schema, str]] = {
    "for": (
        {"type": "object", "additionalProperties": {"anyOf": [{"type": "array"}, EXPRESSION]}, "minProperties": 1},
        "Its `layers` once for each item of lists of one length: {f: $filters, d: $depth}",
    ),
    "repeat": (
        {"anyOf": [{"type": "integer", "minimum": 0}, EXPRESSION]},
        "Its `layers` n times; $i counts from 0",
    ),
    "residual": (ITEMS, "x + f(x); where the shapes differ, x goes through the `shortcut`"),
    "branches": (
        {
            "anyOf": [
                {"type": "array", "items": ITEMS, "minItems": 1},
                {"type": "object", "additionalProperties": ITEMS},
            ]
        },
        "Lists of layers side by side; `merge` joins them, concatenate if nothing is said",
    ),
    "shared": ({"anyOf": [_NAMES, EXPRESSION]}, "The same weights on several inputs: [left, right]"),
    "save": ({"type": "string"}, "Put the tensor aside under this name"),
    "join": ({"type": "string"}, "Take the latest tensor of this name and merge it in"),
    "when": ({"anyOf": [{"type": "boolean"}, EXPRESSION]}, "The item, or its `layers`, is there only if this is true"),
    "layers": (ITEMS, "The layers inside"),
    "shortcut": (ITEMS, "What x goes through where the shapes differ"),
}


def definitions(catalog: Catalog) -> dict[str, Schema]:
    """The definitions that `ITEMS` and `HEAD` refer to."""
    layers = options_of(catalog, "layer")
    merges = [layer for layer in layers if layer.facts.get("call") == "list"]
    words = {word: documented(schema, text) for word, (schema, text) in _WORDS.items()}
    merge = any_of([choice(merges), closed({layer.name: _ref(layer) for layer in merges}, maxProperties=1)])
    words["merge"] = documented(merge, "How the tensors meet")
    names = {layer.name: {"$ref": f"#/definitions/layer_{layer.name}"} for layer in layers}
    plain = choice([layer for layer in layers if layer not in merges])
    found: dict[str, Schema] = {
        "items": {"type": "array", "items": {"$ref": "#/definitions/item"}},
        "item": {"if": {"type": "string"}, "then": plain, "else": closed({**names, **words}, **_together(list(names)))},
    }
    groups = {group: {"$ref": f"#/definitions/{group}"} for group in _NESTED}
    for group in _NESTED:
        found[group] = _nested(options_of(catalog, group), groups)
    return found | {f"layer_{layer.name}": _node(layer, groups) for layer in layers}


def _ref(layer: Option) -> Schema:
    return {"$ref": f"#/definitions/layer_{layer.name}"}


def _together(layers: list[str]) -> dict[str, object]:
    """What may stand in one item: a layer alone or with `when`, a structural word with its companions."""
    companions: dict[str, object] = {"shortcut": ["residual"]}
    for word, beside in STRUCTURE.items():
        if "layers" in beside and word != "when":
            companions[word] = ["layers"]
    others = sorted({"layers", "shortcut", "merge", *STRUCTURE} - {"when"})
    alone = {"properties": dict.fromkeys(others, False)}
    return {
        "minProperties": 1,
        "dependencies": companions | {name: {"maxProperties": 2, **alone} for name in layers},
    }


def _nested(options: list[Option], groups: Mapping[str, Schema]) -> Schema:
    """A choice inside a layer: `he_normal`, `{constant: {value: 0.1}}`, `{option: constant, value: 0.1}`."""
    by_name = closed({option.name: _node(option, groups) for option in options}, minProperties=1, maxProperties=1)
    spelt_out = {"type": "object", "required": ["option"], "properties": {"option": choice(options)}}
    return any_of([choice(options), EXPRESSION, by_name, spelt_out])


def _node(option: Option, groups: Mapping[str, Schema]) -> Schema:
    """What stands behind an option's name: nothing, its first parameter, or a mapping of parameters."""
    properties = {name: parameter(given, EXPRESSION, groups) for name, given in option.parameters.items()}
    first = [properties[option.first_parameter]] if option.first_parameter else []
    return documented(any_of([closed(properties), *first, {"type": "null"}]), option.description)
