"""What the metric must do; run with pytest."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # the project, where dlrun looks for it too

import keras
import numpy as np

from dlrun.starters.metric.example import Example

LABELS = np.array([0, 0, 0, 1])
PROBABILITIES = np.array([[0.9, 0.1, 0], [0.8, 0.2, 0], [0.3, 0.7, 0], [0.4, 0.6, 0]], dtype="float32")


def test_every_class_counts_the_same() -> None:
    metric = Example(classes=3)
    metric.update_state(LABELS[:2], PROBABILITIES[:2])
    metric.update_state(LABELS[2:], PROBABILITIES[2:])
    np.testing.assert_allclose(metric.result(), (2 / 3 + 1) / 2, rtol=1e-6)  # the third class has no samples


def test_a_reset_forgets() -> None:
    metric = Example(classes=3)
    metric.update_state(LABELS, PROBABILITIES)
    metric.reset_state()
    assert float(metric.result()) == 0.0


def test_it_comes_back_from_its_config() -> None:
    again = keras.metrics.deserialize(keras.metrics.serialize(Example(classes=3)))
    assert isinstance(again, Example)
    assert again.classes == 3
