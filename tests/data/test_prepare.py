"""Preprocessing: measured on the training part alone, the same inside `model.keras`, labels as Keras wants them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from dlrun.config.catalog import Catalog
from dlrun.data.columns import numeric
from dlrun.data.dataset import Dataset
from dlrun.data.encoding.front import Branch, Front
from dlrun.data.encoding.scale import Normalize, Rescale
from dlrun.data.load import load
from dlrun.data.prepare import Prepared, prepare
from dlrun.data.splits.split import Split, split_rows
from dlrun.errors import DataError

Node = Callable[..., dict[str, Any]]
OPTIONS = ("auto", "standard", "minmax", "none")
ROWS = Split(np.arange(0, 60), np.arange(60, 80), np.arange(80, 100))


def made(x: np.ndarray, y: np.ndarray, task: str = "multiclass") -> Dataset:
    classes = () if task == "regression" else tuple(map(str, range(int(y.max()) + 1)))
    return Dataset(
        x.astype(np.float32), y, task, classes, (), "0" * 64, numeric("abc"[: x.shape[1]]) if x.ndim == 2 else ()
    )


def columns(samples: int = 100) -> np.ndarray:
    generator = np.random.default_rng(0)
    return generator.normal([0, 1000, -5], [1, 20, 0.01], size=(samples, 3))


def labels(samples: int = 100) -> np.ndarray:
    return np.arange(samples) % 3


def _spec(node: Node, option: str, values: dict[str, Any]) -> dict[str, Any]:
    others = {"model": node("model", "mlp"), "sampling": node("sampling", "none"), "seed": 0}
    return {"preprocess": node("preprocess", option, **values), **others}


@pytest.fixture
def prepared(catalog: Catalog, node: Node) -> Callable[..., Prepared]:
    """`prepared(dataset, option, rows, **values)`."""

    def make(dataset: Dataset, option: str = "auto", rows: Split = ROWS, **values: Any) -> Prepared:
        return prepare(_spec(node, option, values), catalog, dataset, rows)

    return make


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("shape", [(3,), (4, 4, 1), (4, 4, 3)])
def test_nothing_leaks_from_the_other_parts(
    option: str, shape: tuple[int, ...], prepared: Callable[..., Prepared]
) -> None:
    generator = np.random.default_rng(1)
    x = generator.normal(5, 2, size=(100, *shape)).astype(np.float32)
    y = generator.normal(3, 7, size=(100, 1)).astype(np.float32)
    wild_x, wild_y = x.copy(), y.copy()
    held_out = np.concatenate([ROWS.validation, ROWS.test])
    wild_x[held_out] = wild_x[held_out] * -1e6 + 1e5
    wild_y[held_out] = -1e9
    calm, wild = (prepared(made(a, b, "regression"), option) for a, b in ((x, y), (wild_x, wild_y)))
    np.testing.assert_array_equal(calm.train.x, wild.train.x)
    np.testing.assert_array_equal(calm.train.y, wild.train.y)
    assert calm.target is not None
    assert wild.target is not None
    assert (calm.target.scale, calm.target.offset) == (wild.target.scale, wild.target.offset)
    assert calm.front == wild.front
    if option != "none":
        assert not np.array_equal(calm.test.x, wild.test.x)


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("shape", [(3,), (4, 4, 2)])
def test_saved_layers_do_the_same_to_raw_samples(
    option: str, shape: tuple[int, ...], prepared: Callable[..., Prepared], tmp_path: Path
) -> None:
    x = np.random.default_rng(2).normal(50, 9, size=(100, *shape)).astype(np.float32)
    result = prepared(made(x, labels()), option)
    inputs = result.front.inputs()["rows"]
    whole = keras.Model(inputs, result.front({"rows": inputs}))
    assert all(type(layer).__module__.startswith("keras.") for layer in whole.layers), "loads without dlrun"
    whole.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(x[ROWS.test]), result.test.x)
    assert result.input_shape == shape


def test_standard_columns_have_zero_mean_and_unit_variance(prepared: Callable[..., Prepared]) -> None:
    x = prepared(made(columns(), labels()), "standard").train.x
    np.testing.assert_allclose(x.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(x.std(axis=0), 1, atol=1e-4)


def test_standard_images_are_scaled_channel_by_channel(prepared: Callable[..., Prepared]) -> None:
    x = np.random.default_rng(3).normal([5, -100], [1, 30], size=(100, 4, 4, 2))
    scaled = prepared(made(x, labels()), "standard").train.x
    np.testing.assert_allclose(scaled.mean(axis=(0, 1, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(scaled.std(axis=(0, 1, 2)), 1, atol=1e-4)


@pytest.mark.parametrize("option", ["standard", "minmax", "auto"])
@pytest.mark.parametrize("value", [0.1, 0.0, -7.3e5, 1e-30, 3e38])
def test_constant_column_becomes_nought_and_unseen_values_stay_finite(
    option: str, value: float, prepared: Callable[..., Prepared]
) -> None:
    x = columns().astype(np.float32)
    x[:, 1] = value
    x[ROWS.test, 1] = value / 2
    result = prepared(made(x, labels()), option)
    scale = np.float32(abs(value))
    np.testing.assert_allclose(result.train.x[:, 1] / max(scale, 1), 0, atol=1e-6)
    np.testing.assert_allclose(result.test.x[:, 1], np.float32(-value / 2), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("size", [1e-30, 1e-9, 1e-6, 1e-3, 1e6, 1e19, 1e30, 1e37])
def test_units_do_not_matter(size: float, prepared: Callable[..., Prepared]) -> None:
    """Metres or nanometres: Keras' Normalization alone divides by 1e-7 or more, and squares deviations in float32."""
    x = np.random.default_rng(4).normal(0, 1, size=(100, 2)) * [1, size]
    scaled = prepared(made(x, labels()), "standard").train.x
    np.testing.assert_allclose(scaled.std(axis=0), 1, rtol=1e-4)


def test_minmax_reaches_from_nought_to_one(prepared: Callable[..., Prepared]) -> None:
    x = prepared(made(columns(), labels()), "minmax").train.x
    np.testing.assert_allclose(x.min(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(x.max(axis=0), 1, atol=1e-4)


def test_images_keep_one_scale_for_all_pixels(catalog: Catalog, node: Node, prepared: Callable[..., Prepared]) -> None:
    digits = load(node("data", "digits"), catalog)
    result = prepared(digits, "auto", split_rows(digits, node("split", "holdout"), catalog))
    assert result.front.branches[0].steps == (Rescale(1 / 16, 0.0),)
    rows = split_rows(digits, node("split", "holdout"), catalog)
    np.testing.assert_array_equal(result.train.x, digits.x[rows.train] / 16)


def test_auto_follows_the_samples(catalog: Catalog, node: Node, prepared: Callable[..., Prepared]) -> None:
    table = load(node("data", "truth_table"), catalog)
    rows = split_rows(table, node("split", "none"), catalog)
    np.testing.assert_array_equal(prepared(table, "auto", rows).train.x, table.x)
    (steps,) = [branch.steps for branch in prepared(made(columns(), labels()), "auto").front.branches]
    assert isinstance(steps[-1], Normalize)


def test_labels_as_keras_wants_them(prepared: Callable[..., Prepared]) -> None:
    many = prepared(made(columns(), labels()))
    assert (many.train.y.dtype, many.train.y.shape, many.outputs) == (np.int64, (60,), 3)
    two = prepared(made(columns(), labels() % 2, "binary"))
    assert (two.train.y.dtype, two.train.y.shape, two.outputs) == (np.float32, (60, 1), 1)
    assert set(two.train.y.ravel()) == {0.0, 1.0}
    values = columns().astype(np.float32)[:, :2]
    several = prepared(made(columns(), values, "regression"))
    assert (several.train.y.dtype, several.train.y.shape, several.outputs) == (np.float32, (60, 2), 2)
    assert several.describe() == {
        "task": "regression",
        "samples": {"train": 60, "validation": 20, "test": 20},
        "features": [],
    }


@pytest.mark.parametrize("option", OPTIONS)
def test_targets_of_a_regression_are_scaled_and_brought_back(option: str, prepared: Callable[..., Prepared]) -> None:
    y = np.random.default_rng(5).normal([1e4, -3], [50, 1e-3], size=(100, 2)).astype(np.float32)
    result = prepared(made(columns(), y, "regression"), option)
    assert result.target is not None
    np.testing.assert_allclose(result.train.y.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(result.train.y.std(axis=0), 1, atol=1e-3)
    np.testing.assert_allclose(result.target.in_units(result.test.y), y[ROWS.test], rtol=1e-6)
    rescaling = keras.layers.Rescaling(list(result.target.scale), list(result.target.offset))
    np.testing.assert_allclose(rescaling(result.test.y), y[ROWS.test], rtol=1e-6)
    assert prepared(made(columns(), labels()), option).target is None


def test_targets_are_left_alone_when_asked(prepared: Callable[..., Prepared]) -> None:
    y = columns().astype(np.float32)[:, :1]
    result = prepared(made(columns(), y, "regression"), "standard", target="none")
    assert result.target is None
    np.testing.assert_array_equal(result.validation.y, y[ROWS.validation])


def test_batches_do_not_change_the_result() -> None:
    x = np.random.default_rng(6).normal(size=(20_000, 3)).astype(np.float32)
    normalize = Normalize((0.1, 0.2, 0.3), (1.0, 2.0, 3.0))
    front = Front((Branch("numbers", "rows", None, (normalize,)),), numeric("abc"))
    np.testing.assert_array_equal(front.encode(x), np.asarray(normalize(x, "whole")))


def test_dataset_is_not_changed(catalog: Catalog, node: Node, prepared: Callable[..., Prepared]) -> None:
    iris = load(node("data", "iris"), catalog)
    before = iris.x.copy()
    prepared(iris, "standard", split_rows(iris, node("split", "holdout"), catalog))
    np.testing.assert_array_equal(iris.x, before)


NOTHING = np.array([], dtype=np.int64)
UNLEARNABLE = [
    ("one class", labels() // 60, "binary", ROWS, "only '0' in 60 rows"),
    ("fewer rows than classes", np.arange(100), "multiclass", ROWS, "60 rows for 100 classes"),
    ("constant target", np.ones((100, 1), np.float32), "regression", ROWS, "1 in all 60 rows"),
    (
        "no test rows",
        labels(),
        "multiclass",
        Split(ROWS.train, ROWS.validation, NOTHING),
        "the test part must hold rows",
    ),
    ("no rows", labels(), "multiclass", Split(NOTHING, ROWS.validation, ROWS.test), "the train part must hold rows"),
]


@pytest.mark.parametrize(("fault", "y", "task", "rows", "says"), UNLEARNABLE, ids=[row[0] for row in UNLEARNABLE])
def test_training_part_that_teaches_nothing_is_refused(
    fault: str, y: np.ndarray, task: str, rows: Split, says: str, prepared: Callable[..., Prepared]
) -> None:
    if fault == "one class":
        y = (np.arange(100) >= 60).astype(np.int64)
    with pytest.raises(DataError) as raised:
        prepared(made(columns(), y, task), "auto", rows)
    assert says in str(raised.value)
    assert all(problem.mend for problem in raised.value.problems)
