"""Each probe's formula, held against NumPy and against figures worked out by hand."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

FIRST = [np.array([[3.0, 0.0], [0.0, 4.0]], dtype=np.float32), np.array([0.0, 12.0], dtype=np.float32)]
ZEROS = [np.zeros((2, 1), dtype=np.float32)]


def call(function: str, output: Any, gradient: Any = None) -> SimpleNamespace:
    values = np.array(output, dtype=np.float32)
    given = np.ones_like(values) if gradient is None else np.array(gradient, dtype=np.float32)
    return SimpleNamespace(function=function, output=values, gradient=given)


def measured(probe: Any, **look: Any) -> dict[str, float]:
    return {layer: float(value) for layer, value in probe.measure(SimpleNamespace(**look)).items()}


def test_gradient_norm(tensorflow: Any) -> None:
    from dlrun.probes.gradient_norm import GradientNorm

    assert measured(GradientNorm(), gradients={"a": FIRST, "b": ZEROS}) == {"a": 13.0, "b": 0.0}


def test_weight_norm(tensorflow: Any) -> None:
    from dlrun.probes.weight_norm import WeightNorm

    assert measured(WeightNorm(), weights={"a": FIRST, "b": ZEROS}) == {"a": 13.0, "b": 0.0}


def test_update_ratio(tensorflow: Any) -> None:
    from dlrun.probes.update_ratio import UpdateRatio

    moved = [FIRST[0] + np.array([[0, 0.05], [0, 0]], dtype=np.float32), FIRST[1] + np.array([0.12, 0], np.float32)]
    weights = {"moved": moved, "still": FIRST, "grown": FIRST, "nothing": ZEROS}
    before = {"moved": FIRST, "still": FIRST, "grown": [0 * each for each in FIRST], "nothing": ZEROS}
    found = measured(UpdateRatio(), weights=weights, before=before)
    # sqrt(0.05^2 + 0.12^2) = 0.13, over the longer of 13 and a hair more
    length = np.sqrt(sum((each.astype(np.float64) ** 2).sum() for each in moved))
    assert found == pytest.approx({"moved": 0.13 / length, "still": 0.0, "grown": 1.0, "nothing": 0.0}, rel=1e-5)


def test_dead_units(tensorflow: Any) -> None:
    from dlrun.probes.dead_units import DeadUnits

    rows = [[0, 1, 0, 0], [0, 0, 2, 0]]  # units 0 and 3 give nothing
    shared = [call("relu", rows), call("relu", [[5, 0, 0, 0], [0, 0, 0, 0]])]  # in another call unit 0 lives
    pixels = call("relu6", np.stack([rows, rows]).reshape(1, 2, 2, 4))
    look = {"one": [call("relu", rows)], "shared": shared, "pixels": [pixels], "other": [call("tanh", rows)]}
    assert measured(DeadUnits(), activations=look) == {"one": 0.5, "shared": 0.25, "pixels": 0.5}


def test_zero_gradient_units(tensorflow: Any) -> None:
    from dlrun.probes.zero_gradient_units import ZeroGradientUnits

    rows = [[0, 1, 7, 1], [0, 0, 6, 2]]
    flows = [[9, 1, 1, 0], [9, 9, 1, 0]]  # unit 0 is dead, unit 3 lives and is told nothing
    look = {"relu": [call("relu", rows, flows)], "relu6": [call("relu6", rows, flows)], "x": [call("elu", rows)]}
    assert measured(ZeroGradientUnits(), activations=look) == {"relu": 0.5, "relu6": 0.75}  # 6 and above is cut off


def test_saturation(tensorflow: Any) -> None:
    from dlrun.probes.saturation import Saturation

    look = {
        "sigmoid": [call("sigmoid", [[0.04, 0.06, 0.5, 0.96]])],
        "tanh": [call("tanh", [[-0.91, -0.89, 0.89, 0.0]])],
        "relu": [call("relu", [[0.0, 1.0]])],
    }
    assert measured(Saturation(), activations=look) == {"sigmoid": 0.5, "tanh": 0.25}
    assert measured(Saturation(margin=0.07), activations=look) == {"sigmoid": 0.75, "tanh": 0.75}


def test_learning_rate_in_force(tensorflow: Any) -> None:
    from dlrun.probes.learning_rate_in_force import LearningRateInForce

    assert measured(LearningRateInForce(), optimizer="adam", learning_rate=0.25) == {"adam": 0.25}
