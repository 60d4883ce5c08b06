"""A finding: what is wrong with the data, what shows it, and what to type."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from dlrun.errors import Problem

__all__ = ["Finding", "Level", "called", "listed", "of_columns"]

Level = Literal["error", "warning"]
"""An error makes training nonsense; a warning may be meant."""

_NAMED = 4  # names in a finding: what fits a line
_FEW = 3  # files: their names are long


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with a data set as it is split.

    Attributes:
        level: what it does to a training.
        name: its short name, which stays: `duplicate_rows`.
        about: the column, part or class: `column 'age'`.
        rule: what must or should hold, completing the sentence "<about> ...".
        got: what was found instead, in figures.
        mend: what to type, or to do to the file.
        columns: the columns that it is about, if it is about some.
    """

    level: Level
    name: str
    about: str
    rule: str
    got: str
    mend: str
    columns: tuple[str, ...] = ()

    @property
    def problem(self) -> Problem:
        """As everything that is wrong is told."""
        return Problem(self.about, self.rule, self.got, self.mend)

    def to_json(self) -> dict[str, Any]:
        """As in the journal and in `dlrun check --json`."""
        return asdict(self)


def of_columns(level: Level, name: str, columns: Sequence[str], rule: str, got: str, mend: str) -> Finding:
    """A finding on one column or several."""
    about = f"column '{columns[0]}'" if len(columns) == 1 else f"{len(columns)} columns"
    return Finding(level, name, about, rule, got, mend, tuple(columns))


def called(files: Sequence[str], rows: Sequence[int]) -> str:
    """Samples by the names of their files, or counted from 1 where they have none; the first few."""
    shown = [files[row] if len(files) else str(row + 1) for row in rows[:_FEW]]
    more = f" and {len(rows) - _FEW} more" if len(rows) > _FEW else ""
    return f"{', '.join(shown)}{more}" if more or len(shown) > 2 else " and ".join(shown)


def listed(texts: Sequence[str]) -> str:
    """The first few, and how many more there are."""
    shown = ", ".join(texts[:_NAMED])
    return shown if len(texts) <= _NAMED else f"{shown} and {len(texts) - _NAMED} more"
