"""What the loss must do; run with pytest."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # the project, where dlrun looks for it too

import keras
import numpy as np

from dlrun.starters.loss.example import Example

LABELS = np.array([0, 2])
PROBABILITIES = np.array([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]], dtype="float32")


def test_it_is_its_formula() -> None:
    expected = -(0.5**2 * np.log(0.5) + 0.2**2 * np.log(0.8)) / 2
    np.testing.assert_allclose(Example(gamma=2.0)(LABELS, PROBABILITIES), expected, rtol=1e-5)


def test_without_gamma_it_is_cross_entropy() -> None:
    plain = keras.losses.SparseCategoricalCrossentropy()(LABELS, PROBABILITIES)
    np.testing.assert_allclose(Example(gamma=0.0)(LABELS, PROBABILITIES), plain, rtol=1e-5)


def test_it_comes_back_from_its_config() -> None:
    again = keras.losses.deserialize(keras.losses.serialize(Example(gamma=3.0)))
    assert isinstance(again, Example)
    assert again.gamma == 3.0
