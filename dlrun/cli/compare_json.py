"""`dlrun compare` for programs: what each difference rests on, and the tables of several data sets as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from dlrun.cli.tables import Table

if TYPE_CHECKING:
    from dlrun.analysis.compare import Row
    from dlrun.analysis.datasets import DataSet
    from dlrun.analysis.statistics import Difference

__all__ = ["joined", "of_levels", "of_rows", "with_tests"]

_TEST = ("pairs", "method", "warning")
_DATA = ("data", "content")
_FIRST = 1  # the rank
_KEYS_END = "metric"  # the column behind those of the varying keys

Tests = Sequence[tuple[object, ...]]


def of_rows(rows: Sequence[Row]) -> Tests:
    """Of each row: how many seeds or splits its difference to the best is of (0 where none are shared), by what method
    that was tested, and what has to be known before the numbers are believed."""
    return [(*_test(row.difference), row.warning) for row in rows]


def of_levels(differences: Sequence[Difference | None]) -> Tests:
    """The same of the values of one key."""
    return [(*_test(each), None if each is None else each.warning) for each in differences]


def with_tests(table: Table, tests: Tests) -> Table:
    """`table` with the columns `pairs method warning`; what has no value, at its end, has nothing in them."""
    rows = [
        [*row, *(tests[place] if place < len(tests) else (None,) * len(_TEST))] for place, row in enumerate(table.rows)
    ]
    return replace(table, columns=[*table.columns, *_TEST], rows=rows)


def joined(sets: Sequence[DataSet], tables: Sequence[Table]) -> Table:
    """A table a data set as one, with columns that tell the set; ranks and p are within it. A single one as it is."""
    if len(tables) == 1:
        return tables[0]
    ends = [list(table.columns).index(_KEYS_END) for table in tables]
    keys = list(dict.fromkeys(c for table, end in zip(tables, ends, strict=True) for c in table.columns[_FIRST:end]))
    rows: list[list[object]] = []
    for found, table, end in zip(sets, tables, ends, strict=True):
        for row in table.rows:
            values = dict(zip(table.columns[_FIRST:end], row[_FIRST:end], strict=True))
            rows.append([row[0], found.name, found.digest, *(values.get(key) for key in keys), *row[end:]])
    return Table([tables[0].columns[0], *_DATA, *keys, *tables[0].columns[ends[0] :]], rows)


def _test(difference: Difference | None) -> tuple[object, object]:
    if difference is None:
        return None, None
    return difference.n if difference.is_paired else 0, difference.method
