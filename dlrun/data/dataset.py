"""What a source hands over, and what the rest of a run sees of it: raw samples, labels, names, a digest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dlrun.config.facts import TASKS
from dlrun.data.columns import Column

if TYPE_CHECKING:
    import numpy as np

    from dlrun.data.resizing import Resizing
    from dlrun.data.stored import Stored

__all__ = ["TASKS", "Content", "Dataset"]


@dataclass(frozen=True, eq=False)
class Content:
    """What a source function returns.

    Attributes:
        x: samples of any real type, shape (n, ...); or `Stored`, where they stay in a file.
        y: class indices of shape (n,), of masks (n, height, width); or values of shape (n,) or (n, outputs).
        classes: class names in the order of the indices; () for values.
        features: column names, of numbers; () where samples are not rows of columns, or `columns` tells more.
        columns: of a table that holds more than numbers: what stands for their cells in `x`, in order.
        texts: what the numbers of a column of text stand for: `texts[number]`.
        groups: which group each sample is of, numbered from 0, shape (n,): samples of one belong together in a split.
        times: when each sample is from, float64 of shape (n,), later ones larger.
        spans: of samples that reach over a stretch of time, as windows of a series do: the first and the last row of
            the series that each touches, its target included, int64 of shape (n, 2).
        parts: which file each sample is from, of files given apart: 0 train, 1 validation, 2 test; shape (n,).
        resizing: how raw images of any size became `x`; None where samples are raw as they are.
        levels: of masks: the value that each class has in their files; () of other targets.
        naive: of a series: what forecasts without a model would answer, by their names, each of the shape of `y`.
        notes: what was decided of the data that nobody asked for, a sentence each: told once a run begins.
        files: the file that each sample is, as it is called in its folder; () where that is not known.
    """

    x: Any  # a source of somebody's own gives an array
    y: np.ndarray
    classes: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    columns: tuple[Column, ...] = ()
    texts: Sequence[str] = ()
    groups: np.ndarray | None = None
    times: np.ndarray | None = None
    spans: np.ndarray | None = None
    parts: np.ndarray | None = None
    resizing: Resizing | None = None
    levels: tuple[int, ...] = ()
    naive: Mapping[str, np.ndarray] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    files: Sequence[str] = ()


@dataclass(frozen=True, eq=False)
class Dataset:
    """Raw, checked samples with their labels. The arrays are read-only: a dataset is shared between runs.

    Attributes:
        x: float32, shape (n, ...), in the source's own units: an array, or `Stored` where they stay in a file. NaN is a
            value that is missing: tables and sequences may have some, images none.
        y: int64 of shape (n,) with values 0..classes-1; of masks (n, height, width); for regression float32 of shape
            (n, outputs).
        task: one of `TASKS`.
        classes: class names in label order; () for regression.
        columns: of a table: what its cells are, in the order of `x`; () where samples are not rows of columns.
        features: names of the columns of a table, or of the numbers in a step of a sequence; () of other samples.
        digest: sha256, hex: of the file's content, or of what a generated or bundled dataset is made from.
        texts, groups, times, spans, parts, resizing, levels, naive, notes, files: as `Content` has them.
    """

    x: np.ndarray | Stored
    y: np.ndarray
    task: str
    classes: tuple[str, ...]
    features: tuple[str, ...]
    digest: str
    columns: tuple[Column, ...] = ()
    texts: Sequence[str] = ()
    groups: np.ndarray | None = None
    times: np.ndarray | None = None
    spans: np.ndarray | None = None
    parts: np.ndarray | None = None
    resizing: Resizing | None = None
    levels: tuple[int, ...] = ()
    naive: Mapping[str, np.ndarray] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    files: Sequence[str] = ()

    @property
    def samples(self) -> int:
        """The number of samples."""
        return int(self.x.shape[0])

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one sample."""
        return tuple(int(size) for size in self.x.shape[1:])

    @property
    def outputs(self) -> int:
        """Units of the output layer: one for two classes, one a class of more and of masks, one a value of others."""
        if self.task == "regression":
            return int(self.y.shape[1])
        return 1 if self.task == "binary" else len(self.classes)
