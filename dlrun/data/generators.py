"""Points in the plane and beyond, drawn from a seed: problems whose answer is known."""

from __future__ import annotations

import numpy as np

from dlrun.data.dataset import Content

__all__ = ["blobs", "circles", "moons"]


def moons(samples: int, noise: float, seed: int) -> Content:
    """Two half circles that reach into each other.

    Args:
        samples: points in all; half of them in each class, the odd one in the second.
        noise: standard deviation of the Gaussian noise on each coordinate; the half circles have radius 1.
    """
    from sklearn.datasets import make_moons

    x, y = make_moons(n_samples=samples, noise=noise, random_state=seed)
    return _points(x, y, classes=2)


def circles(samples: int, noise: float, factor: float, seed: int) -> Content:
    """A circle of radius 1 and one inside it.

    Args:
        samples: points in all; half of them in each class, the odd one on the inner circle.
        noise: standard deviation of the Gaussian noise on each coordinate.
        factor: radius of the inner circle.
    """
    from sklearn.datasets import make_circles

    x, y = make_circles(n_samples=samples, noise=noise, factor=factor, random_state=seed)
    return _points(x, y, classes=2)


def blobs(samples: int, centers: int, features: int, spread: float, seed: int) -> Content:
    """Gaussian clouds of points, one a class, with centres drawn evenly from [-10, 10] in each dimension.

    Args:
        samples: points in all, shared evenly among the classes.
        spread: standard deviation of each cloud in each dimension.
    """
    from sklearn.datasets import make_blobs

    x, y = make_blobs(n_samples=samples, n_features=features, centers=centers, cluster_std=spread, random_state=seed)
    return _points(x, y, classes=centers)


def _points(x: np.ndarray, y: np.ndarray, classes: int) -> Content:
    names = tuple(f"x{place}" for place in range(1, x.shape[1] + 1))
    return Content(x, y, tuple(str(label) for label in range(classes)), names)
