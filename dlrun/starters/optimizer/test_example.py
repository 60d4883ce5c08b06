"""What the optimizer must do; run with pytest."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # the project, where dlrun looks for it too

import keras
import numpy as np

from dlrun.starters.optimizer.example import Example


def test_two_steps_are_its_formula() -> None:
    weights = keras.Variable(np.array([1.0, 1.0], dtype="float32"))
    optimizer = Example(learning_rate=0.1, momentum=0.5)
    optimizer.build([weights])
    optimizer.apply([keras.ops.convert_to_tensor([2.0, -2.0])])
    np.testing.assert_allclose(weights.numpy(), [0.9, 1.1], rtol=1e-6)
    optimizer.apply([keras.ops.convert_to_tensor([-0.5, 3.0])])  # momenta 0.25 and 1.0
    np.testing.assert_allclose(weights.numpy(), [0.8, 1.0], rtol=1e-6)


def test_it_comes_back_from_its_config() -> None:
    again = keras.optimizers.deserialize(keras.optimizers.serialize(Example(momentum=0.5)))
    assert isinstance(again, Example)
    assert again.momentum == 0.5
