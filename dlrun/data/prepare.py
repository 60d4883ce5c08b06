"""From a dataset and its split to what is trained on: encoded samples, labels as Keras wants them, what to keep."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from dlrun.config.build import build
from dlrun.config.catalog import Catalog
from dlrun.data.dataset import Dataset
from dlrun.data.encoding.fit import fit
from dlrun.data.encoding.reads import reads_sequences
from dlrun.data.encoding.recipe import Recipe
from dlrun.data.findings.unlearnable import unlearnable
from dlrun.data.sampling.resample import resampled
from dlrun.data.splits.split import Split
from dlrun.data.stored import Stored, part_of, through
from dlrun.errors import DataError

if TYPE_CHECKING:
    from dlrun.data.encoding.front import Front

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
        front: what led from raw samples to `Part.x`, measured on the training part.
        target: how the targets were scaled; None where they were not.
        input_shape: of one sample as the network gets it, without the batch.
        outputs: units of the output layer.
        naive: of a series: forecasts without a model for the samples of each part, scaled as targets are, by the name
            of the forecast and of the part.
        drawn_from: the rows of the training part where `train` was drawn anew from them (`sampling`); else None.
    """

    train: Part
    validation: Part
    test: Part
    front: Front
    target: TargetScale | None
    input_shape: tuple[int, ...]
    outputs: int
    task: str
    classes: tuple[str, ...]
    features: tuple[str, ...]
    naive: Mapping[str, Mapping[str, np.ndarray]] = field(default_factory=dict)
    drawn_from: int | None = None

    @property
    def samples(self) -> dict[str, int]:
        """The rows of each part, before any were drawn anew."""
        parts = {"train": self.train, "validation": self.validation, "test": self.test}
        samples = {name: part.samples for name, part in parts.items()}
        return samples if self.drawn_from is None else samples | {"train": self.drawn_from}

    def describe(self) -> dict[str, Any]:
        """Fields of the journal's `data` event: task, samples of each part, rows drawn to train on, column names."""
        drawn = {} if self.drawn_from is None else {"drawn": self.train.samples}
        return {"task": self.task, "samples": self.samples, **drawn, "features": list(self.features)}


_LAST: dict[str, tuple[Dataset, Prepared]] = {}
"""What was prepared last: the trials of a sweep mostly learn from the same rows, encoded alike."""


def prepare(spec: Mapping[str, Any], catalog: Catalog, dataset: Dataset, rows: Split) -> Prepared:
    """Encode a dataset as measured on its training part, and label it for Keras.

    Args:
        spec: the run's; its `preprocess` and `sampling` nodes are read.
        rows: the rows of each part, which follow from the dataset and the spec's `split`.

    Raises:
        DataError: the training part cannot be learned from: all that is wrong with it.
    """
    reads = reads_sequences(spec, catalog)
    key = json.dumps([spec.get("split"), spec["preprocess"], reads], sort_keys=True)
    known = _LAST.get(key)
    if known is None or known[0] is not dataset or "split" not in spec:
        _LAST.clear()
        known = dataset, _encoded(build(catalog, "preprocess", spec["preprocess"]), dataset, rows, reads)
        _LAST[key] = known
    return resampled(known[1], dataset, spec, catalog)


def _encoded(recipe: Recipe, dataset: Dataset, rows: Split, reads: bool) -> Prepared:
    if problems := list(unlearnable(dataset, rows)):
        raise DataError(problems)
    front = fit(recipe, dataset, rows.train, reads)
    target = _target_scale(dataset, rows, recipe.target)
    x, y = through(partial(front.encode, texts=dataset.texts), dataset.x), _labels(dataset, target)
    return Prepared(
        train=Part(part_of(x, rows.train), y[rows.train]),
        validation=Part(part_of(x, rows.validation), y[rows.validation]),
        test=Part(part_of(x, rows.test), y[rows.test]),
        front=front,
        target=target,
        input_shape=tuple(int(size) for size in x.shape[1:]),
        outputs=dataset.outputs,
        task=dataset.task,
        classes=dataset.classes,
        features=dataset.features,
        naive={name: _in_parts(forecast, rows, target) for name, forecast in dataset.naive.items()},
    )


def _target_scale(dataset: Dataset, rows: Split, wanted: str) -> TargetScale | None:
    if dataset.task != "regression" or wanted == "none":
        return None
    values = dataset.y[rows.train].astype(np.float64)
    return TargetScale(tuple(values.std(axis=0).tolist()), tuple(values.mean(axis=0).tolist()))


def _in_parts(forecast: np.ndarray, rows: Split, target: TargetScale | None) -> dict[str, np.ndarray]:
    scaled = forecast if target is None else target.scaled(forecast)
    return {part: scaled[getattr(rows, part)] for part in ("train", "validation", "test")}


def _labels(dataset: Dataset, target: TargetScale | None) -> np.ndarray:
    match dataset.task:
        case "binary":
            return dataset.y.astype(np.float32)[:, np.newaxis]
        case "regression" if target is not None:
            return target.scaled(dataset.y)
    return dataset.y
