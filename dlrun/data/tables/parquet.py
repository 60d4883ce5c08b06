"""Parquet files: columns as the file types them, handed on as the cells that a table is looked at by."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlrun.data.tables.csv_plain import Plain
from dlrun.errors import DataError, Problem

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["blocks", "fault", "header"]

_MAGIC = b"PAR1"
_ENCRYPTED = b"PARE"
_BATCH = 4096  # rows
_LISTED = 8  # columns in a message


def header(path: Path) -> list[str]:
    """The names of the columns, of a file without a fault."""
    return list(_opened(path).schema_arrow.names)


def blocks(path: Path, places: Collection[int]) -> Iterator[Plain]:
    """The rows of a file without a fault, in order, some thousand at a time.

    Numbers are float64 arrays with NaN for null; all else is text: booleans `true` and `false`, dates and times in
    ISO form, those with a time zone in UTC, null empty. A row's line is its number, from 1.

    Args:
        places: of the columns that are read; the others stay on the disk.

    Raises:
        DataError: a page of the file is damaged.
    """
    import pyarrow as pa

    file = _opened(path)
    names = file.schema_arrow.names
    wanted = None if len(set(names)) < len(names) else [names[place] for place in sorted(places)]
    row = 1
    try:
        for batch in file.iter_batches(_BATCH, columns=wanted):
            found = batch.schema.names
            columns = {p: _cells(batch.column(p if wanted is None else found.index(names[p]))) for p in sorted(places)}
            yield Plain(batch.num_rows, row, columns, has_fractions=False)
            row += batch.num_rows
    except (pa.ArrowException, OSError) as error:
        rule, mend = "must be a whole Parquet file", "Fetch or write it again."
        got = f"a damaged page at row {row} or below: {_reason(error)}"
        raise DataError([Problem("data.path", rule, got, mend, os.path.relpath(path))]) from error


def fault(path: Path, file: str) -> Problem | None:
    """What keeps a file from being read at all; None where nothing does.

    Args:
        file: the file, as messages show it.

    Raises:
        OSError: the file cannot be read.
    """
    import pyarrow as pa

    with path.open("rb") as stream:
        head = stream.read(len(_MAGIC))
    if head == _ENCRYPTED:
        return _problem("must not be encrypted", "an encrypted Parquet file", "Write it without encryption.", file)
    if head != _MAGIC:
        got = "0 bytes" if not head else f"first bytes {head!r}, where Parquet has {_MAGIC!r}"
        return _problem("must be a Parquet file", got, f"If it is a CSV file: data=csv data.path={file}", file)
    try:
        schema = _opened(path).schema_arrow
    except (pa.ArrowException, OSError) as error:
        return _problem(
            "must be a whole Parquet file", _reason(error), "It was cut short: fetch or write it again.", file
        )
    if not schema.names:
        return _problem("must hold columns", "none", "Write the table again.", file)
    nested = [f"'{field.name}' ({field.type})" for field in schema if not _is_plain(field.type)]
    if not nested:
        return None
    more = f" and {len(nested) - _LISTED} more" if len(nested) > _LISTED else ""
    mend = "Write a column for each of their parts, or write the table without them."
    return _problem("must hold a number, a word or a date in each cell", ", ".join(nested[:_LISTED]) + more, mend, file)


def _problem(rule: str, got: str, mend: str, file: str) -> Problem:
    return Problem("data.path", rule, got=got, mend=mend, place=file)


def _opened(path: Path) -> Any:
    from pyarrow import parquet

    # read and not mapped: pages of a mapped file would count as memory of the process
    return parquet.ParquetFile(path, memory_map=False, pre_buffer=False)


def _reason(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")


def _is_plain(kind: pa.DataType) -> bool:
    from pyarrow import types

    kind = kind.value_type if types.is_dictionary(kind) else kind
    tests = (types.is_null, types.is_boolean, types.is_string, types.is_large_string, types.is_string_view)
    return _is_number(kind) or types.is_temporal(kind) or any(test(kind) for test in tests)


def _is_number(kind: pa.DataType) -> bool:
    from pyarrow import types

    tests = (types.is_null, types.is_integer, types.is_floating, types.is_decimal, types.is_duration)
    return any(test(kind) for test in tests)


def _cells(column: Any) -> Any:
    import pyarrow as pa
    from pyarrow import compute, types

    if types.is_dictionary(column.type):
        column = column.dictionary_decode()
    kind = column.type
    if types.is_duration(kind):  # of any unit, as seconds
        nanoseconds = column.cast(pa.duration("ns"), safe=False).cast(pa.int64()).cast(pa.float64(), safe=False)
        column = compute.divide(nanoseconds, 1e9)
    if _is_number(kind):
        return column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False).astype("float64")
    if types.is_timestamp(kind):
        column = _iso(column)
    return [cell or "" for cell in column.cast(pa.string()).to_pylist()]


def _iso(column: Any) -> Any:
    import pyarrow as pa
    from pyarrow import compute

    moments = column.cast(pa.timestamp(column.type.unit))  # in UTC, where there is a zone
    seconds = moments.cast(pa.timestamp("s"), safe=False)
    # `%S` shows as many digits as the type holds: without fractions none are wanted
    whole = compute.all(compute.equal(seconds.cast(moments.type), moments)).as_py()
    return compute.strftime(moments if whole is False else seconds, format="%Y-%m-%dT%H:%M:%S")
