"""What the samples that a model learned from were like, kept with it: new ones are held against this.

Of a column of numbers its range, mean and quantiles; of a category the words and how often each was there; of images
their size and colours. Of the training part alone: what was held out must leave no trace in what is kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from dlrun.data.columns import Column, cells_of
from dlrun.data.dataset import Dataset
from dlrun.data.stored import part_of

__all__ = ["MOST_WORDS", "QUANTILES", "SCHEMA", "VERSION", "profile_of"]

SCHEMA = "schema.json"
"""The file's name in the run's directory."""

VERSION = 1
"""Raised when the meaning of the file changes: another one is not read."""

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)

MOST_WORDS = 10_000
"""Different words of a category that are kept; of more only the most frequent, and no word is called new."""

_MOST_NUMBERS = 4_000_000  # looked at: larger parts by rows evenly over them, so that a profile takes no second
_MOST_TEXTS = 10_000
_SECONDS_OF_A_DAY = 86_400


def profile_of(dataset: Dataset, rows: np.ndarray) -> dict[str, Any]:
    """The content of schema.json.

    Args:
        rows: of the training part, sorted.

    Returns:
        rows        of the training part
        looked_at   how many of them were looked at
        columns     of a table: what each column was like, by name; else None
        samples     of anything but a table: what the samples were like; else None
        target      the share of each class, or range, mean and standard deviation of each value
    """
    size = max(1, int(np.prod(dataset.input_shape)))
    chosen = _evenly(rows, max(1, _MOST_NUMBERS // size))
    x = np.asarray(part_of(dataset.x, chosen)[:])
    columns = {each.name: _column(each, x[:, place], dataset) for each, place in _places(dataset)}
    return {
        "version": VERSION,
        "rows": len(rows),
        "looked_at": len(chosen),
        "columns": columns or None,
        "samples": None if columns else _samples(x, dataset),
        "target": _target(dataset, rows),
    }


def _evenly(rows: np.ndarray, most: int) -> np.ndarray:
    if len(rows) <= most:
        return rows
    return rows[np.linspace(0, len(rows) - 1, most).astype(np.int64)]


def _places(dataset: Dataset) -> list[tuple[Column, slice]]:
    places = cells_of(dataset.columns)
    return [(column, places[column.name]) for column in dataset.columns]


def _column(column: Column, cells: np.ndarray, dataset: Dataset) -> dict[str, Any]:
    first = cells[:, 0].astype(np.float64)
    is_there = ~np.isnan(first)
    about = {"kind": column.kind, "missing": float(1 - is_there.mean()) if len(first) else 0.0}
    if column.kind == "category":
        return about | _category(first[is_there].astype(np.int64), column.values)
    if column.kind == "text":
        return about | _texts(first[is_there].astype(np.int64), dataset.texts)
    if column.kind == "date":
        return about | _dates(cells[is_there].astype(np.float64))
    return about | _numbers(first[is_there])


def _numbers(values: np.ndarray) -> dict[str, Any]:
    """Range, mean and quantiles of the values that are there; None each where there is none."""
    if not len(values):
        return {"min": None, "max": None, "mean": None, "std": None, "quantiles": None}
    return {
        "min": float(values.min()),
        "max": float(values.max()),
        "mean": float(values.mean()),
        "std": float(values.std()),
        "quantiles": dict(zip(map(str, QUANTILES), np.quantile(values, QUANTILES).tolist(), strict=True)),
    }


def _dates(cells: np.ndarray) -> dict[str, Any]:
    """As of numbers, in days since 1970-01-01 with their fractions; the ends as they are written too."""
    hour, minute, second = cells[:, 6], cells[:, 7], cells[:, 8]
    days = cells[:, 0] + (np.nan_to_num(hour) * 3600 + np.nan_to_num(minute) * 60 + np.nan_to_num(second)) / 86_400
    found = _numbers(days)
    return found | {end: _as_date(found[name]) for end, name in (("first", "min"), ("last", "max"))}


def _as_date(days: float | None) -> str | None:
    if days is None:
        return None
    try:
        moment = datetime.fromtimestamp(round(days * _SECONDS_OF_A_DAY), UTC)
    except (OverflowError, ValueError, OSError):  # a year that no calendar has
        return None
    return moment.strftime("%Y-%m-%d" if days == int(days) else "%Y-%m-%d %H:%M:%S")


def _category(numbers: np.ndarray, words: Sequence[str]) -> dict[str, Any]:
    counts = np.bincount(numbers, minlength=len(words))
    known = np.flatnonzero(counts)
    kept = known[np.argsort(-counts[known], kind="stable")][:MOST_WORDS]
    total = max(1, int(counts.sum()))
    shares = {words[number]: float(counts[number] / total) for number in kept.tolist()}
    return {"words": len(known), "shares": shares, "is_whole": len(known) == len(kept)}


def _texts(numbers: np.ndarray, texts: Sequence[str]) -> dict[str, Any]:
    """How many characters the texts have."""
    chosen = _evenly(numbers, _MOST_TEXTS)
    return {"characters": _numbers(np.array([len(texts[number]) for number in chosen.tolist()], dtype=np.float64))}


def _samples(x: np.ndarray, dataset: Dataset) -> dict[str, Any]:
    """Of images, sequences and other arrays: the shape, and the numbers over the last axis, as channels are."""
    last = x.reshape(-1, x.shape[-1]).astype(np.float64) if x.ndim > 1 else x.reshape(-1, 1).astype(np.float64)
    about = {"shape": list(dataset.input_shape), "is_image": x.ndim == 4, "missing": float(np.isnan(last).mean())}
    if not np.isfinite(last).any():
        return about | {"mean": [], "std": [], "min": None, "max": None}
    return about | {
        "mean": np.nan_to_num(np.nanmean(last, axis=0)).tolist(),
        "std": np.nan_to_num(np.nanstd(last, axis=0)).tolist(),
        "min": float(np.nanmin(last)),
        "max": float(np.nanmax(last)),
    }


def _target(dataset: Dataset, rows: np.ndarray) -> Mapping[str, Any]:
    y = dataset.y[rows]
    if dataset.classes:
        counts = np.bincount(y.reshape(-1), minlength=len(dataset.classes))
        shares = counts / max(1, counts.sum())
        return {"classes": dict(zip(dataset.classes, shares.tolist(), strict=True))}
    values = y.reshape(len(y), -1).astype(np.float64)
    return {"values": [_numbers(column) for column in values.T]}
