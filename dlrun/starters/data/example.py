"""Data of our own."""

from __future__ import annotations

import numpy as np

from dlrun.data.dataset import Content

__all__ = ["example"]


def example(samples: int, turns: float, noise: float, seed: int) -> Content:
    """Two spirals that wind around each other.

    Args:
        samples: points in all; half of them in each class, the odd one in the second.
        turns: how often each spiral winds around.
        noise: standard deviation of the Gaussian noise on each coordinate; the spirals have radius 1.
        seed: of the points.

    Returns:
        `x` of shape (samples, 2), `y` the class of each point as 0 or 1, and the names of classes and columns. A
        regression has values for `y` and no names of classes; an image has the shape (height, width, channels).
    """
    random = np.random.default_rng(seed)
    y = np.arange(samples) % 2
    if samples % 2:
        y[0] = 1
    radius = np.sqrt(random.uniform(size=samples))
    angle = 2 * np.pi * turns * radius + np.pi * y
    x = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    return Content(
        x=x + noise * random.normal(size=x.shape),
        y=y,
        classes=("first", "second"),
        features=("x1", "x2"),
    )
