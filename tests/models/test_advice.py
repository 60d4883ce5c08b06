"""What a model's layers say of its mistakes, before anything is built."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from dlrun.models.advice import advice, contradictions
from dlrun.models.grammar import check, expand

if TYPE_CHECKING:
    from conftest import Project

CROSSENTROPY = {"option": "sparse_categorical_crossentropy"}
SOFTMAX = {"dense": {"units": "$outputs", "activation": "softmax"}}


def told(project: Project, layers: list[Any], **keys: Any) -> list[str]:
    spec = project.layers(layers, **keys)
    expansion = expand(spec, project.catalog)
    assert expansion.problems == ()
    return [problem.key for problem in advice(spec, expansion)]


def refused(project: Project, head: Any, loss: dict[str, Any] | None = None, **keys: Any) -> list[str]:
    spec = project.layers(["flatten"], head=head, **keys) | {"loss": loss or CROSSENTROPY}
    expansion = expand(spec, project.catalog)
    assert expansion.problems == ()
    found = contradictions(spec, expansion, project.catalog)
    assert found == check(spec, project.catalog), "every command is told"
    return [str(problem) for problem in found]


@pytest.mark.parametrize("name", ["mlp", "cnn", "linear"])
def test_nothing_is_said_of_a_sound_model(project: Project, name: str) -> None:
    spec = project.spec(name, dropout=0.5) if name != "linear" else project.spec(name)
    assert advice(spec, expand(spec, project.catalog)) == []


@pytest.mark.parametrize(
    ("layers", "keys"),
    [
        (["flatten", {"dense": 8}, {"dense": 8}, "activation"], ["model.layers[2].dense"]),
        (["flatten", {"dense": 8}, {"activation": "linear"}, {"dense": 4}, "activation"], ["model.layers[3].dense"]),
        (["flatten", {"dense": 8}, "batch_normalization", "dropout"], ["model.head.dense"]),
        ([{"conv2d": 8}, "average_pooling2d", {"conv2d": 8}, "activation"], ["model.layers[2].conv2d"]),
        ([{"conv2d": 8}, {"residual": [{"conv2d": 8}]}, "activation"], ["model.layers[1].residual[0].conv2d"]),
        (["flatten", {"branches": [[{"dense": 8}], [{"dense": 8}]]}], ["model.head.dense"]),
    ],
)
def test_two_linear_layers_are_one(project: Project, layers: list[Any], keys: list[str]) -> None:
    assert told(project, layers) == keys


@pytest.mark.parametrize(
    "layers",
    [
        ["flatten", {"dense": 8}, "activation", {"dense": 8}, {"activation": "tanh"}],
        ["flatten", {"dense": {"units": 8, "activation": "relu"}}],
        ["flatten", {"dense": 2}, {"dense": 8}, "activation"],  # a waist bounds the rank
        [{"depthwise_conv2d": 3}, {"conv2d": 8}, "activation"],
        [{"conv2d": 8}, {"max_pooling2d": 2}, {"conv2d": 8}, "activation"],
        ["flatten", {"branches": [[{"dense": 8}], [{"dense": 8}, "activation"]]}],
        ["flatten", {"dense": 8}, "layer_normalization"],
    ],
)
def test_what_bends_is_left_alone(project: Project, layers: list[Any]) -> None:
    assert told(project, layers) == []


def test_a_choice_for_the_whole_model_is_told_once(project: Project) -> None:
    spec = project.spec("mlp", hidden=[8, 8, 8], activation="linear")
    (problem,) = advice(spec, expand(spec, project.catalog))
    assert "(and 2 more like it)" in problem.rule
    spec = project.spec("mlp", hidden=[8, 8, 8], initializer="zeros")
    (problem,) = advice(spec, expand(spec, project.catalog))
    assert (problem.key, problem.got) == ("model.layers[1].layers#0[0].dense.kernel_initializer", "zeros")


def test_dropout_right_before_batch_normalization(project: Project) -> None:
    between: list[Any] = ["activation", "flatten"]
    layers = ["flatten", {"dense": 8}, {"dropout": 0.5}, *between, "batch_normalization"]
    assert told(project, layers) == ["model.layers[2].dropout"]
    assert told(project, [*layers[:2], {"dropout": 0.0}, *layers[3:]]) == [], "a rate of 0 shifts nothing"
    assert told(project, [*layers[:2], "batch_normalization", "activation", {"dropout": 0.5}]) == []
    inside = [{"residual": [{"conv2d": 1}, "activation", {"dropout": 0.5}, "batch_normalization"]}, "flatten"]
    assert "model.layers[0].residual[2].dropout" in told(project, inside)


@pytest.mark.parametrize(
    ("layers", "keys", "mend"),
    [
        (
            [{"dense": 3}, {"activation": "softmax"}],
            {},
            "Take model.layers[0].dense and model.layers[1].activation out of the layers: the output layer is",
        ),
        ([{"dense": {"units": 3, "activation": "softmax"}}], {}, "Take model.layers[0].dense out of the layers: "),
        ([{"dense": 8}, "activation"], {"activation": "softmax"}, "Type activation=relu, "),
        ([{"dense": 8}, {"activation": "softmax"}, {"dense": 4}, "activation"], {}, "Name another activation there, "),
    ],
)
def test_the_mend_of_a_softmax_inside_fits_where_it_was_written(
    project: Project, layers: list[Any], keys: dict[str, Any], mend: str
) -> None:
    spec = project.layers(layers, **keys)
    (problem,) = advice(spec, expand(spec, project.catalog))
    assert str(problem.mend).startswith(mend)
    assert problem.rule.partition(":")[0] in (
        "should not be softmax before the output layer",
        "should not be softmax between hidden layers",
    )


def test_softmax_inside_and_a_waist_of_one(project: Project) -> None:
    assert told(project, ["flatten", {"dense": 8}, {"activation": "softmax"}]) == ["model.layers[2].activation"]
    layers = ["flatten", {"dense": 1}, "activation", {"dense": 8}, "activation"]
    assert told(project, layers) == ["model.layers[1].dense.units"]
    assert told(project, [{"conv2d": 1}, "activation", "flatten"]) == ["model.layers[0].conv2d.filters"]


def test_batches_of_one_row_cannot_be_normalized(project: Project) -> None:
    layers: list[Any] = ["flatten", {"dense": 8}, "batch_normalization", "activation"]
    spec = project.layers(layers) | {"trainer": {"batch_size": 1}}
    (problem,) = advice(spec, expand(spec, project.catalog))
    assert problem.key == "trainer.batch_size"
    spec["trainer"]["batch_size"] = 2
    assert advice(spec, expand(spec, project.catalog)) == []


def test_a_head_that_is_squashed_twice_is_refused(project: Project) -> None:
    (said,) = refused(project, [SOFTMAX, {"activation": "softmax"}])
    assert said.startswith("model.head[1].activation must not follow softmax: ")
    assert refused(project, [{"dense": "$outputs"}, {"activation": "softmax"}]) == []


def test_a_head_that_ends_in_noise_is_refused(project: Project) -> None:
    (said,) = refused(project, [SOFTMAX, {"dropout": 0.5}])
    assert said.startswith("model.head[1].dropout must not be the model's last layer: ")


LOGITS = "# Mine\n_target_: keras.losses.SparseCategoricalCrossentropy\n_tasks_: [multiclass]\nfrom_logits: false\n"


def test_logits_and_the_heads_activation(project: Project) -> None:
    project.write("loss", "mine", LOGITS)
    linear: Any = {"dense": "$outputs"}
    takes_logits = {"option": "mine", "from_logits": True}
    assert refused(project, "auto") == []
    assert refused(project, linear, takes_logits) == []
    (said,) = refused(project, "auto", takes_logits)
    assert said.startswith("loss.from_logits must be false: the model ends in softmax")
    (said,) = refused(project, linear)
    assert said == (
        "model.head must end in softmax: loss=sparse_categorical_crossentropy takes probabilities; got linear."
        " model.head=auto follows the task."
    )
    (said,) = refused(project, linear, {"option": "mine", "from_logits": False})
    assert said.endswith("Or type loss.from_logits=true.")


def test_other_losses_take_what_the_head_gives(project: Project) -> None:
    linear: Any = {"dense": "$outputs"}
    assert refused(project, linear, {"option": "hinge"}, task="binary", classes=2) == []
    assert refused(project, linear, {"option": "huber"}, task="regression", classes=None) == []
