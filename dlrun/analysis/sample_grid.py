"""Samples as a picture: one a row, what was made of it beside it. Images, sequences as curves, rows as bars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dlrun.training.atomic import storage_errors

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Samples", "write_samples"]

_INCHES = 1.25  # a side of an image
_WIDE = 1.9  # of a curve, or of bars
_DOTS_AN_INCH = 130
_CURVES = 4  # features that are drawn: more are a tangle
_BARS = 40
_SIDE_BY_SIDE = 8  # samples without versions that stand in one row
_ORIGINAL, _CHANGED = "0.75", "tab:blue"


@dataclass(frozen=True, eq=False)
class Samples:
    """What is drawn.

    Attributes:
        originals: shape (rows, ...), as the model sees them when it predicts.
        versions: what training makes of them, each of the same shape; none where it changes nothing.
        titles: of each sample, its class or target.
        features: names of the columns or of the numbers of a step; () where they have none.
    """

    originals: np.ndarray
    versions: Sequence[np.ndarray]
    titles: Sequence[str]
    features: Sequence[str] = ()

    @property
    def is_image(self) -> bool:
        """Whether samples are pictures."""
        return self.originals.ndim == 4 and self.originals.shape[-1] in (1, 3, 4)

    @property
    def range(self) -> tuple[float, float]:
        """The least and the greatest value of all originals: what is black and what is white."""
        low, high = float(np.nanmin(self.originals)), float(np.nanmax(self.originals))
        return (low, high) if high > low else (low - 0.5, low + 0.5)


def write_samples(samples: Samples, path: Path, title: str) -> None:
    """Write the picture, a PNG; its folder is made.

    Raises:
        StorageError: it cannot be written.
    """
    from matplotlib.figure import Figure  # here, because it takes a while, and without pyplot no window is opened

    rows, columns = _size(samples)
    wide = _INCHES if samples.is_image else _WIDE
    figure = Figure(figsize=(max(wide * columns + 0.4, 5.0), _INCHES * rows + 0.7), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False)
    for row, line in enumerate(grid):
        for column, axes in enumerate(line):
            _cell(axes, samples, row, column)
    for column, axes in enumerate(grid[0] if samples.versions else ()):
        name = "as it is" if column == 0 else f"epoch {column}"
        heading = f"{name}\n{samples.titles[0]}" if column == 0 else name
        axes.set_title(heading, fontsize="small")
    figure.suptitle(title, fontsize="medium")
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=_DOTS_AN_INCH, format="png")


def _size(samples: Samples) -> tuple[int, int]:
    count = len(samples.originals)
    if samples.versions:
        return count, 1 + len(samples.versions)
    columns = min(count, _SIDE_BY_SIDE if samples.is_image else 3)
    return -(-count // columns), columns


def _cell(axes: Axes, samples: Samples, row: int, column: int) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    if samples.versions:
        number, version = row, None if column == 0 else samples.versions[column - 1]
    else:
        number, version = row * _size(samples)[1] + column, None
    if number >= len(samples.originals):
        axes.set_axis_off()
        return
    if version is None:
        axes.set_title(samples.titles[number], fontsize="small")
    draw: Any = _image if samples.is_image else _curves if samples.originals.ndim == 3 else _bars
    draw(axes, samples, samples.originals[number], None if version is None else version[number])


def _image(axes: Axes, samples: Samples, original: np.ndarray, changed: np.ndarray | None) -> None:
    low, high = samples.range
    shown = np.clip(((original if changed is None else changed) - low) / (high - low), 0, 1)
    axes.imshow(shown[..., 0] if shown.shape[-1] == 1 else shown, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    axes.spines[:].set_visible(False)


def _curves(axes: Axes, samples: Samples, original: np.ndarray, changed: np.ndarray | None) -> None:
    """A curve for each feature; in grey, beneath what was changed, the sample as it is."""
    names = samples.features or [f"feature {number}" for number in range(1, original.shape[-1] + 1)]
    for number in range(min(_CURVES, original.shape[-1])):
        own = f"C{number}"
        if changed is None:
            axes.plot(original[:, number], color=own, linewidth=1, label=names[number])
        else:
            axes.plot(original[:, number], color=_ORIGINAL, linewidth=1)
            axes.plot(changed[:, number], color=own, linewidth=1)
    _frame(axes, samples.originals[..., :_CURVES], samples.versions)
    if changed is None and np.shares_memory(original, samples.originals[0]):
        axes.legend(fontsize=6, frameon=False, loc="best", handlelength=1)


def _bars(axes: Axes, samples: Samples, original: np.ndarray, changed: np.ndarray | None) -> None:
    """A bar for each number; the outline is the sample as it is."""
    flat = original.reshape(-1)[:_BARS]
    places = np.arange(len(flat))
    values = flat if changed is None else changed.reshape(-1)[:_BARS]
    axes.bar(places, values, color=_ORIGINAL if changed is None else _CHANGED, width=0.8)
    axes.step(np.append(places, len(places)) - 0.5, np.append(flat, flat[-1]), where="post", color="0.3", linewidth=0.7)
    axes.axhline(0, color="0.6", linewidth=0.5)
    shown = samples.originals.reshape(len(samples.originals), -1)[:, :_BARS]
    _frame(axes, shown, [each.reshape(len(each), -1)[:, :_BARS] for each in samples.versions])


def _frame(axes: Axes, originals: np.ndarray, versions: Sequence[np.ndarray]) -> None:
    """One scale for all: what is larger looks larger."""
    parts = [originals, *(version[..., : originals.shape[-1]] for version in versions)]
    low, high = min(float(np.nanmin(part)) for part in parts), max(float(np.nanmax(part)) for part in parts)
    room = 0.05 * (high - low) or 0.5
    axes.set_ylim(low - room, high + room)
    axes.spines[["top", "right"]].set_visible(False)
