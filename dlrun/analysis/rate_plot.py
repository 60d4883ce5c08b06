"""The curve of a learning-rate test as a picture and as a table."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from dlrun.analysis.rate_curve import RateCurve
from dlrun.training.atomic import storage_errors, write_text

__all__ = ["write_rate_curve"]

_INCHES = (7.0, 4.0)
_DOTS_AN_INCH = 130


def write_rate_curve(curve: RateCurve, folder: Path, name: str, title: str) -> Path:
    """Write `name`.png and `name`.csv into `folder`, which is made; returns the picture's path.

    Raises:
        StorageError: they cannot be written.
    """
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    table = io.StringIO(newline="")
    rows = zip(curve.rates, curve.losses, curve.smooth, strict=True)
    csv.writer(table, lineterminator="\n").writerows([("learning_rate", "loss", "smoothed_loss"), *rows])
    write_text(folder / f"{name}.csv", table.getvalue())
    path = folder / f"{name}.png"
    with storage_errors(path):
        _draw(curve, title, path)
    return path


def _draw(curve: RateCurve, title: str, path: Path) -> None:
    from matplotlib.figure import Figure  # here, because it takes a while, and without pyplot no window is opened

    figure = Figure(figsize=_INCHES, layout="constrained")
    axes = figure.add_subplot()
    axes.plot(curve.rates, curve.losses, color="0.8", linewidth=1, label="loss of each batch")
    axes.plot(curve.rates, curve.smooth, color="tab:blue", label="smoothed")
    if curve.range is not None and curve.proposed is not None:
        axes.axvspan(*curve.range, color="tab:green", alpha=0.12, label="range to search")
        axes.axvline(curve.proposed, color="tab:green", label=f"proposed: {curve.proposed:g}")
    axes.set_xscale("log")
    low, high = min(curve.losses), float(curve.smooth[0])  # what blows up leaves the picture
    axes.set_ylim(low - 0.1 * (high - low), high + max(0.5 * (high - low), 0.1 * abs(high)))
    axes.set_xlabel("learning rate")
    axes.set_ylabel("training loss")
    axes.set_title(title, fontsize="medium")
    axes.legend(loc="lower left", fontsize="small", frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=_DOTS_AN_INCH)
