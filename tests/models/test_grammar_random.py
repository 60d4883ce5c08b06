"""Properties of the grammar over random models."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from dlrun.config.catalog import Catalog
from dlrun.config.roots import Roots
from dlrun.models.grammar import check, expand
from dlrun.models.nodes import Branches, Join, Layer, Node, Residual, Shared

CATALOG = Catalog(Roots.of(Path("/")))
UNITS = st.one_of(st.integers(1, 512), st.sampled_from(["$width", "$width * 2", "$hidden[0]", "$width if deep else 3"]))
LEAVES = st.one_of(
    st.sampled_from(["flatten", "activation", "batch_normalization", "dropout"]),
    st.builds(lambda units: {"dense": units}, UNITS),
    st.builds(
        lambda units, when: {"dense": {"units": units}, "when": when}, UNITS, st.sampled_from([True, False, "$deep"])
    ),
    st.builds(lambda rate: {"dropout": rate}, st.floats(0, 0.99)),
)


def _nested(items: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    lists = st.lists(items, max_size=3)
    merge = st.sampled_from(["add", "concatenate", {"concatenate": {"axis": 1}}])
    return st.one_of(
        st.builds(lambda n, layers: {"repeat": n, "layers": layers}, st.integers(0, 3), lists),
        st.builds(lambda layers: {"for": {"width": "$hidden"}, "layers": layers}, lists),
        st.builds(
            lambda body, short, merge: {"residual": body, "shortcut": short, "merge": merge}, lists, lists, merge
        ),
        st.builds(
            lambda parts, merge: {"branches": parts, "merge": merge}, st.lists(lists, min_size=1, max_size=3), merge
        ),
        st.builds(lambda body: {"when": "$deep", "layers": [{"save": "s"}, *body, {"join": "s"}]}, lists),
        st.builds(lambda body: {"shared": ["left", "right"], "layers": body}, lists),
    )


MODELS = st.lists(st.recursive(LEAVES, _nested, max_leaves=12), max_size=5)
KEYS = st.fixed_dictionaries(
    {"width": st.integers(1, 64), "hidden": st.lists(st.integers(1, 64), min_size=1, max_size=3), "deep": st.booleans()}
)


def _spec(layers: list[Any], keys: dict[str, Any]) -> dict[str, Any]:
    groups = {"activation": "relu", "initializer": "he_normal", "regularizer": "none", "constraint": "none"}
    return {
        "seed": 0,
        "task": "multiclass",
        "classes": 3,
        "model": {**CATALOG.get("model", "base").defaults, "option": "base", "layers": layers, **keys},
        **{group: {"option": name, **CATALOG.get(group, name).defaults} for group, name in groups.items()},
    }


def _layers(nodes: tuple[Node, ...]) -> list[Layer]:
    found: list[Layer] = []
    for node in nodes:
        match node:
            case Layer():
                found.append(node)
            case Residual():
                found += [*_layers(node.body), *_layers(node.shortcut), node.merge]
            case Branches():
                found += [*itertools.chain(*(_layers(branch.body) for branch in node.branches)), node.merge]
            case Shared():
                found += [*_layers(node.body), node.merge]
            case Join():
                found.append(node.merge)
    return found


@settings(max_examples=150, deadline=None)
@given(MODELS, KEYS)
def test_every_valid_model_expands_the_same_way_twice(layers: list[Any], keys: dict[str, Any]) -> None:
    spec = _spec(layers, keys)
    expansion = expand(spec, CATALOG)
    assert expansion.problems == ()
    assert expansion == expand(spec, CATALOG)
    built = _layers(expansion.nodes + expansion.head)
    assert len({layer.path for layer in built}) == len(built)
    assert len({layer.name for layer in built}) == len(built)
    assert all(rule.accepts(layer.parameters[name]) for layer in built for name, rule in _rules(layer))


@settings(max_examples=100, deadline=None)
@given(
    st.recursive(
        st.one_of(st.none(), st.integers(), st.text(), st.sampled_from(["dense", "$x", "for", "layers"])),
        lambda parts: st.one_of(
            st.lists(parts),
            st.dictionaries(
                st.sampled_from(
                    [
                        "for",
                        "repeat",
                        "layers",
                        "when",
                        "dense",
                        "merge",
                        "branches",
                        "residual",
                        "save",
                        "join",
                        "shared",
                    ]
                ),
                parts,
                max_size=3,
            ),
        ),
    )
)
def test_any_plain_value_is_checked_without_a_traceback(value: Any) -> None:
    check(_spec([value], {}), CATALOG)
    check(_spec(["flatten"], {"head": value}), CATALOG)


def _rules(layer: Layer) -> list[tuple[str, Any]]:
    return [(name, parameter.rule) for name, parameter in CATALOG.get("layer", layer.option).parameters.items()]
