"""What the grammar refuses: each with its key, its rule and what to write instead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from dlrun.models.grammar import check, expand

if TYPE_CHECKING:
    from conftest import Project

ITEMS: list[tuple[Any, str]] = [
    ("dens", "model.layers[0] must be a layer option or a structural word; got 'dens'. Did you mean dense?"),
    ({"repeet": 2, "layers": []}, "model.layers[0].layers must not stand beside repeet"),
    ({"dense": {"unit": 3}}, "model.layers[0].dense.unit must be a parameter of layer/dense. Did you mean units?"),
    ({"flatten": 3}, "model.layers[0].flatten must be a parameter of layer/flatten; got 3. It has none."),
    ("dense", "model.layers[0].dense.units must be given a value. Set units: outputs."),
    ({"dense": 0}, "model.layers[0].dense.units must be a whole number in [1, inf); got 0."),
    ({"dense": "$2 - 2"}, "model.layers[0].dense.units must be a whole number in [1, inf); got 0 from $2 - 2."),
    ({"dense": "64"}, "model.layers[0].dense.units must be a whole number in [1, inf); got '64'."),
    ({"dropout": 1.5}, "model.layers[0].dropout.rate must be a number in [0, 1); got 1.5."),
    (
        {"conv2d": {"filters": 3, "padding": "some"}},
        "padding must be same or valid; got 'some'. Did you mean padding: same?",
    ),
    (
        {"dense": "$hiden"},
        "must read names that are bound: $hiden is not; got '$hiden'. Bound here: batch_norm, dropout.",
    ),
    ({"dropout": "$droput"}, "must read names that are bound: $droput is not; got '$droput'. Did you mean $dropout?"),
    ({"dense": "$4 +"}, "must be an expression that can be read"),
    ({"dense": "$(1).bit_length()"}, "bit_length() is not allowed in an expression"),
    ({"dense": "$1 // 0"}, "must have a value"),
    ({"activation": "rellu"}, "must be an option of activation (dlrun ls activation); got 'rellu'. Did you mean relu?"),
    (
        {"activation": {"leaky_relu": {"slope": 1}}},
        "function.leaky_relu.slope must be a parameter of activation/leaky_relu",
    ),
    (
        {"dense": {"units": 1, "kernel_regularizer": {"l2": -1}}},
        "kernel_regularizer.l2.l2 must be a number in [0, inf); got -1",
    ),
    (
        {"dense": {"units": 1, "kernel_regularizer": {"l2": 1, "l1": 1}}},
        "kernel_regularizer must be an option of regularizer",
    ),
    (3, "model.layers[0] must be a layer or a structural word; got 3."),
    ({"dense": None, "units": 4}, "must name one layer or structural word; got dense, units. Parameters stand inside"),
    ({}, "must name one layer or structural word; got nothing."),
    ({"merge": "add"}, "must name one layer or structural word; got merge."),
    ({"dense": 3, "shortcut": []}, "model.layers[0].shortcut must not stand beside dense. dense takes when beside it."),
    ({"for": {"u": 3}, "layers": []}, "model.layers[0].for.u must be a list; got 3. Write [3]"),
    ({"for": {"u": [1, 2], "v": [1]}, "layers": []}, "must run over lists of one length; got {u: 2, v: 1}"),
    ({"for": [1, 2], "layers": []}, "model.layers[0].for must name each variable and its list"),
    ({"for": {"u": [1]}}, "model.layers[0] must have layers beside for. Write `layers: [...]` beside for."),
    ({"repeat": [1, 2], "layers": []}, "must be a whole number, 0 or more; got [1, 2]. `for` runs over a list."),
    ({"repeat": -1, "layers": []}, "model.layers[0].repeat must be a whole number, 0 or more; got -1."),
    ({"repeat": 10**9, "layers": []}, "must expand to at most 10,000 layers"),
    ({"repeat": 200, "layers": [{"repeat": 200, "layers": ["flatten"]}]}, "must expand to at most 10,000 layers"),
    ({"residual": "dense"}, "model.layers[0].residual must be a list of layers; got 'dense'."),
    (
        {"residual": [], "merge": "dense"},
        "model.layers[0].merge must be a layer that takes a list of tensors; got 'dense'.",
    ),
    (
        {"residual": [], "merge": "ad"},
        "model.layers[0].merge must be a layer option or a structural word; got 'ad'. Did you mean add?",
    ),
    ({"branches": []}, "model.layers[0].branches must be lists of layers; got []."),
    ({"branches": ["flatten"]}, "model.layers[0].branches[0] must be a list of layers; got 'flatten'."),
    ({"shared": "left", "layers": []}, "model.layers[0].shared must be a list of inputs' names; got 'left'."),
    (
        {"repeat": 2, "dense": 32},
        "got repeat, dense. What repeat builds stands in `layers` beside it: `layers: [{dense: 32}]`.",
    ),
    ({"repeat": 2, "layers": {"dense": 3}}, "got {dense: 3}. Put `- ` in front of each layer."),
    ({"linear": 10}, "got 'linear'. Did you mean dense?"),
    ({"save": 3}, "model.layers[0].save must be a name; got 3. Write `save: skip`."),
    ({"save": "skip"}, "model.layers[0].save must be joined later; got 'skip'."),
    (
        {"join": "skip"},
        "model.layers[0].join must take what a `save` above it left; got 'skip'. Put `save: skip` above it.",
    ),
    ({"flatten": None, "when": 3}, "model.layers[0].when must be true or false; got 3."),
    ("add", "model.layers[0] must stand as a merge: it takes several tensors; got 'add'."),
]


@pytest.mark.parametrize(("item", "says"), ITEMS)
def test_a_wrong_item_is_told_with_its_path_and_its_mend(project: Project, item: Any, says: str) -> None:
    problems = check(project.layers([item]), project.catalog)
    assert len(problems) == 1, problems
    assert says in str(problems[0])


def test_all_problems_come_at_once_and_once_for_all_passes(project: Project) -> None:
    items = ["flaten", {"for": {"u": [0, 4]}, "layers": [{"dense": "$u"}, {"dropout": 2}, "activaton"]}]
    problems = check(project.layers(items), project.catalog)
    assert [problem.key for problem in problems] == [
        "model.layers[0]",
        "model.layers[1].layers#0[0].dense.units",
        "model.layers[1].layers#0[1].dropout.rate",
        "model.layers[1].layers#0[2]",
    ]


def test_one_cause_is_one_problem(project: Project) -> None:
    project.write(
        "layer", "twice", "# Twice\nunits: ???  # int [1, inf): u\nlayers: [dense: $units, dense: $units + 1]\n"
    )
    (problem,) = check(project.layers([{"twice": "$nothing"}]), project.catalog)
    assert problem.key == "model.layers[0].twice.units"
    (problem,) = check(project.layers([{"for": {"u": "$nothing"}, "layers": [{"dense": "$u * 2"}]}]), project.catalog)
    assert problem.key == "model.layers[0].for.u"


def test_a_wrong_group_is_not_told_again_for_every_layer(project: Project) -> None:
    spec = project.spec("mlp", regularizer={"option": "l2", "l2": -1.0})
    assert check(spec, project.catalog) == []  # the check of the config tells it, once, at its own key


def test_a_layer_left_out_is_checked_for_its_names_only(project: Project) -> None:
    text = """
f: [1]      # list of int: one
deep: false # bool: whether
layers: [flatten, {dense: "$f[3]", when: $deep}, {dens: 3, when: false}]
"""
    (problem,) = expand(project.model(text), project.catalog).problems
    assert problem.key == "model.layers[2]"


def test_a_join_finds_the_nearest_name(project: Project) -> None:
    problems = check(project.layers([{"save": "skip"}, {"join": "skp"}]), project.catalog)
    assert "Did you mean skip?" in str(problems[0])


def test_what_shared_layers_save_stays_inside(project: Project) -> None:
    shared = {"shared": ["a", "b"], "layers": [{"save": "s"}, {"dense": 3}, {"join": "s"}]}
    assert check(project.layers([shared]), project.catalog) == []
    assert (
        len(check(project.layers([{"save": "s"}, {"shared": ["a"], "layers": [{"join": "s"}]}]), project.catalog)) == 2
    )


def test_the_place_is_the_file_and_line_that_says_it(project: Project) -> None:
    (problem,) = check(project.model("# Mine\n\nlayers: [dens]\n"), project.catalog)
    assert str(problem.place).endswith("conf/model/mine.yaml:3")
    changed = project.spec("mine", layers=["denze"])
    assert check(changed, project.catalog)[0].place is None  # it does not come from the file


@pytest.mark.parametrize(
    ("model", "keys", "says"),
    [
        ("linear", {"dropout": 0.3}, "model.dropout must stay 0: no layer of model=linear reads it; got 0.3."),
        (
            "perceptron",
            {"batch_norm": True},
            "model.batch_norm must stay false: no layer of model=perceptron reads it; got true.",
        ),
    ],
)
def test_a_key_that_no_layer_reads_is_refused(project: Project, model: str, keys: dict[str, Any], says: str) -> None:
    (problem,) = check(project.spec(model, **keys), project.catalog)
    assert says in str(problem)


@pytest.mark.parametrize(
    ("head", "task", "says"),
    [
        (
            {"dense": 1},
            "multiclass",
            "model.head.dense.units must be 3: the task is multiclass, 3 numbers a sample; got 1.",
        ),
        ({"dense": 2}, "binary", "model.head.dense.units must be 1: the task is binary, one number a sample; got 2."),
        (
            {"dense": {"units": 3, "activation": "sigmoid"}},
            "multiclass",
            "must be softmax or linear: the task is multiclass",
        ),
        ({"dense": {"units": 1, "activation": "softmax"}}, "binary", "must be sigmoid or hard_sigmoid or linear"),
        (
            [{"dense": 1}, {"activation": "softmax"}],
            "regression",
            "must be anything but softmax: the task is regression",
        ),
        ([], "multiclass", "model.head must not be empty."),
        (
            "dens",
            "multiclass",
            "model.head must be a layer option or a structural word; got 'dens'. Did you mean dense?",
        ),
        ({"dense": {"units": "$output"}}, "multiclass", "Did you mean $outputs?"),
        ([{"dens": 3}], "multiclass", "model.head[0] must be a layer option"),
        ("auto", "sequence", "model.head must be given for the task sequence; got auto."),
    ],
)
def test_a_head_against_its_task_is_refused(project: Project, head: Any, task: str, says: str) -> None:
    problems = check(project.spec("mlp", task=task, head=head), project.catalog)
    assert says in str(problems[0])
    assert len(problems) == 1


def test_a_model_made_for_another_task_is_refused(project: Project) -> None:
    (problem,) = check(project.spec("perceptron", task="regression", classes=None), project.catalog)
    assert "model must fit the task regression: perceptron is for binary or multiclass; got perceptron" in str(problem)
    assert "linear" in str(problem.mend) and "perceptron" not in str(problem.mend)
