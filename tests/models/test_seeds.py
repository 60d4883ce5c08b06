"""Seeds: starting weights depend on the run's seed and on where a layer stands, and on nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pytest

from dlrun.models.build import build_model
from dlrun.models.seeds import seed_for

if TYPE_CHECKING:
    from conftest import Project


def weights(project: Project, spec: dict[str, Any], shape: tuple[int, ...] = (6,)) -> dict[str, np.ndarray]:
    model = build_model(spec, project.catalog, shape, 3)
    return {variable.path: keras.ops.convert_to_numpy(variable) for variable in model.trainable_variables}


def same(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> bool:
    return all(np.array_equal(one[path], other[path]) for path in one.keys() & other.keys())


def test_a_seed_is_a_function_of_run_path_and_role() -> None:
    seed = seed_for(0, "model.layers[0]", "kernel_initializer")
    assert seed == seed_for(0, "model.layers[0]", "kernel_initializer") == 508969434
    others = [
        seed_for(1, "model.layers[0]", "kernel_initializer"),
        seed_for(0, "model.layers[1]", "kernel_initializer"),
        seed_for(0, "model.layers[0]", "bias_initializer"),
    ]
    assert len({seed, *others}) == 4
    assert all(0 <= each < 2**31 for each in (seed, *others))


def test_the_same_seed_gives_the_same_weights_and_another_gives_others(project: Project) -> None:
    zero, again, one = (weights(project, project.spec("mlp", seed=seed)) for seed in (0, 0, 1))
    assert zero.keys() == one.keys() and same(zero, again)
    kernels = [path for path in zero if path.endswith("kernel")]
    assert len(kernels) == 3
    assert not any(np.array_equal(zero[path], one[path]) for path in kernels)


def test_the_global_seed_and_earlier_models_change_nothing(project: Project) -> None:
    before = weights(project, project.spec("mlp"))
    keras.utils.set_random_seed(123)
    weights(project, project.spec("cnn"), (8, 8, 1))
    assert same(before, weights(project, project.spec("mlp")))


def test_layers_of_one_shape_start_differently(project: Project) -> None:
    start = weights(project, project.spec("mlp", hidden=[6, 6]))
    assert not np.array_equal(start["dense_1_0_0/kernel"], start["dense_1_1_0/kernel"])


def test_dropout_and_left_out_layers_leave_the_weights_of_others_alone(project: Project) -> None:
    plain = weights(project, project.spec("mlp"))
    for keys in ({"dropout": 0.3}, {"batch_norm": True}, {"hidden": [64, 64, 64]}):
        changed = weights(project, project.spec("mlp", **keys))
        assert plain.keys() <= changed.keys() and same(plain, changed)


def test_random_layers_have_seeds_of_their_own(project: Project) -> None:
    def masks(seed: int) -> list[int]:
        model = build_model(project.spec("mlp", dropout=0.5, seed=seed), project.catalog, (6,), 3)
        return [layer.seed for layer in model.layers if isinstance(layer, keras.layers.Dropout)]

    first, second = masks(0)
    assert first != second
    assert masks(0) == [first, second]
    assert not {first, second} & set(masks(1))


def test_a_seed_that_is_set_takes_the_place_of_the_runs(project: Project) -> None:
    def start(run: int, own: int) -> dict[str, np.ndarray]:
        choice = {"option": "he_normal", "seed": own}
        return weights(project, project.spec("mlp", hidden=[6, 6], seed=run, initializer=choice))

    fixed, moved, other = start(0, 0), start(1, 0), start(0, 7)
    hidden = ("dense_1_0_0/kernel", "dense_1_1_0/kernel")
    assert all(np.array_equal(fixed[path], moved[path]) for path in hidden)
    assert not any(np.array_equal(fixed[path], other[path]) for path in hidden)
    assert not np.array_equal(fixed[hidden[0]], fixed[hidden[1]])  # and layers still start differently
    assert not np.array_equal(fixed["dense_head/kernel"], moved["dense_head/kernel"])


@pytest.mark.parametrize("item", [{"multi_head_attention": {"num_heads": 2, "key_dim": 3}}, {"lstm": 4}, {"gru": 4}])
def test_layers_made_of_layers_start_the_same_each_time_and_apart_within(project: Project, item: Any) -> None:
    spec = project.layers([item, "flatten"])
    first, second = weights(project, spec, (5, 6)), weights(project, spec, (5, 6))
    assert first.keys() >= {"dense_head/kernel"}
    assert [value.tolist() for value in first.values()] == [value.tolist() for value in second.values()]
    kernels = [value for path, value in first.items() if path.endswith("kernel") and path != "dense_head/kernel"]
    shapes = [value.shape for value in kernels]
    equal = [
        np.array_equal(one, other)
        for index, one in enumerate(kernels)
        for other in kernels[index + 1 :]
        if one.shape == other.shape
    ]
    assert shapes and not any(equal)
