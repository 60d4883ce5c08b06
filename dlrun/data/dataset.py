"""What a source hands over, and what the rest of a run sees of it: raw samples, labels, names, a digest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dlrun.config.facts import TASKS

if TYPE_CHECKING:
    import numpy as np

    from dlrun.data.stored import Stored

__all__ = ["TASKS", "Content", "Dataset"]


@dataclass(frozen=True, eq=False)
class Content:
    """What a source function returns.

    Attributes:
        x: samples of any real type, shape (n, ...); or `Stored`, where they stay in a file.
        y: class indices of shape (n,), or values of shape (n,) or (n, outputs).
        classes: class names in the order of the indices; () for values.
        features: column names; () where samples are not rows of columns.
    """

    x: Any  # a source of somebody's own gives an array
    y: np.ndarray
    classes: tuple[str, ...] = ()
    features: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Dataset:
    """Raw, checked, finite samples with their labels. The arrays are read-only: a dataset is shared between runs.

    Attributes:
        x: float32, shape (n, ...), in the source's own units: an array, or `Stored` where they stay in a file.
        y: int64 of shape (n,) with values 0..classes-1; for regression float32 of shape (n, outputs).
        task: one of `TASKS`.
        classes: class names in label order; () for regression.
        features: column names; () where samples are not rows of columns.
        digest: sha256, hex: of the file's content, or of what a generated or bundled dataset is made from.
    """

    x: np.ndarray | Stored
    y: np.ndarray
    task: str
    classes: tuple[str, ...]
    features: tuple[str, ...]
    digest: str

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
        """Units of the output layer: one for two classes, one a class beyond, one a value for regression."""
        if self.task == "regression":
            return int(self.y.shape[1])
        return 1 if self.task == "binary" else len(self.classes)
