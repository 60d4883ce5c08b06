"""From a spec to a keras.Model: shapes, heads, sharing, models in Python, and what cannot be built."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pytest

from dlrun.errors import ConfigError
from dlrun.models.build import build_model

if TYPE_CHECKING:
    from conftest import Project

IMAGE = (8, 8, 1)


def build(project: Project, items: list[Any], shape: Any = (6,), outputs: int = 3, **keys: Any) -> keras.Model:
    return build_model(project.layers(items, **keys), project.catalog, shape, outputs)


def problem_of(project: Project, items: list[Any], shape: Any = (6,), outputs: int = 3, **keys: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        build(project, items, shape, outputs, **keys)
    return str(caught.value)


@pytest.mark.parametrize(
    ("task", "classes", "outputs", "ending"),
    [("binary", 2, 1, "sigmoid"), ("multiclass", 10, 10, "softmax"), ("regression", None, 2, "linear")],
)
@pytest.mark.parametrize("model", ["base", "linear", "mlp", "cnn"])
def test_every_model_fits_every_task(
    project: Project, model: str, task: str, classes: int | None, outputs: int, ending: str
) -> None:
    spec = project.spec(model, task=task, classes=classes)
    built = build_model(spec, project.catalog, IMAGE, outputs)
    assert built.output_shape == (None, outputs)
    assert built.layers[-1].activation is keras.activations.get(ending)
    assert built.predict(np.zeros((2, *IMAGE)), verbose=0).shape == (2, outputs)


def test_layers_are_named_from_their_paths(project: Project) -> None:
    names = [layer.name for layer in build_model(project.spec("mlp"), project.catalog, (6,), 3).layers]
    assert names == [
        "input",
        "flatten_0",
        *("dense_1_0_0", "activation_1_0_2", "dropout_1_0_3"),
        *("dense_1_1_0", "activation_1_1_2", "dropout_1_1_3"),
        "dense_head",
    ]


def test_the_activation_layer_is_the_groups_option(project: Project) -> None:
    spec = project.spec("mlp", activation={"option": "leaky_relu", "negative_slope": 0.2})
    layer = build_model(spec, project.catalog, (6,), 3).get_layer("activation_1_0_2")
    assert isinstance(layer, keras.layers.LeakyReLU)
    assert layer.negative_slope == pytest.approx(0.2)


def test_a_dropout_of_rate_zero_stays_in_the_model(project: Project) -> None:
    shapes = [
        [(layer.name, type(layer)) for layer in build_model(spec, project.catalog, (6,), 3).layers]
        for spec in (project.spec("mlp", dropout=0.0), project.spec("mlp", dropout=0.3))
    ]
    assert shapes[0] == shapes[1]


def test_regularizers_and_constraints_are_built(project: Project) -> None:
    spec = project.spec("mlp", regularizer={"option": "l2", "l2": 0.25}, constraint="non_neg")
    built = build_model(spec, project.catalog, (6,), 3)
    hidden, head = built.get_layer("dense_1_0_0"), built.get_layer("dense_head")
    assert float(hidden.kernel_regularizer.l2) == 0.25
    assert isinstance(hidden.kernel_constraint, keras.constraints.NonNeg)
    assert head.kernel_regularizer is None and head.kernel_constraint is None


def test_a_residual_uses_its_shortcut_only_where_shapes_differ(project: Project) -> None:
    same = {"residual": [{"dense": 6}], "shortcut": [{"dense": 6}]}
    other = {"residual": [{"dense": 5}], "shortcut": [{"dense": 5}]}
    assert build(project, [same]).count_params() == (6 * 6 + 6) + (6 * 3 + 3)
    assert build(project, [other]).count_params() == 2 * (6 * 5 + 5) + (5 * 3 + 3)


def test_a_residual_computes_x_plus_f_of_x(project: Project) -> None:
    initial = {"units": 6, "kernel_initializer": "ones"}
    built = build(project, [{"residual": [{"dense": initial}]}], outputs=6, head={"dense": {"units": 6}})
    inner = keras.Model(built.input, built.get_layer("add_0_merge").output)
    x = np.arange(12, dtype="float32").reshape(2, 6)
    np.testing.assert_allclose(inner.predict(x, verbose=0), x + x.sum(axis=1, keepdims=True))


def test_join_puts_the_saved_tensor_first(project: Project) -> None:
    built = build(project, [{"save": "s"}, {"dense": {"units": 2, "kernel_initializer": "zeros"}}, {"join": "s"}])
    inner = keras.Model(built.input, built.get_layer("concatenate_2_merge").output)
    x = np.ones((1, 6), dtype="float32")
    np.testing.assert_array_equal(inner.predict(x, verbose=0), [[1, 1, 1, 1, 1, 1, 0, 0]])


def test_joins_take_the_latest_save_of_their_name(project: Project) -> None:
    items = [{"save": "s"}, {"dense": 5}, {"save": "s"}, {"dense": 4}, {"join": "s"}, {"join": "s"}]
    assert build(project, items).get_layer("dense_head").kernel.shape == (6 + 5 + 4, 3)


def test_shared_layers_have_one_set_of_weights(project: Project) -> None:
    items = [{"shared": ["left", "right"], "layers": [{"dense": 4}, {"save": "s"}, {"dense": 2}, {"join": "s"}]}]
    built = build(project, items, {"left": (5,), "right": (5,)})
    assert built.count_params() == (5 * 4 + 4) + (4 * 2 + 2) + (12 * 3 + 3)
    assert set(built.input) == {"left", "right"}


def test_branches_start_from_inputs_of_their_own_shape(project: Project) -> None:
    items = [{"branches": {"image": ["flatten", {"dense": 4}], "row": []}}]
    built = build(project, items, {"image": IMAGE, "row": (5,)})
    assert built.get_layer("dense_head").kernel.shape == (4 + 5, 3)


def test_a_single_input_is_called_input(project: Project) -> None:
    assert build(project, [{"branches": {"input": [{"dense": 4}]}}]).count_params() == (6 * 4 + 4) + (4 * 3 + 3)


MODULE = """
import keras

def build(spec, input_shape, outputs):
    if spec["model"]["broken"]:
        return None
    return keras.Sequential([keras.Input(input_shape), keras.layers.Dense(outputs + spec["model"]["more"])])
"""
OPTION = """# A model in Python
_target_: my_own_model.build
more: 0         # int [0, inf): outputs too many
broken: false   # whether it gives nothing
"""


def test_a_model_in_python_gets_the_spec_and_the_shapes(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    (project.root / "my_own_model.py").write_text(MODULE, encoding="utf-8")
    monkeypatch.syspath_prepend(project.root)
    project.write("model", "own", OPTION)
    try:
        assert build_model(project.spec("own"), project.catalog, (6,), 3).output_shape == (None, 3)
        for keys, says in [
            ({"more": 1}, "must give 3 numbers a sample"),
            ({"broken": True}, "must give a keras.Model"),
        ]:
            with pytest.raises(ConfigError, match=says):
                build_model(project.spec("own", **keys), project.catalog, (6,), 3)
    finally:
        sys.modules.pop("my_own_model", None)


def test_problems_of_the_grammar_are_raised_together(project: Project) -> None:
    with pytest.raises(ConfigError) as caught:
        build(project, ["dens", {"dropout": 2}])
    assert len(caught.value.problems) == 2


@pytest.mark.parametrize(
    ("items", "shape", "says"),
    [
        (
            [{"conv2d": 4}],
            (6,),
            "model.layers[0].conv2d must get images, (height, width, channels); got (6,) from the data. "
            "Take data of images, put a `reshape: [height, width, channels]` above it, or keep `flatten` below it.",
        ),
        (["flatten", {"conv2d": 4}], IMAGE, "got (64,) from flatten at model.layers[0]."),
        ([{"repeat": 2, "layers": [{"lstm": 4}]}], (5, 2), "model.layers[0].layers#1[0].lstm must get sequences"),
        ([{"dense": 4}], (), "model.layers[0].dense must get one row of numbers a sample, (features)"),
        ([{"conv2d": {"filters": 2, "kernel_size": 9, "padding": "valid"}}], IMAGE, "must leave something of the data"),
        (
            ["max_pooling2d"] * 4,
            IMAGE,
            "model.layers[3].max_pooling2d must leave something of the data it gets; got (1, 1, 1)",
        ),
        ([{"reshape": [5]}], (6,), "must fit the data it gets; got (6,) from the data. Keras says: The total size"),
        ([{"conv2d": {"filters": 4, "groups": 3}}], IMAGE, "must have parameters that go together. Keras says: "),
        ([{"batch_normalization": 5}], (6,), "model.layers[0].batch_normalization must fit the data it gets"),
        (
            [{"branches": [["flatten"], []]}],
            IMAGE,
            "model.layers[0].merge.concatenate must fit the data it gets; got (64,) and (8, 8, 1)",
        ),
        (
            [{"residual": [{"dense": 5}]}],
            (6,),
            "must keep the shape of what it is added to, (6,), or have a shortcut; got (5,)",
        ),
        (
            [{"dense": 4}],
            IMAGE,
            "model.head must get one row of numbers a sample: the task is multiclass; got (8, 8, 3)",
        ),
        ([{"dense": 4}], {"a": (2,), "b": (2,)}, "must not come before the inputs are one: the data has a, b"),
        (
            [{"branches": {"a": [], "c": []}}],
            {"a": (2,), "b": (2,)},
            "must name inputs that the data has; got 'c'. It has: a, b.",
        ),
        (
            [{"residual": [], "shortcut": [{"save": "s"}]}, {"join": "s"}],
            (6,),
            "model.layers[1].join must take what a `save` above it left",
        ),
    ],
)
def test_data_that_a_layer_cannot_take_is_told_in_the_models_words(
    project: Project, items: list[Any], shape: Any, says: str
) -> None:
    assert says in problem_of(project, items, shape)


LAYERS = """
import keras

class Silent(keras.layers.Layer):
    def call(self, x):
        self.given = x

class Misspelt(keras.layers.Layer):
    def call(self, x):
        return x * self.factr

class Transposed(keras.layers.Layer):
    def build(self, shape):
        self.w = self.add_weight(shape=(5, shape[-1]))

    def call(self, x):
        return keras.ops.matmul(x, self.w)
"""


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("Silent", "model.layers[0].mine must give a tensor: that is what Silent.call has to return; got nothing. "),
        ("Misspelt", "Keras says: 'Misspelt' object has no attribute 'factr'"),
        ("Transposed", "Keras says: Dimensions must be equal, but are 6 and 5 with input shapes: [?,6], [5,6]."),
    ],
)
def test_what_a_layer_of_ones_own_does_wrong_is_told_with_its_line(
    project: Project, monkeypatch: pytest.MonkeyPatch, name: str, says: str
) -> None:
    (project.root / "own_layers.py").write_text(LAYERS, encoding="utf-8")
    monkeypatch.syspath_prepend(project.root)
    project.write("layer", "mine", f"# Mine\n_target_: own_layers.{name}\n")
    line = {"Silent": 5, "Misspelt": 10, "Transposed": 17}[name]
    try:
        said = problem_of(project, ["mine"])
        assert says in said
        assert said.endswith(f"({project.root}/own_layers.py:{line})")
    finally:
        sys.modules.pop("own_layers", None)


def test_a_module_that_cannot_be_imported_is_told_with_its_line(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project.root / "own_broken.py").write_text("import math\n\nSIDE = math.sqroot(2)\n", encoding="utf-8")
    monkeypatch.syspath_prepend(project.root)
    project.write("layer", "mine", "# Mine\n_target_: own_broken.Mine\n")
    said = problem_of(project, ["mine"])
    assert "must name something that can be imported: module 'math' has no attribute 'sqroot'" in said
    assert said.endswith(f"({project.root}/own_broken.py:3)")


def test_what_is_found_while_building_is_placed_in_the_models_file(project: Project) -> None:
    spec = project.model("# Mine\nlayers:\n  - flatten\n  - residual: [{dense: 5}]\nhead: auto\n")
    with pytest.raises(ConfigError) as caught:
        build_model(spec, project.catalog, IMAGE, 3)
    (problem,) = caught.value.problems
    assert problem.place == f"{project.root}/conf/model/mine.yaml:4"


def test_a_head_that_predicts_another_number_is_refused(project: Project) -> None:
    says = problem_of(project, ["flatten"], head={"dense": 4}, task="regression", classes=None)
    assert "model.head.dense.units must be 3: the task is regression, 3 numbers a sample; got 4" in says
    says = problem_of(project, ["flatten"], head=["activation"], task="regression", classes=None)
    assert "model.head must give 3 numbers a sample: the task is regression; got (6,)" in says
