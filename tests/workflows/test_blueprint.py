"""A model on paper: its figures against calculations by hand and against the model itself."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from dlrun.data.prepare import Part
from dlrun.planning import Planner

Draw = Callable[..., Any]

WIDE = "model.layers=[flatten, {dense: 10000}, {repeat: 4, layers: [{dense: 300000}, activation]}]"


@pytest.fixture(scope="module")
def draw(tmp_path_factory: pytest.TempPathFactory) -> Draw:
    """The blueprint of a run of these words on images of 8 x 8 pixels, of which there are `rows` a step."""
    from dlrun.training import process

    planner = Planner(tmp_path_factory.mktemp("work"))
    process.configure(planner.plan(["trainer.device=cpu"], sweep=False).runs[0].spec["trainer"])

    def drawn(*words: str, rows: int = 4) -> Any:
        from dlrun.workflows.blueprint import draw as draw_blueprint

        (run,) = planner.plan(words, sweep=False).runs
        batch = Part(np.zeros((rows, 8, 8, 1), np.float32), np.zeros(rows, np.int64))
        prepared: Any = SimpleNamespace(input_shape=(8, 8, 1), outputs=10, front=None)
        return draw_blueprint(run.spec, planner.catalog, prepared, batch, {})

    return drawn


def layers(draw: Draw, items: str) -> dict[str, tuple[int, int]]:
    drawn = draw(f"model.layers={items}")
    return {layer.kind: (layer.parameters, layer.flops) for layer in drawn.layers}


def test_dense(draw: Draw) -> None:
    found = layers(draw, "[flatten, {dense: 32}, activation]")
    assert found["Flatten"] == (0, 0)
    assert found["Dense"] == (32 * 10 + 10, 2 * 32 * 10 + 10 + 5 * 10), "the head, its softmax five each"
    assert draw("model.layers=[flatten, {dense: 32}, activation]").layers[1].flops == 2 * 64 * 32 + 32


def test_convolutions(draw: Draw) -> None:
    pixels = 8 * 8
    assert layers(draw, "[{conv2d: {filters: 4, kernel_size: 3}}, activation, flatten]")["Conv2D"] == (
        3 * 3 * 4 + 4,
        pixels * 4 * (2 * 3 * 3 + 1),
    )
    strided = "[{conv2d: {filters: 4, kernel_size: 5, strides: 2, use_bias: false}}, activation, flatten]"
    assert layers(draw, strided)["Conv2D"] == (5 * 5 * 4, 4 * 4 * 4 * 2 * 5 * 5)
    deep = "[{conv2d: 3}, activation, {depthwise_conv2d: {kernel_size: 3, use_bias: false}}, activation, flatten]"
    assert layers(draw, deep)["DepthwiseConv2D"] == (3 * 3 * 3, pixels * 3 * 2 * 3 * 3)


def test_a_loop_counts_as_often_as_it_is_run(draw: Draw) -> None:
    found = layers(draw, "[{reshape: [8, 8]}, {simple_rnn: {units: 16, use_bias: false}}]")["SimpleRNN"]
    products = 8 * (2 * 8 * 16 + 2 * 16 * 16)
    assert found[0] == 8 * 16 + 16 * 16
    assert products <= found[1] < products * 1.05, "beside the products a sum and a counter a step"


def test_attention_counts_its_products(draw: Draw) -> None:
    attention = "{multi_head_attention: {num_heads: 2, key_dim: 4, use_bias: false}}"
    steps, width, inner = 8, 8, 2 * 4
    projections = 4 * 2 * steps * width * inner  # query, key, value, and back
    scores = 2 * 2 * steps * steps * inner  # of all pairs, and their weighted sum
    softmax = 5 * 2 * steps * steps  # as TensorFlow counts it; beside it the queries are scaled
    found = layers(draw, f"[{{reshape: [8, 8]}}, {attention}, flatten]")["MultiHeadAttention"]
    assert projections + scores + softmax <= found[1] <= projections + scores + softmax + 2 * steps * inner


def test_a_step_costs_three_times_the_forward_pass_less_what_the_data_needs_no_gradient_of(draw: Draw) -> None:
    drawn = draw("model.layers=[flatten, {dense: 512}, activation]", rows=8)
    forward = 2 * 64 * 512 + 2 * 512 * 10
    assert drawn.step_flops == pytest.approx(8 * (3 * forward - 2 * 64 * 512), rel=0.02)
    convolved = draw("model.layers=[{conv2d: 8}, activation, {conv2d: 8}, activation, flatten]", rows=8)
    assert convolved.step_flops == pytest.approx(8 * 3 * convolved.flops, rel=0.06)
    deep = "{depthwise_conv2d: {kernel_size: 5, use_bias: false}}"
    depthwise = draw(f"model.layers=[{{conv2d: 8}}, activation, {deep}, activation, {deep}, flatten]", rows=8)
    assert depthwise.step_flops == pytest.approx(8 * 3 * depthwise.flops, rel=0.06)


def test_memory(draw: Draw) -> None:
    """By hand: tensors are most where the gradient passes the first relu, which needs its output and the gradient."""
    rows = 64
    drawn = draw("model.hidden=[256,128]", "optimizer=adam", rows=rows)
    assert drawn.parameters == drawn.trainable == 64 * 256 + 256 + 256 * 128 + 128 + 128 * 10 + 10
    assert drawn.memory.weights == drawn.memory.gradients == 4 * drawn.parameters
    assert drawn.memory.optimizer == pytest.approx(2 * drawn.memory.weights, abs=16), "two of each, and its counters"
    assert drawn.memory.activations == 4 * rows * 3 * 256
    assert drawn.memory.update == 4 * 2 * 256 * 128, "two numbers for each weight of the largest layer"
    assert draw("optimizer=sgd").memory.optimizer < 16
    momentum = draw("optimizer=sgd", "optimizer.momentum=0.9").memory
    assert momentum.optimizer == pytest.approx(momentum.weights, abs=16)


@pytest.mark.parametrize(
    "words",
    [
        ["model=cnn", "model.batch_norm=true", "optimizer=adamw"],
        ["model.layers=[{reshape: [8, 8]}, {lstm: 4}]", "optimizer=rmsprop"],
        ["model.layers=[{reshape: [8, 8]}, {multi_head_attention: {num_heads: 2, key_dim: 4}}, flatten]"],
        ["model.layers=[{conv_bn: 8}, activation, {basic_block: 16}, global_average_pooling2d]", "optimizer=adagrad"],
    ],
    ids=["cnn", "lstm", "attention", "residual"],
)
def test_on_paper_and_in_memory_it_is_the_same_model(draw: Draw, words: list[str], work: Path) -> None:
    from dlrun.models.build import build_model
    from dlrun.training.objective import Horizon, build_optimizer

    drawn = draw(*words)
    planner = Planner(work)
    (run,) = planner.plan(words, sweep=False).runs
    model = build_model(run.spec, planner.catalog, (8, 8, 1), 10)
    optimizer = build_optimizer(run.spec, planner.catalog, Horizon(1, 1))
    optimizer.build(model.trainable_variables)
    assert drawn.parameters == model.count_params()
    assert drawn.trainable == sum(math.prod(v.shape) for v in model.trainable_variables)
    assert drawn.memory.weights == sum(np.asarray(v).nbytes for v in model.variables)
    assert drawn.memory.optimizer == sum(np.asarray(v).nbytes for v in optimizer.variables)
    built = [layer for layer in model.layers if layer.name != "input"]
    assert [(each.name, each.output, each.parameters) for each in drawn.layers] == [
        (layer.name, tuple(layer.output.shape[1:]), layer.count_params()) for layer in built
    ]


def test_a_model_of_a_terabyte_is_drawn_and_leaves_nothing_behind(draw: Draw) -> None:
    import keras

    drawn = draw(WIDE)
    assert drawn.parameters == 273_004_850_010
    assert drawn.memory.total > 4e12
    # a scope of Keras's own ends by giving values to all variables that wait for one: none of ours may
    with keras.StatelessScope():
        pass
    assert draw().parameters == 8970


def test_layers_over_a_single_pixel_are_told(draw: Draw) -> None:
    assert draw("model=cnn").findings == ()
    (problem,) = draw("model=cnn", "model.filters=[4,4,4,4]").findings
    assert "all but one of the 9" in problem.rule
