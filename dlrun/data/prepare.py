"""From a dataset and its split to what is trained on: scaled samples, labels as Keras wants them, layers to keep."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dlrun.config.build import build
from dlrun.config.catalog import Catalog
from dlrun.data.dataset import Dataset
from dlrun.data.scalers import Scaler
from dlrun.data.split import Split
from dlrun.data.stored import Stored, part_of, through
from dlrun.errors import DataError, Problem

if TYPE_CHECKING:
    import keras

__all__ = ["Part", "Prepared", "TargetScale", "prepare"]


@dataclass(frozen=True, eq=False)
class TargetScale:
    """How a regression's targets were scaled: `value = scale * scaled + offset`, an entry an output.

    Attributes:
        scale: standard deviation of each output in the training part, in the data's units.
        offset: its mean there.
    """

    scale: tuple[float, ...]
    offset: tuple[float, ...]

    def scaled(self, y: np.ndarray) -> np.ndarray:
        """Values in the data's units, shape (n, outputs), as they are trained on: float32."""
        return ((y.astype(np.float64) - self.offset) / self.scale).astype(np.float32)

    def in_units(self, y: np.ndarray) -> np.ndarray:
        """Predictions of the core, shape (n, outputs), in the data's units: float32."""
        return (y.astype(np.float64) * self.scale + self.offset).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Part:
    """Samples and labels of one part.

    Attributes:
        x: float32, shape (n, ...), after the preprocessing layers: an array, or `Stored` where they stay in a file.
        y: float32 of shape (n, 1) with 0 and 1 for two classes; int64 of shape (n,) for more; for regression float32 of
            shape (n, outputs), scaled where `Prepared.target` is set.
        weight: how much each sample counts in the loss, float32 of shape (n,); None where all count alike.
    """

    x: np.ndarray | Stored
    y: np.ndarray
    weight: np.ndarray | None = None

    @property
    def samples(self) -> int:
        """How many."""
        return len(self.x)


@dataclass(frozen=True, eq=False)
class Prepared:
    """Everything training needs to know of the data.

    Attributes:
        layers: the stock Keras layers that led from raw samples to `Part.x`, in order; measured on the training part.
        target: how the targets were scaled; None where they were not.
        input_shape: of one sample, without the batch.
        outputs: units of the output layer.
    """

    train: Part
    validation: Part
    test: Part
    layers: tuple[keras.Layer, ...]
    target: TargetScale | None
    input_shape: tuple[int, ...]
    outputs: int
    task: str
    classes: tuple[str, ...]
    features: tuple[str, ...]

    def describe(self) -> dict[str, Any]:
        """Fields of the journal's `data` event: task, samples of each part, column names."""
        parts = {"train": self.train, "validation": self.validation, "test": self.test}
        samples = {name: part.samples for name, part in parts.items()}
        return {"task": self.task, "samples": samples, "features": list(self.features)}


def prepare(spec: Mapping[str, Any], catalog: Catalog, dataset: Dataset, rows: Split) -> Prepared:
    """Scale a dataset by its training part, and label it for Keras.

    Args:
        spec: the run's; its `preprocess` node is read.
        rows: the rows of each part.

    Raises:
        DataError: the training part cannot be learned from: all that is wrong with it.
    """
    if problems := list(_unlearnable(dataset, rows)):
        raise DataError(problems)
    scaler: Scaler = build(catalog, "preprocess", spec["preprocess"])
    layers = scaler.layers(part_of(dataset.x, rows.train))
    target = _target_scale(dataset, rows, scaler.target)
    x, y = through(layers, dataset.x), _labels(dataset, target)
    return Prepared(
        train=Part(part_of(x, rows.train), y[rows.train]),
        validation=Part(part_of(x, rows.validation), y[rows.validation]),
        test=Part(part_of(x, rows.test), y[rows.test]),
        layers=layers,
        target=target,
        input_shape=dataset.input_shape,
        outputs=dataset.outputs,
        task=dataset.task,
        classes=dataset.classes,
        features=dataset.features,
    )


def _unlearnable(dataset: Dataset, rows: Split) -> Iterator[Problem]:
    mend = "Use more rows, or another split.seed."
    for part in ("train", "validation", "test"):
        if len(getattr(rows, part)) == 0:
            yield Problem(f"the {part} part", "must hold rows", got="none", mend=mend)
    if len(rows.train) == 0:
        return
    labels = dataset.y[rows.train]
    if dataset.task == "regression":
        for output in np.flatnonzero(labels.min(axis=0) == labels.max(axis=0)):
            got = f"{labels[0, output]:g} in all {len(labels)} rows"
            yield Problem("the train part", "must have targets that vary", got=got, mend=mend)
    elif len(np.unique(labels)) == 1:
        got = f"only '{dataset.classes[labels[0]]}' in {len(labels)} rows"
        yield Problem("the train part", "must hold two classes or more", got=got, mend=mend)
    elif len(labels) < len(dataset.classes):
        got = f"{len(labels)} rows for {len(dataset.classes)} classes"
        yield Problem("the train part", "must hold as many rows as there are classes", got=got, mend=mend)


def _target_scale(dataset: Dataset, rows: Split, wanted: str) -> TargetScale | None:
    if dataset.task != "regression" or wanted == "none":
        return None
    values = dataset.y[rows.train].astype(np.float64)
    return TargetScale(tuple(values.std(axis=0).tolist()), tuple(values.mean(axis=0).tolist()))


def _labels(dataset: Dataset, target: TargetScale | None) -> np.ndarray:
    match dataset.task:
        case "binary":
            return dataset.y.astype(np.float32)[:, np.newaxis]
        case "regression" if target is not None:
            return target.scaled(dataset.y)
    return dataset.y
