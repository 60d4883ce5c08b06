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
    labels = bunch.get("target_names", ()) if bunch.target.ndim == 1 else ()  # of several outputs they are no classes
    classes = tuple(str(title) for title in labels)
    return Content(bunch.data, bunch.target, classes, tuple(str(title) for title in bunch.feature_names))


def images(name: str, layout: str) -> Content:
    """A data set of grey images.

    Args:
        name: as in `sklearn.datasets.load_NAME`.
        layout: `image` for samples of shape (height, width, 1); `rows` for sequences of (height, width), a step being a
            row of pixels, from the top; `pixels` for (height * width,), row after row.
    """
    bunch = _bunch(name, {})
    x = bunch.images
    x = {"image": x[..., np.newaxis], "rows": x, "pixels": x.reshape(len(x), -1)}[layout]
    return Content(x, bunch.target, tuple(str(title) for title in bunch.target_names))


def _bunch(name: str, arguments: dict[str, Any]) -> Any:
    from sklearn import datasets

    return getattr(datasets, f"load_{name}")(**arguments)
