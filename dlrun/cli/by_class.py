"""What a run made of each class of its test part."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dlrun.cli.tables import Cell, Table, print_table
from dlrun.workflows.amounts import short_score

if TYPE_CHECKING:
    from dlrun.training.result import Result

__all__ = ["print_classes"]

_MOST = 20  # classes that a table is read of
_MEANS = 2  # rows behind them: macro and weighted
_SCORES = ("precision", "recall", "f1")


def print_classes(result: Result) -> None:
    """A row a class, below them their means, and the threshold where it is not the usual one."""
    if result.threshold != 0.5:
        yes = f"'{result.per_class[1]['class']}'" if len(result.per_class) > 1 else "The second class"
        at = short_score(result.threshold)
        click.echo(f"{yes} is called above {at}: ..._at_threshold and the classes below are of that, the rest of 0.5.")
    if not 2 <= len(result.per_class) - _MEANS <= _MOST:
        return
    rows = [
        [
            Cell(row["class"]),
            *(Cell(row[name], short_score(row[name])) for name in _SCORES),
            Cell(row["rows"], f"{row['rows']:,.0f}"),
        ]
        for row in result.per_class
    ]
    print_table(Table(["test part, by class", *_SCORES, "rows"], rows))
