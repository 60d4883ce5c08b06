"""What the layer must do; run with pytest."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # the project, where dlrun looks for it too

import keras
import numpy as np

from dlrun.starters.layer.example import Example

X = np.random.default_rng(0).normal(size=(5, 3)).astype("float32")


def test_it_is_its_formula() -> None:
    layer = Example(units=2)
    found = layer(X).numpy()
    kernel, bias = (weight.numpy() for weight in layer.weights)
    values, gates = np.split(X @ kernel + bias, 2, axis=-1)
    np.testing.assert_allclose(found, values / (1 + np.exp(-gates)), rtol=1e-5, atol=1e-6)
    assert found.shape == (5, 2)


def test_a_saved_model_comes_back(tmp_path: Path) -> None:
    inputs = keras.Input((3,))
    model = keras.Model(inputs, Example(units=2, kernel_regularizer="l2")(inputs))
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(model.predict(X, verbose=0), again.predict(X, verbose=0))
