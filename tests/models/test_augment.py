"""Augmentations act while training and at no other time, have seeds of their own, and are in no kept model."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pytest

from dlrun.data.encoding.front import ROWS, Branch, Front
from dlrun.errors import ConfigError
from dlrun.models.augment import check_augment
from dlrun.models.build import build_model
from dlrun.training.saving import assemble

if TYPE_CHECKING:
    from conftest import Project

IMAGE = (8, 8, 1)
FRONT = Front((Branch("images", ROWS, None, ()),), raw_shape=IMAGE)
PYTHON = """
import keras


class Own(keras.Model):
    def train_step(self, data):
        return super().train_step(data)


def plain(spec, input_shape, outputs):
    return keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(outputs)])


def own(spec, input_shape, outputs):
    inputs = keras.Input(input_shape)
    return Own(inputs, keras.layers.Dense(outputs)(keras.layers.Flatten()(inputs)))
"""


def augment(project: Project, *names: str, **keys: Any) -> dict[str, Any]:
    nodes = {}
    for number, name in enumerate(names):
        node = {"option": name, **project.catalog.get("augment", name).defaults}
        nodes[f"{name}_{number}"] = node | {key: value for key, value in keys.items() if key in node}
    return {"augment": nodes}


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).random((32, *IMAGE)).astype(np.float32)


def test_it_acts_while_training_alone(project: Project, images: np.ndarray) -> None:
    spec = project.layers(["flatten"], task="regression", classes=None)
    spec |= augment(project, "random_translation", "gaussian_noise")
    model = build_model(spec, project.catalog, IMAGE, 3)
    before = keras.Model(model.inputs, model.get_layer("augment_gaussian_noise_1").output)
    np.testing.assert_array_equal(before(images, training=False), images)
    changed = [np.asarray(before(images, training=True)) for _ in range(2)]
    assert not np.array_equal(changed[0], images)
    assert not np.array_equal(*changed)  # another time, another change


def test_the_kept_model_has_none(project: Project, images: np.ndarray) -> None:
    """Keras's image layers act when a model is called and nobody says `training=False`."""
    spec = project.spec("mlp") | augment(project, "random_translation", height_factor=0.5)
    model = build_model(spec, project.catalog, IMAGE, 3)
    around = SimpleNamespace(front=FRONT, target=None)
    kept = assemble(model, around)
    core = kept.get_layer("core")
    assert [layer.name for layer in core.layers][1:] == [layer.name for layer in model.layers][2:]
    assert core.layers[0].name == "augment_outputCLONE"  # the same for every model that a process builds
    np.testing.assert_array_equal(kept(images), model(images, training=False))
    assert not np.array_equal(model(images, training=True), model(images, training=False))


def test_starting_weights_do_not_depend_on_it(project: Project) -> None:
    specs = [project.spec("cnn"), project.spec("cnn") | augment(project, "random_translation")]
    models = [build_model(spec, project.catalog, IMAGE, 3) for spec in specs]
    for one, other in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_array_equal(one, other)


def seeds(project: Project, **keys: Any) -> list[int]:
    spec = project.spec("mlp", seed=keys.pop("run", 0)) | augment(project, "gaussian_noise", "gaussian_noise", **keys)
    model = build_model(spec, project.catalog, IMAGE, 3)
    return [layer.seed for layer in model.layers if layer.name.startswith("augment_")]


def test_each_has_a_seed_of_its_own(project: Project) -> None:
    first = seeds(project)
    assert first == seeds(project) and first[0] != first[1]
    assert not set(first) & set(seeds(project, run=1))
    assert seeds(project, run=1, seed=5) == seeds(project, run=2, seed=5)


def test_what_is_for_images_refuses_rows(project: Project) -> None:
    (problem,) = check_augment(augment(project, "random_translation", "gaussian_noise"), (4,), project.catalog)
    assert problem.key == "augment.random_translation_0"
    assert problem.got == "(4,) from the data"
    assert problem.mend == "Type augment=[feature_dropout], or augment=[]."


@pytest.fixture
def in_python(project: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """Models in Python, with and without a training step of their own."""
    (project.root / "augmented_models.py").write_text(PYTHON, encoding="utf-8")
    monkeypatch.syspath_prepend(project.root)
    for name in ("plain", "own"):
        project.write("model", name, f"# Mine\n_target_: augmented_models.{name}\n")
    yield project


def test_a_model_in_python_gets_them_in_front(in_python: Project, images: np.ndarray) -> None:
    spec = in_python.spec("plain") | augment(in_python, "random_translation")
    model = build_model(spec, in_python.catalog, IMAGE, 3)
    assert [type(layer).__name__ for layer in model.layers][1:] == ["RandomTranslation", "Sequential"]
    kept = assemble(model, SimpleNamespace(front=FRONT, target=None))
    np.testing.assert_array_equal(kept(images), model(images, training=False))


def test_a_training_step_of_its_own_is_not_lost_unsaid(in_python: Project) -> None:
    assert type(build_model(in_python.spec("own"), in_python.catalog, IMAGE, 3)).__name__ == "Own"
    with pytest.raises(ConfigError, match="augment must be empty: model=own has a training step of its own"):
        build_model(in_python.spec("own") | augment(in_python, "gaussian_noise"), in_python.catalog, IMAGE, 3)
