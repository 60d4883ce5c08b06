"""Mixed samples cost what mixed labels would: held against one-hot labels that are mixed by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pytest

from dlrun.layers.cut_mix import CutMix
from dlrun.layers.mix_up import MixUp
from dlrun.models.augment import check_augment
from dlrun.models.build import build_model
from dlrun.models.mixed_labels import MixedLabels, mixer_of
from dlrun.training.demands import has_own_step

if TYPE_CHECKING:
    from conftest import Project

IMAGE, CLASSES = (8, 8, 1), 3


def built(project: Project, name: str, task: str = "multiclass", **keys: Any) -> keras.Model:
    node = {"option": name, **project.catalog.get("augment", name).defaults, "alpha": 1.0}
    classes = {"multiclass": CLASSES, "binary": 2, "regression": None}[task]
    spec = project.spec("mlp", task=task, classes=classes, **keys) | {"augment": {name: node}}
    return build_model(spec, project.catalog, IMAGE, CLASSES if task == "multiclass" else 1)


def mixed_batch(model: keras.Model, x: np.ndarray) -> tuple[Any, np.ndarray]:
    """Predictions of a batch in training, and the shares that were drawn for it."""
    predictions = model(x, training=True)
    return predictions, np.asarray(mixer_of(model).share)


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).random((10, *IMAGE)).astype(np.float32)


@pytest.mark.parametrize("name", ["mixup", "cutmix"])
def test_the_loss_is_that_of_mixed_one_hot_labels(project: Project, images: np.ndarray, name: str) -> None:
    model = built(project, name, regularizer={"option": "l2", "l2": 0.1})
    assert isinstance(model, MixedLabels) and not has_own_step(model)
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy())
    y = np.arange(10) % CLASSES
    predictions, share = mixed_batch(model, images)
    loss = float(model.compute_loss(images, y, predictions, None, training=True))
    one_hot = np.eye(CLASSES)[y]
    labels = share[:, None] * one_hot + (1 - share[:, None]) * np.roll(one_hot, 1, axis=0)
    expected = -np.mean(np.sum(labels * np.log(np.asarray(predictions)), axis=1))
    penalty = sum(float(each) for each in model.losses)
    assert penalty > 0
    assert loss == pytest.approx(expected + penalty, rel=1e-5), "the penalty counts once"


def test_weights_of_samples_go_with_their_labels(project: Project, images: np.ndarray) -> None:
    model = built(project, "mixup")
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy())
    y, weight = np.arange(10) % CLASSES, np.linspace(0.5, 2, 10).astype(np.float32)
    predictions, share = mixed_batch(model, images)
    loss = float(model.compute_loss(images, y, predictions, weight, training=True))
    cost = -np.log(np.asarray(predictions))
    own, before = (cost[np.arange(10), labels] for labels in (y, np.roll(y, 1)))
    assert loss == pytest.approx(np.mean(share * weight * own + (1 - share) * np.roll(weight, 1) * before), rel=1e-5)


def test_two_classes_and_numbers(project: Project, images: np.ndarray) -> None:
    for task, loss, y in (
        ("binary", keras.losses.BinaryCrossentropy(), (np.arange(10) % 2).astype(np.float32)[:, None]),
        ("regression", keras.losses.MeanSquaredError(), np.linspace(-1, 1, 10, dtype=np.float32)[:, None]),
    ):
        model = built(project, "mixup", task=task)
        model.compile("sgd", loss)
        predictions, share = mixed_batch(model, images)
        found = float(model.compute_loss(images, y, predictions, None, training=True))
        each = [
            np.array([float(loss(t[i : i + 1], predictions[i : i + 1])) for i in range(10)])
            for t in (y, np.roll(y, 1, 0))
        ]
        assert found == pytest.approx(np.mean(share * each[0] + (1 - share) * each[1]), rel=1e-5)


def test_nothing_is_mixed_where_nothing_is_learned(project: Project, images: np.ndarray) -> None:
    model = built(project, "mixup")
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(), metrics=["accuracy"])
    y = np.arange(10) % CLASSES
    plain = keras.losses.SparseCategoricalCrossentropy()(y, model(images, training=False))
    assert model.evaluate(images, y, verbose=0)[0] == pytest.approx(float(plain), rel=1e-5)


def test_mixup_adds_the_one_before(images: np.ndarray) -> None:
    layer = MixUp(1.0, seed=0)
    mixed = np.asarray(layer(images, training=True))
    share = np.asarray(layer.share).reshape(-1, 1, 1, 1)
    np.testing.assert_allclose(mixed, share * images + (1 - share) * np.roll(images, 1, axis=0), rtol=1e-5)
    assert share.min() >= 0.5


def test_cutmix_takes_a_rectangle_and_counts_its_area() -> None:
    images = np.broadcast_to(np.arange(100, dtype=np.float32).reshape(-1, 1, 1, 1), (100, 12, 10, 3)).copy()
    layer = CutMix(1.0, seed=0)
    mixed = np.asarray(layer(images, training=True))
    taken = mixed[..., 0] != images[..., 0]
    np.testing.assert_array_equal(mixed[taken], np.roll(images, 1, axis=0)[taken])
    np.testing.assert_allclose(np.asarray(layer.share), 1 - taken.mean(axis=(1, 2)), atol=1e-6)
    for each in taken:
        rows, columns = each.any(axis=1), each.any(axis=0)
        np.testing.assert_array_equal(each, rows[:, None] & columns[None, :])  # a rectangle
    assert taken.mean(axis=(1, 2)).max() <= 0.5 and taken.mean() > 0.1


@pytest.mark.parametrize("layer", [MixUp(0.4, seed=3), CutMix(0.4, seed=3)], ids=["mixup", "cutmix"])
def test_they_come_back(layer: Any) -> None:
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert again.get_config() == layer.get_config()


def test_one_of_them_at_a_time_and_for_classes(project: Project) -> None:
    nodes = {name: {"option": name, **project.catalog.get("augment", name).defaults} for name in ("mixup", "cutmix")}
    spec = {"augment": nodes, "task": "regression", "preprocess": {"option": "minmax"}}
    keys = [problem.key for problem in check_augment(spec, IMAGE, project.catalog)]
    assert keys == ["augment.cutmix", "augment"]
