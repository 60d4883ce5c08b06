"""Focal loss for whole-number labels: golden numbers, gradients, and what it is at its bounds."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from dlrun.losses.sparse_focal import SparseFocalCrossentropy

DRAW = np.random.default_rng(0)
LABELS = DRAW.integers(0, 5, 40)
SHARES = DRAW.dirichlet(np.ones(5), 40).astype(np.float32)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0, 5.0])
def test_numbers_are_those_of_the_formula_and_of_keras(gamma: float) -> None:
    p = SHARES[np.arange(40), LABELS].astype(float)
    found = SparseFocalCrossentropy(gamma, reduction="none")(LABELS, SHARES).numpy()
    np.testing.assert_allclose(found, (1 - p) ** gamma * -np.log(p), rtol=2e-4, atol=1e-6)
    keras_own = keras.losses.CategoricalFocalCrossentropy(alpha=1.0, gamma=gamma, reduction="none")
    np.testing.assert_allclose(found, keras_own(np.eye(5)[LABELS], SHARES).numpy(), rtol=2e-4, atol=1e-6)


def test_without_gamma_it_is_cross_entropy_to_the_bit() -> None:
    plain = keras.losses.SparseCategoricalCrossentropy()(LABELS, SHARES).numpy()
    assert SparseFocalCrossentropy(0.0)(LABELS, SHARES).numpy() == plain


def test_paper_example() -> None:
    """Lin et al., section 3.1: with gamma = 2 a sample of p = 0.9 counts 100 times less than with cross-entropy."""
    shares = np.array([[0.9, 0.1]], np.float32)
    ratio = SparseFocalCrossentropy(0.0)(np.array([0]), shares) / SparseFocalCrossentropy(2.0)(np.array([0]), shares)
    assert float(ratio) == pytest.approx(100, rel=1e-4)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_gradients_are_those_of_finite_differences(gamma: float) -> None:
    logits = DRAW.normal(size=(6, 5))

    def loss(values: np.ndarray) -> float:
        shares = np.exp(values) / np.exp(values).sum(axis=1, keepdims=True)
        p = shares[np.arange(6), LABELS[:6]]
        return float(((1 - p) ** gamma * -np.log(p)).mean())

    variable = tf.Variable(logits.astype(np.float32))
    with tf.GradientTape() as tape:
        value = SparseFocalCrossentropy(gamma)(LABELS[:6], tf.nn.softmax(variable))
    found = tape.gradient(value, variable).numpy()
    step = 1e-5 * np.eye(30).reshape(30, 6, 5)
    slopes = np.array([(loss(logits + each) - loss(logits - each)) / 2e-5 for each in step]).reshape(6, 5)
    np.testing.assert_allclose(found, slopes, atol=2e-5)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_sure_predictions_have_finite_slopes(gamma: float) -> None:
    variable = tf.Variable([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    with tf.GradientTape() as tape:
        value = SparseFocalCrossentropy(gamma)(np.array([0, 0]), variable)
    assert np.isfinite(value.numpy())
    assert np.isfinite(tape.gradient(value, variable).numpy()).all()


def test_it_comes_back_from_its_config() -> None:
    again = keras.losses.deserialize(keras.losses.serialize(SparseFocalCrossentropy(3.0)))
    assert (type(again), again.gamma) == (SparseFocalCrossentropy, 3.0)
