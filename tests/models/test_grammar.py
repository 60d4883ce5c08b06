"""The layer grammar: every structural word, what names mean where, and what a model reads."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pytest

from dlrun.models.grammar import check, expand
from dlrun.models.nodes import Branches, Join, Layer, Node, Residual, Save, Shared

if TYPE_CHECKING:
    from conftest import Project


def brief(nodes: Sequence[Node]) -> list[Any]:
    """Nodes in short: `dense 5` for a layer and its first parameter, tuples for the rest."""
    return [_brief(node) for node in nodes]


def _brief(node: Node) -> Any:
    match node:
        case Layer():
            return " ".join([node.option, *(str(value) for value in list(node.parameters.values())[:1])])
        case Residual():
            return ("residual", brief(node.body), brief(node.shortcut), node.merge.option)
        case Branches():
            return ("branches", [(branch.input, brief(branch.body)) for branch in node.branches], node.merge.option)
        case Shared():
            return ("shared", node.inputs, brief(node.body), node.merge.option)
        case Save():
            return ("save", node.name)
        case Join():
            return ("join", node.name, node.merge.option)


def nodes_of(project: Project, items: list[Any], **keys: Any) -> list[Any]:
    expansion = expand(project.layers(items, **keys), project.catalog)
    assert [str(problem) for problem in expansion.problems] == []
    return brief(expansion.nodes)


def parameters_of(project: Project, item: Any, **keys: Any) -> dict[str, Any]:
    expansion = expand(project.layers([item], **keys), project.catalog)
    assert expansion.problems == ()
    (layer,) = expansion.nodes
    assert isinstance(layer, Layer)
    return dict(layer.parameters)


def test_the_models_of_the_package_have_no_problem(project: Project) -> None:
    for name in project.catalog.names("model"):
        tasks = project.catalog.get("model", name).facts.get("tasks", ["multiclass"])
        assert check(project.spec(name, task=tasks[-1]), project.catalog) == []


def test_an_item_is_a_name_a_value_or_parameters(project: Project) -> None:
    items = ["flatten", {"dense": 5}, {"dense": {"units": 6}}, {"flatten": None}, {"reshape": [2, 3]}]
    assert nodes_of(project, items) == ["flatten", "dense 5", "dense 6", "flatten", "reshape [2, 3]"]


def test_for_runs_over_lists_side_by_side(project: Project) -> None:
    items = [{"for": {"u": [3, 4], "r": [0.1, 0.2]}, "layers": [{"dense": "$u"}, {"dropout": "$r"}]}]
    assert nodes_of(project, items) == ["dense 3", "dropout 0.1", "dense 4", "dropout 0.2"]


def test_for_over_no_items_builds_nothing_and_reads_its_body_all_the_same(project: Project) -> None:
    spec = project.spec("mlp", hidden=[], dropout=0.5)
    assert brief(expand(spec, project.catalog).nodes) == ["flatten"]
    assert check(spec, project.catalog) == []


def test_repeat_counts_with_i(project: Project) -> None:
    assert nodes_of(project, [{"repeat": 3, "layers": [{"dense": "$2 ** (i + 1)"}]}]) == [
        "dense 2",
        "dense 4",
        "dense 8",
    ]
    assert nodes_of(project, [{"repeat": 0, "layers": ["flatten"]}]) == []


def test_the_inner_loop_hides_the_outer(project: Project) -> None:
    items = [{"repeat": 2, "layers": [{"dense": "$i + 1"}, {"repeat": 1, "layers": [{"dense": "$i + 10"}]}]}]
    assert nodes_of(project, items) == ["dense 1", "dense 10", "dense 2", "dense 10"]


def test_residual_adds_and_takes_a_shortcut(project: Project) -> None:
    items = [
        {"residual": [{"dense": 4}]},
        {"residual": [{"dense": 5}], "shortcut": [{"dense": 5}], "merge": "concatenate"},
    ]
    assert nodes_of(project, items) == [
        ("residual", ["dense 4"], [], "add"),
        ("residual", ["dense 5"], ["dense 5"], "concatenate"),
    ]


def test_branches_are_lists_or_start_from_inputs(project: Project) -> None:
    items = [{"branches": [[{"dense": 4}], []]}, {"branches": {"left": [{"dense": 5}]}, "merge": "add"}]
    assert nodes_of(project, items) == [
        ("branches", [(None, ["dense 4"]), (None, [])], "concatenate"),
        ("branches", [("left", ["dense 5"])], "add"),
    ]


def test_shared_layers_take_several_inputs(project: Project) -> None:
    items = [{"shared": ["left", "right"], "layers": [{"dense": 4}], "merge": {"concatenate": -1}}]
    assert nodes_of(project, items) == [("shared", ("left", "right"), ["dense 4"], "concatenate")]


def test_save_and_join(project: Project) -> None:
    items = [{"save": "skip"}, {"dense": 4}, {"join": "skip", "merge": "add"}]
    assert nodes_of(project, items) == [("save", "skip"), "dense 4", ("join", "skip", "add")]


@pytest.mark.parametrize(("depth", "expected"), [(1, ["dense 1"]), (3, ["dense 1", "flatten", "dense 2"])])
def test_when_decides_for_an_item_and_for_a_list(project: Project, depth: int, expected: list[str]) -> None:
    text = """
layers:
  - dense: 1
  - flatten:
    when: $depth > 2
  - when: $depth > 2
    layers: [dense: 2]
depth: 1  # int [1, inf): of it
"""
    spec = project.model(text, depth=depth)
    assert brief(expand(spec, project.catalog).nodes[: len(expected) + 1]) == expected


def test_a_block_is_its_layers(project: Project) -> None:
    project.write(
        "layer", "twice", "# Twice\nunits: ???  # int [1, inf): units\nlayers: [dense: $units, dense: $units * 2]\n"
    )
    assert nodes_of(project, [{"twice": 3}, {"twice": {"units": 5}}]) == ["dense 3", "dense 6", "dense 5", "dense 10"]


def test_a_blocks_parameters_hide_the_models_keys(project: Project) -> None:
    project.write("layer", "half", "# Half\ndropout: 0.5  # [0, 1): rate\nlayers: [dropout, {dropout: $dropout}]\n")
    assert nodes_of(project, ["half", "dropout"], dropout=0.1) == ["dropout 0.5", "dropout 0.5", "dropout 0.1"]
    expansion = expand(project.layers(["half"]), project.catalog)
    assert "dropout" not in expansion.used


def test_a_blocks_defaults_read_the_model_and_the_parameters_before_them(project: Project) -> None:
    text = """# Bottleneck
units: ???  # int [1, inf): out
inner: $units // 4  # int [1, inf): within
rate: $dropout  # [0, 1): rate
layers: [dense: $inner, dense: $units, dropout: $rate]
"""
    project.write("layer", "bottleneck", text)
    assert nodes_of(project, [{"bottleneck": 8}], dropout=0.2) == ["dense 2", "dense 8", "dropout 0.2"]
    assert expand(project.layers([{"bottleneck": 8}]), project.catalog).used == {"dropout"}


def test_a_block_does_not_see_its_callers_names(project: Project) -> None:
    project.write("layer", "peeping", "# Peeping\nunits: 4  # int [1, inf): unread\nlayers: [dense: $u]\n")
    project.write("layer", "outer", "# Outer\nu: 4  # int [1, inf): hers\nlayers: [peeping]\n")
    for items in ([{"for": {"u": [3]}, "layers": ["peeping"]}], ["outer"]):
        (problem,) = expand(project.layers(items), project.catalog).problems
        assert "must read names that are bound: $u is not" in str(problem)
        assert str(problem.place).endswith("peeping.yaml")


def test_a_block_may_not_contain_itself(project: Project) -> None:
    project.write("layer", "hen", "# Hen\nlayers: [egg]\n")
    project.write("layer", "egg", "# Egg\nlayers: [hen]\n")
    (problem,) = expand(project.layers(["hen"]), project.catalog).problems
    assert "must not contain itself: hen -> egg -> hen" in str(problem)


def test_model_wide_groups_reach_layers_and_are_overridden(project: Project) -> None:
    groups = {"initializer": "he_normal", "regularizer": {"option": "l2", "l2": 0.5}}
    wide = parameters_of(project, {"dense": 4}, **groups)
    assert wide["kernel_initializer"] == {"option": "he_normal", "seed": None}
    assert wide["kernel_regularizer"] == {"option": "l2", "l2": 0.5}
    assert wide["kernel_constraint"] is None  # the group's `none` builds nothing
    own = parameters_of(project, {"dense": {"units": 4, "kernel_regularizer": None}}, **groups)
    assert own["kernel_regularizer"] is None


@pytest.mark.parametrize(
    "value", ["l2", {"option": "l2", "l2": 0.0001}, {"l2": 0.0001}, {"l2": {"l2": 0.0001}}, {"l2": None}]
)
def test_an_option_in_a_parameter_is_a_name_or_a_mapping(project: Project, value: Any) -> None:
    values = parameters_of(project, {"dense": {"units": 4, "kernel_regularizer": value}})
    assert values["kernel_regularizer"] == {"option": "l2", "l2": 0.0001}


def test_activation_takes_the_group_or_names_its_own(project: Project) -> None:
    slope = {"option": "leaky_relu", "negative_slope": 0.2}
    for item, expected in [
        ("activation", {"option": "elu", "alpha": 1.0}),
        ({"activation": "tanh"}, {"option": "tanh"}),
        ({"activation": {"leaky_relu": 0.2}}, slope),
        ({"activation": {"leaky_relu": {"negative_slope": 0.2}}}, slope),
        ({"activation": {"option": "leaky_relu", "negative_slope": 0.2}}, slope),
        ({"activation": {"function": {"leaky_relu": 0.2}}}, slope),
    ]:
        assert parameters_of(project, item, activation="elu")["function"] == expected


def test_values_take_the_form_of_their_rule(project: Project) -> None:
    rate = parameters_of(project, {"dropout": 0})["rate"]
    assert (rate, type(rate)) == (0.0, float)


def test_a_key_may_be_an_expression_of_keys_before_it(project: Project) -> None:
    text = "width: 4  # int [1, inf): w\ndouble: $width * 2  # int [1, inf): d\nlayers: [dense: $double]\n"
    expansion = expand(project.model(text), project.catalog)
    assert (brief(expansion.nodes), expansion.used) == (["dense 8"], {"width", "double"})
    (problem,) = expand(project.model(text, double="$width / 3"), project.catalog).problems
    assert "model.double must be a whole number in [1, inf]" in str(problem).replace("inf)", "inf]")


def test_used_is_what_some_expression_reads(project: Project) -> None:
    expansion = expand(project.spec("mlp"), project.catalog)
    assert expansion.used == {"hidden", "batch_norm", "dropout"}
    assert expansion.groups == {"activation", "initializer", "regularizer", "constraint"}
    assert expand(project.spec("perceptron"), project.catalog).used == frozenset()


def test_a_layer_left_out_still_reads_its_names(project: Project) -> None:
    text = "deep: false  # bool: it\nunits: 3  # int [1, inf): u\nlayers: [flatten, {dense: $units, when: $deep}]\n"
    assert check(project.model(text, units=9), project.catalog) == []


def test_paths_say_where_a_layer_comes_from(project: Project) -> None:
    project.write("layer", "block", "# Block\nlayers: [flatten]\n")
    items = [
        {"for": {"u": [1, 2]}, "layers": [{"repeat": 2, "layers": [{"dense": "$u"}]}]},
        {"residual": ["block"]},
    ]
    nodes = expand(project.layers(items), project.catalog).nodes
    assert isinstance(nodes[3], Layer) and isinstance(nodes[4], Residual)
    assert nodes[3].path == "model.layers[0].layers#1[0].layers#1[0]"
    assert nodes[3].name == "dense_0_1_0_1_0"
    assert isinstance(inner := nodes[4].body[0], Layer)
    assert inner.path == "model.layers[1].residual[0].layers[0]"
    assert (inner.name, nodes[4].merge.name) == ("flatten_1_residual_0_0", "add_1_merge")


def test_the_head_follows_the_task(project: Project) -> None:
    for task, classes, ending in [
        ("binary", 2, "sigmoid"),
        ("multiclass", 7, "softmax"),
        ("regression", None, "linear"),
    ]:
        expansion = expand(project.spec("mlp", task=task, classes=classes), project.catalog, outputs=classes)
        assert expansion.output_activation == ending
        assert len(expansion.head) == 1
    assert expand(project.spec("mlp", classes=7), project.catalog).head[0].parameters["units"] == 7  # type: ignore[union-attr]


def test_the_head_takes_model_wide_groups_only_when_it_asks(project: Project) -> None:
    groups = {"initializer": "he_normal", "regularizer": "l2"}
    for head in ("auto", {"dense": "$outputs"}, [{"dense": "$outputs"}]):
        layer = expand(project.spec("mlp", head=head, **groups), project.catalog).head[0]
        assert isinstance(layer, Layer)
        assert layer.parameters["kernel_initializer"]["option"] == "glorot_uniform"
        assert layer.parameters["kernel_regularizer"] is None
    (layer,) = expand(project.spec("linear", **groups), project.catalog).head
    assert isinstance(layer, Layer)
    assert layer.parameters["kernel_regularizer"]["option"] == "l2"


def test_a_head_may_be_a_list(project: Project) -> None:
    head = [{"dense": 8}, "activation", {"dense": "$outputs"}, {"activation": "softmax"}]
    expansion = expand(project.spec("mlp", head=head), project.catalog)
    assert brief(expansion.head)[0::2] == ["dense 8", "dense 3"]
    assert expansion.output_activation == "softmax"
    assert check(project.spec("mlp", head=head), project.catalog) == []


def test_checking_takes_milliseconds_and_no_tensorflow(project: Project) -> None:
    spec = project.spec("cnn", filters=[8, 16, 32, 64], batch_norm=True)
    check(spec, project.catalog)
    began = time.perf_counter()
    check(spec, project.catalog)
    assert time.perf_counter() - began < 0.2
    code = "import sys, dlrun.models.grammar; print({'tensorflow', 'keras'} & sys.modules.keys())"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"
