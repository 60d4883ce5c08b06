"""What new samples have that those of the training had not, or the other way round."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CHANCE", "Finding", "Tally", "percent", "short"]

CHANCE = 0.001
"""How often, at most, samples of the same source would give a finding by chance, over all columns together."""


@dataclass(frozen=True)
class Finding:
    """One difference that does not keep from predicting.

    Attributes:
        level: `warning`, or `note` of what is only worth knowing.
        where: the column, or what else it is about.
        what: it, in a few words.
        training: how it was in training.
        new: how it is now.
    """

    level: str
    where: str
    what: str
    training: str
    new: str


@dataclass
class Tally:
    """How often something was met, and where first: the row from 1, and the line of the file."""

    count: int = 0
    row: int = 0
    line: int = 0
    cell: str = ""

    def add(self, row: int, line: int, cell: str) -> None:
        """Count one more."""
        if not self.count:
            self.row, self.line, self.cell = row, line, cell
        self.count += 1


def percent(share: float) -> str:
    """A share as people read it."""
    if 0 < share < 0.001:
        return "under 0.1%"
    return f"{share:.1%}" if share < 0.1 else f"{share:.0%}"


def short(value: float | None) -> str:
    """A number in four digits."""
    return "none" if value is None else f"{value:.4g}"
