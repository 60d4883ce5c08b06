"""Class weights: the rows' weights are Keras's, and so are the bits of what is trained with them."""

from dataclasses import replace

import numpy as np
import pytest

from dlrun.errors import ConfigError
from dlrun.training.class_weight import check_class_weight, row_weights
from dlrun.training.shuffle import permutation

NEAR = {"fit": {"rtol": 0}, "fused": {"rtol": 1e-4, "atol": 1e-6}}  # whether both have the same bits is tested apart
NAMES = ("low", "middle", "high")
LABELS = np.array([0, 0, 0, 0, 0, 0, 1, 1, 2], dtype=np.int64)


def test_balanced_gives_every_class_the_same_sum():
    weights = row_weights(LABELS, NAMES, "balanced")
    assert weights.dtype == np.float32
    assert weights.tolist() == [0.5] * 6 + [1.5] * 2 + [3.0]  # 9 / (3 * 6), 9 / (3 * 2), 9 / (3 * 1)


def test_balanced_leaves_a_class_without_rows_out():
    assert row_weights(np.array([0, 0, 0, 2]), NAMES, "balanced").tolist() == pytest.approx([2 / 3] * 3 + [2])


@pytest.mark.parametrize("chosen", [{"high": 4.0}, {"2": 4.0}])
def test_a_class_is_named_by_name_or_index(chosen):
    assert row_weights(LABELS, NAMES, chosen).tolist() == [1.0] * 8 + [4.0]


def test_a_name_comes_before_an_index():
    assert row_weights(np.array([0, 1, 2]), ("1", "2", "3"), {"1": 5.0}).tolist() == [5.0, 1.0, 1.0]


def test_two_classes_have_their_labels_in_a_column():
    y = np.array([[0.0], [1.0], [1.0]], dtype=np.float32)
    assert row_weights(y, ("no", "yes"), {"yes": 2.5}).tolist() == [1.0, 2.5, 2.5]


@pytest.mark.parametrize(
    ("chosen", "says"),
    [
        ({"hihg": 2.0}, "Did you mean high? The classes are: low, middle, high."),
        ({"3": 2.0}, "The classes are: low, middle, high."),
        ({"low": 1.0, "0": 2.0}, "must weigh each class once: low is the same class"),
    ],
)
def test_a_class_that_is_not_there_is_told_with_those_that_are(chosen, says):
    with pytest.raises(ConfigError) as told:
        row_weights(LABELS, NAMES, chosen)
    assert says in str(told.value)


@pytest.mark.parametrize("weight", [-1.0, float("inf"), True, "much"])
def test_a_weight_must_be_a_number(weight):
    (problem,) = check_class_weight({"low": weight}, "multiclass", 3)
    assert problem.key == "trainer.class_weight.low"


@pytest.mark.parametrize("engine", ["fit", "fused"])
@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_the_bits_are_those_of_keras(task, engine, train_now, make_prepared, make_model):
    names = ("no", "yes") if task == "binary" else NAMES
    prepared = replace(make_prepared(task), classes=names)
    trainer = {"epochs": 3, "batch_size": 16, "engine": engine, "class_weight": {names[-1]: 7.3, "0": 0.4}}
    _, model, _ = train_now(task, prepared=prepared, trainer=trainer, optimizer="sgd")

    stock = make_model(task)
    loss = "binary_crossentropy" if task == "binary" else "sparse_categorical_crossentropy"
    stock.compile("sgd", loss)
    for epoch in range(3):
        order = permutation(0, epoch, len(prepared.train.x))
        weights = {0: 0.4, len(names) - 1: 7.3}
        stock.fit(prepared.train.x[order], prepared.train.y[order], 16, class_weight=weights, shuffle=False, verbose=0)
    plain = train_now(task, prepared=prepared, trainer={**trainer, "class_weight": None}, optimizer="sgd")[1]
    for found, expected in zip(model.get_weights(), stock.get_weights(), strict=True):
        np.testing.assert_allclose(found, expected, **NEAR[engine])
    assert not np.array_equal(plain.get_weights()[0], model.get_weights()[0])
