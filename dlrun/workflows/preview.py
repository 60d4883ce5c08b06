"""What a model sees while it trains: some samples, and what the augmentations make of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np

from dlrun.analysis.sample_grid import Samples, write_samples
from dlrun.config.catalog import Catalog
from dlrun.data.load import load
from dlrun.data.prepare import Prepared, prepare
from dlrun.data.splits.split import split_rows
from dlrun.data.stored import part_of
from dlrun.models.augment import augmented

__all__ = ["preview"]

_ROWS = 6  # samples: one a class, as long as there are classes
_VERSIONS = 7


def preview(spec: Mapping[str, Any], catalog: Catalog, run: str, path: Path | None = None) -> Path:
    """Draw some training samples of `spec` after the preprocessing, and beside each what its augmentations make of it.

    Args:
        run: the id of the run that is asked about; the picture is named after it.
        path: where the picture goes; None for `plots/` of the working directory.

    Returns:
        The path of the picture.

    Raises:
        ConfigError, DataError: the data or an augmentation cannot be used.
        StorageError: the picture cannot be written.
    """
    dataset = load(spec["data"], catalog)
    prepared = prepare(spec, catalog, dataset, split_rows(dataset, spec["split"], catalog))
    rows = _chosen(prepared)
    originals = np.asarray(part_of(prepared.train.x, rows)[:], dtype=np.float32)
    samples = Samples(
        originals=originals,
        versions=[] if prepared.front.embedded else _versions(spec, catalog, originals),
        titles=_titles(prepared, rows),
        features=prepared.features if originals.ndim == 3 and len(prepared.features) == originals.shape[-1] else (),
    )
    chosen = ", ".join(spec["augment"]) or "none"
    if spec["augment"] and prepared.front.embedded:
        chosen += " (of embedded words: not drawn)"  # what is changed is what the network learns for a word
    title = f"data={spec['data']['option']}   preprocess={spec['preprocess']['option']}   augment: {chosen}"
    place = path or catalog.roots.work / "plots" / f"samples_{run[:8]}.png"
    write_samples(samples, place, title)
    return place


def _chosen(prepared: Prepared) -> np.ndarray:
    """The first rows of the training part of each class, by class; of numbers some from the least to the greatest."""
    labels = prepared.train.y.reshape(len(prepared.train.y), -1)[:, 0]
    count = min(_ROWS, len(labels))
    order = np.argsort(labels, kind="stable")
    if not prepared.classes:
        spread: np.ndarray = order[np.linspace(0, len(labels) - 1, count).astype(int)]
        return spread
    sorted_labels = labels[order]
    turn = np.arange(len(labels)) - np.searchsorted(sorted_labels, sorted_labels)  # which of its class each is
    rows: np.ndarray = order[np.sort(np.lexsort((sorted_labels, turn))[:count])]
    return rows


def _versions(spec: Mapping[str, Any], catalog: Catalog, originals: np.ndarray) -> list[np.ndarray]:
    """The samples as several epochs would train on them; none where nothing changes them."""
    if not spec["augment"]:
        return []
    inputs = keras.Input(originals.shape[1:], name="input")
    (output,) = augmented(spec, catalog, {"input": inputs}).values()
    model = keras.Model(inputs, output)
    return [keras.ops.convert_to_numpy(model(originals, training=True)) for _ in range(_VERSIONS)]


def _titles(prepared: Prepared, rows: np.ndarray) -> list[str]:
    labels = prepared.train.y[rows]
    if prepared.classes and labels.size == len(rows):
        return [prepared.classes[int(label)] for label in labels.reshape(-1)]
    if prepared.classes:
        return [f"sample {row + 1}" for row in rows]  # a mask has no name
    values = labels if prepared.target is None else prepared.target.in_units(labels)
    return [", ".join(f"{value:.4g}" for value in row[:3]) for row in values.reshape(len(rows), -1)]
