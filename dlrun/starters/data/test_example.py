"""What the data must be; run with pytest."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # the project, where dlrun looks for it too

import numpy as np

from dlrun.starters.data.example import example


def test_it_has_what_its_option_says() -> None:
    content = example(samples=101, turns=1.5, noise=0.05, seed=0)
    assert content.x.shape == (101, 2)
    assert np.bincount(content.y).tolist() == [50, 51]
    assert len(content.classes) == 2


def test_the_seed_makes_the_points() -> None:
    first, again, other = (example(samples=10, turns=1.5, noise=0.05, seed=seed).x for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_without_noise_the_radius_tells_the_angle() -> None:
    content = example(samples=100, turns=0.25, noise=0.0, seed=0)
    radius = np.hypot(*content.x.T)
    angle = 2 * np.pi * 0.25 * radius + np.pi * content.y
    np.testing.assert_allclose(content.x, np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1))
