"""Predict on new rows, images or texts with the model of a run, some at a time.

They are looked at first, all of them, and what cannot be predicted on is told before anything is written. What predicts
is the class that MLflow serves the model with.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dlrun.analysis.runs import RunRecord
from dlrun.config.catalog import Catalog
from dlrun.errors import UserError
from dlrun.workflows.kept_model import KeptModel, kept_model
from dlrun.workflows.new_data.check import Checked, check
from dlrun.workflows.new_data.open import opened
from dlrun.workflows.new_data.rows import Rows, Samples, Source

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FILE_COLUMN", "Prediction", "Request", "at_once", "looked_at", "prediction_of"]

FILE_COLUMN = "file"
"""The column of predictions that says which file a sample is from, of folders."""

_NUMBERS_AT_ONCE = 2**22
_ROWS_AT_ONCE = 8192
_ANY_SIZE = 256  # pixels, of images that may have any size
_NOT_TABULAR = frozenset({"segmentation"})


@dataclass(frozen=True)
class Request:
    """What is to be predicted, and how it is handed over.

    Attributes:
        given: a path, or `-` for standard input.
        probabilities: whether those of each class are handed over too.
        keep: columns of the source that are handed through.
        batch: samples at once; None takes as many as fit well.
        separator: of CSV; `auto` finds it.
        decimal: `point` or `comma`; None is that of the training.
    """

    given: str
    probabilities: bool = False
    keep: tuple[str, ...] = ()
    batch: int | None = None
    separator: str = "auto"
    decimal: str | None = None


@dataclass
class Prediction:
    """Predictions to be had, of samples that were found sound.

    Attributes:
        columns: of the table of predictions.
        is_text: those of them that hold text; the others hold numbers.
        unanswered: samples so far of which nothing is predicted: a value is missing.
    """

    kept: KeptModel
    request: Request
    source: Source
    checked: Checked
    columns: tuple[str, ...]
    is_text: frozenset[str]
    unanswered: int = 0
    _served: Any = field(default=None, repr=False)

    def open(self) -> None:
        """Open the model, which takes seconds; `tables` does it where it was not done."""
        if self._served is None:
            self._served = self.kept.served(self.request.decimal)

    def tables(self) -> Iterator[pd.DataFrame]:
        """The predictions in the order of the samples, some at a time.

        Raises:
            DataError: the source is no longer what it was, or an image in it is damaged.
            UserError: the model cannot be opened.
        """
        self.open()
        signature = self._served.signature
        columns = [*signature["columns"], *(name for name in self.request.keep if name not in signature["columns"])]
        for batch in self.source.batches(columns, self.request.batch or at_once(signature)):
            if len(batch):
                yield self._predicted(batch)

    def _predicted(self, batch: Rows | Samples) -> pd.DataFrame:
        import pandas as pd

        given = batch.values if isinstance(batch, Samples) else pd.DataFrame(dict(batch.cells))
        found: pd.DataFrame = self._served.predict(given)
        first = self._served.signature["predictions"][0]
        self.unanswered += int(found[first].isna().sum())
        kept: dict[str, Any] = {}
        if FILE_COLUMN in self.columns and batch.names:
            kept[FILE_COLUMN] = list(batch.names)
        if isinstance(batch, Rows):
            kept |= {name: [_as_text(cell) for cell in batch.cells[name]] for name in self.request.keep}
        found = found[[name for name in self.columns if name not in kept]]
        return pd.concat([pd.DataFrame(kept, dtype=object), found], axis=1) if kept else found


@contextlib.contextmanager
def prediction_of(
    run: RunRecord, catalog: Catalog, request: Request, heard: Callable[[int], None] | None = None
) -> Iterator[Prediction]:
    """Look at what is to be predicted, with the model of `run`. Imports no framework where the run kept its model.

    Args:
        heard: told how many samples have been looked at.

    Raises:
        DataError: the samples cannot be predicted on: all that is wrong with them.
        UserError: the run has no model, or predicts what is no table.
    """
    kept = kept_model(run, catalog)
    if kept.signature["task"] in _NOT_TABULAR:
        raise UserError(f"run {run.short_id} predicts masks, which are no table: see `predicted_masks`.")
    with looked_at(kept, request, heard) as (source, checked):
        columns, is_text = _columns(kept.signature, request, source)
        yield Prediction(kept, request, source, checked, columns, is_text)


@contextlib.contextmanager
def looked_at(
    kept: KeptModel, request: Request, heard: Callable[[int], None] | None = None
) -> Iterator[tuple[Source, Checked]]:
    """The samples that were given, and what is different about them.

    Raises:
        DataError: they cannot be predicted on.
    """
    signature = kept.signature_for(request.decimal)
    with opened(request.given, kept.catalog.roots.directory, signature, request.separator) as source:
        if source.names is None and request.keep:
            raise UserError(f"--keep is for tables; {source.file} has no columns. Leave it out.")
        yield source, check(source, signature, kept.schema, request.keep, kept.target, heard)


def _columns(signature: Mapping[str, Any], request: Request, source: Source) -> tuple[tuple[str, ...], frozenset[str]]:
    """Names of the predictions' columns, and which of them hold text."""
    handed: list[str] = [FILE_COLUMN] if hasattr(source, "members") else []
    handed += request.keep
    predictions: Sequence[str] = signature["predictions"]
    scores = [f"{signature['outputs']}_{name}" for name in signature["classes"]] if request.probabilities else []
    if twice := [name for name in request.keep if name in (*predictions, *scores)]:
        raise UserError(f"--keep must name no column of the predictions; got {twice[0]}. Rename it in the file.")
    is_text = frozenset([*handed, *(predictions if signature["classes"] else ())])
    return (*handed, *predictions, *scores), is_text


def at_once(signature: Mapping[str, Any]) -> int:
    """How many samples are predicted together where nobody says it."""
    size = math.prod(each or _ANY_SIZE for each in signature["shape"])
    return max(1, min(_ROWS_AT_ONCE, _NUMBERS_AT_ONCE // max(1, size)))


def _as_text(cell: Any) -> str | None:
    """A cell that is handed through; whole numbers as they were written."""
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return None
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)
