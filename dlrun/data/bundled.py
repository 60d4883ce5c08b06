"""Data sets that scikit-learn carries, in their original units."""

from __future__ import annotations

from typing import Any

import numpy as np

from dlrun.data.dataset import Content

__all__ = ["images", "table"]


def table(name: str, **arguments: Any) -> Content:
    """A data set of rows and columns.

    Args:
        name: as in `sklearn.datasets.load_NAME`.
        arguments: of that loader.
    """
    bunch = _bunch(name, arguments)
    classes = tuple(str(title) for title in getattr(bunch, "target_names", ()))
    return Content(bunch.data, bunch.target, classes, tuple(str(title) for title in bunch.feature_names))


def images(name: str) -> Content:
    """A data set of grey images, of shape (n, height, width, 1).

    Args:
        name: as in `sklearn.datasets.load_NAME`.
    """
    bunch = _bunch(name, {})
    return Content(bunch.images[..., np.newaxis], bunch.target, tuple(str(title) for title in bunch.target_names))


def _bunch(name: str, arguments: dict[str, Any]) -> Any:
    from sklearn import datasets

    return getattr(datasets, f"load_{name}")(**arguments)
