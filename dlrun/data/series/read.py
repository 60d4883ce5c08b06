"""Load a series that has been looked at: windows of the past, and what comes after each."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from dlrun.data.dataset import Content
from dlrun.data.room import available_bytes
from dlrun.data.series.inspect import look_at
from dlrun.data.series.settings import Settings
from dlrun.data.series.windows import Windows
from dlrun.data.stored import Stored
from dlrun.errors import DataError

__all__ = ["read"]

_COPIES = 5  # of the samples, at once: as cut, as one array, scaled, split into parts, as tensors


def read(path: str, stream: bool | str = "auto", **settings: Any) -> Content:
    """The samples of a series, in the order of their times.

    Args:
        path: the file.
        stream: whether windows are cut as they are read; `auto` where memory is too small for all of them.
        settings: the other parameters of conf/data/series.yaml.

    Returns:
        x: float32 of shape (samples, window, features), an array or a `Stored`; y: int64 class numbers of shape
            (samples,), or float32 values of shape (samples, outputs).

    Raises:
        DataError: the file cannot be used: all its problems.
        OSError: there is no such file.
    """
    chosen = Settings.of(settings)
    found = look_at(Path(path), chosen)
    if isinstance(found, tuple) or found.problems:
        raise DataError(list(found if isinstance(found, tuple) else found.problems))
    windows = Windows(found.values, found.firsts, chosen.window, fills=chosen.missing == "interpolate")
    is_streamed = stream is True or (stream == "auto" and _is_too_large(windows))
    x: Any = Stored(windows) if is_streamed else windows.read(np.arange(windows.rows))
    return Content(
        x,
        found.y,
        found.classes,
        found.features,
        groups=found.groups,
        times=found.times,
        spans=found.spans,
        naive=found.naive,
    )


def _is_too_large(windows: Windows) -> bool:
    available = available_bytes()
    wanted = 4 * windows.rows * math.prod(windows.shape)
    return available is not None and _COPIES * wanted > available
