"""The precision of a model is its own: in force while it is built, in its layers when it is saved, and nowhere else."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pytest

from dlrun.models.build import build_model

if TYPE_CHECKING:
    from conftest import Project

HALF = {"trainer": {"precision": "mixed_bfloat16"}}


def policies(model: keras.Model) -> dict[str, str]:
    return {layer.name: layer.dtype_policy.name for layer in model.layers if layer.weights}


def test_hidden_layers_compute_in_bfloat16_and_the_head_does_not(project: Project) -> None:
    model = build_model(project.spec("mlp") | HALF, project.catalog, (6,), 3)
    assert policies(model) == {
        "dense_1_0_0": "mixed_bfloat16",
        "dense_1_1_0": "mixed_bfloat16",
        "dense_head": "float32",
    }
    assert {str(weight.dtype) for weight in model.weights} == {"float32"}
    assert model.output.dtype == "float32"
    assert model.get_layer("dense_1_1_0").output.dtype == "bfloat16"


def test_the_next_model_is_untouched(project: Project) -> None:
    before = keras.config.dtype_policy().name
    build_model(project.spec("mlp") | HALF, project.catalog, (6,), 3)
    assert keras.config.dtype_policy().name == before == "float32"
    assert set(policies(build_model(project.spec("mlp"), project.catalog, (6,), 3)).values()) == {"float32"}
    wrong = project.layers(["lstm"]) | HALF
    with pytest.raises(Exception, match="units"):
        build_model(wrong, project.catalog, (6,), 3)
    assert keras.config.dtype_policy().name == "float32"


def test_starting_weights_are_those_of_float32(project: Project) -> None:
    models = [build_model(project.spec("mlp") | each, project.catalog, (6,), 3) for each in ({}, HALF)]
    for one, other in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(("items", "shape"), [(["flatten", {"dense": 4}], (6,)), ([{"lstm": 4}], (5, 3))])
def test_it_is_saved_with_the_model(items: list[Any], shape: tuple[int, ...], project: Project, tmp_path: Path) -> None:
    model = build_model(project.layers(items) | HALF, project.catalog, shape, 3)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert policies(loaded) == policies(model)
    assert "mixed_bfloat16" in policies(loaded).values()
    x = np.random.default_rng(0).normal(size=(4, *shape)).astype(np.float32)
    np.testing.assert_array_equal(loaded(x), model(x))
    full = build_model(project.layers(items), project.catalog, shape, 3)
    assert 0 < np.abs(model(x) - full(x)).max() < 0.02  # three digits


def test_a_model_in_python_is_built_in_it(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    code = "import keras\n\ndef make(spec, input_shape, outputs):\n"
    code += "    return keras.Sequential([keras.layers.Dense(4), keras.layers.Dense(outputs, dtype='float32')])\n"
    (project.root / "own_precise.py").write_text(code, encoding="utf-8")
    project.write("model", "own", "# Mine\n_target_: own_precise.make\n")
    monkeypatch.syspath_prepend(project.root)
    model = build_model(project.spec("own") | HALF, project.catalog, (6,), 3)
    assert list(policies(model).values()) == ["mixed_bfloat16", "float32"]
