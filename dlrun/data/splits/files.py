"""Splits that the data brings along: files given apart to train, to validate and to test on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlrun.data.declare import Declaration
from dlrun.data.splits.demands import ALL_ROWS, share, stratify_problems
from dlrun.data.splits.split import Split, refuse
from dlrun.errors import DataError, Problem

if TYPE_CHECKING:
    from dlrun.data.dataset import Dataset

__all__ = ["Files"]

_VALIDATION = 0.2  # of the rows to train on, where no file to validate on is given


@dataclass(frozen=True)
class Files:
    """Each part is a file of the data's; see conf/split/files.yaml."""

    validation: float | str
    seed: int
    stratify: bool | int | str

    def problems(self, data: Declaration) -> Iterator[Problem]:
        """Data whose files are not given apart, classes asked of numbers."""
        if data.given is not None and "parts" not in data.given:
            rule = "must be another where the data is not given as files to train and to test on"
            mend = (
                "Give them apart: a file or folder to test on beside the one to train on, as dlrun show data/NAME says."
            )
            yield Problem("split", rule, got="files", mend=mend)
        yield from stratify_problems(self.stratify, data.task)

    def rows(self, dataset: Dataset) -> Split:
        """The files' rows; validation rows from those to train on where no file has them."""
        import numpy as np

        from dlrun.data.splits.cutting import cut

        refuse(self, dataset)
        assert dataset.parts is not None  # else it was refused
        train, validation, test = (np.flatnonzero(dataset.parts == part).astype(np.int64) for part in range(3))
        if problems := list(self._empty(len(train), len(validation), len(test))):
            raise DataError(problems)
        if len(validation) == 0:
            train, validation = cut(train, share(len(train), self._share()), dataset, self.seed, self.stratify)
        return Split(train, validation, test)

    def _share(self) -> float:
        return _VALIDATION if isinstance(self.validation, str) else self.validation

    def _empty(self, train: int, validation: int, test: int) -> Iterator[Problem]:
        for part, rows in {"train": train, "test": test}.items():
            if rows == 0:
                mend = f"Give a file to {part} on, or one file of all and split=holdout."
                yield Problem(f"the {part} part", "must hold rows", got="none", mend=mend)
        if validation > 0 and not isinstance(self.validation, str):
            rule = f"must be auto where a file to validate on is given: it has {validation} rows"
            yield Problem("split.validation", rule, got=f"{self.validation:g}", mend="Leave one of the two out.")
        elif validation == 0 and share(train, self._share()) == 0 and train:
            got = f"{self._share():g} of {train} rows"
            yield Problem("split.validation", "must leave one row or more in the part", got=got, mend=ALL_ROWS)
