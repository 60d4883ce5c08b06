"""scikit-learn's generators and a sine: data drawn from a seed, problems whose answer is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dlrun.data.dataset import Content

__all__ = ["classes", "sine", "values"]

# scikit-learn's names for what an option calls as the house does; any other parameter has the same name in both
_THEIRS = {
    "samples": "n_samples",
    "features": "n_features",
    "classes": "n_classes",
    "informative": "n_informative",
    "redundant": "n_redundant",
    "repeated": "n_repeated",
    "clouds": "n_clusters_per_class",
    "outputs": "n_targets",
    "spread": "cluster_std",
    "box": "center_box",
    "flipped": "flip_y",
    "separation": "class_sep",
    "rank": "effective_rank",
    "tail": "tail_strength",
    "seed": "random_state",
}


def classes(generator: str, **settings: Any) -> Content:
    """Points with a class each.

    Args:
        generator: as in `sklearn.datasets.make_GENERATOR`.
        settings: of it, by the names that its option file has.

    Returns:
        x: shape (samples, features); y: int64, shape (samples,), the classes numbered in the order of the labels that
            scikit-learn gives them, which are their names.
    """
    x, labels = _made(generator, settings)
    names, y = np.unique(labels, return_inverse=True)
    return Content(x, y.reshape(-1), tuple(f"{name:g}" for name in names), _names(x))


def values(generator: str, **settings: Any) -> Content:
    """Points with a number each, or several; arguments as in `classes`."""
    x, y = _made(generator, settings)
    return Content(x, y, (), _names(x))


def sine(samples: int, span: Sequence[float], cycles: float, noise: float, seed: int) -> Content:
    """A sine wave, as a function to approximate.

    Args:
        samples: points, drawn evenly from the span.
        span: least and largest x.
        cycles: full waves in the span.
        noise: standard deviation of the Gaussian noise on the sine.
    """
    random = np.random.default_rng(seed)
    low, high = span
    x = random.uniform(low, high, size=(samples, 1))
    y = np.sin(2 * np.pi * cycles * (x[:, 0] - low) / (high - low)) + noise * random.standard_normal(samples)
    return Content(x, y, (), _names(x))


def _made(generator: str, settings: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    from sklearn import datasets

    given = {_THEIRS.get(name, name): tuple(v) if isinstance(v, list) else v for name, v in settings.items()}
    x, y = getattr(datasets, f"make_{generator}")(**given)
    return x, y


def _names(x: np.ndarray) -> tuple[str, ...]:
    return tuple(f"x{place}" for place in range(1, x.shape[1] + 1))
