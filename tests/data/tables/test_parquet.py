"""Parquet files become cells: what each type is handed on as, and what is said of files that are none."""

from __future__ import annotations

import datetime
import decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet as pq

from dlrun.data.tables import parquet
from dlrun.errors import DataError

DAY, MOMENT = datetime.date(2024, 2, 29), datetime.datetime(2024, 2, 29, 23, 5, 1)
UTC = datetime.UTC
TYPES: list[tuple[str, pa.Array, list[Any]]] = [
    ("int", pa.array([1, None, -3]), [1.0, np.nan, -3.0]),
    ("uint8", pa.array([1, None, 255], pa.uint8()), [1.0, np.nan, 255.0]),
    ("float", pa.array([0.5, None, float("inf")]), [0.5, np.nan, np.inf]),
    ("half", pa.array(np.array([0.5, 1, 2], np.float16)), [0.5, 1.0, 2.0]),
    ("decimal", pa.array([decimal.Decimal("1.25"), None]), [1.25, np.nan]),
    ("null", pa.nulls(2), [np.nan, np.nan]),
    ("duration", pa.array([1500, None], pa.duration("ms")), [1.5, np.nan]),
    ("bool", pa.array([True, None, False]), ["true", "", "false"]),
    ("text", pa.array(["a", None, " b\nc"]), ["a", "", " b\nc"]),
    ("large", pa.array(["a", None], pa.large_string()), ["a", ""]),
    ("view", pa.array(["a", None], pa.string_view()), ["a", ""]),
    ("category", pa.array(["x", "y", None, "x"]).dictionary_encode(), ["x", "y", "", "x"]),
    ("category of numbers", pa.array([3, 5, None, 3]).dictionary_encode(), [3.0, 5.0, np.nan, 3.0]),
    ("date", pa.array([DAY, None]), ["2024-02-29", ""]),
    ("timestamp", pa.array([MOMENT, None]), ["2024-02-29T23:05:01", ""]),
    ("part of a second", pa.array([MOMENT.replace(microsecond=5)]), ["2024-02-29T23:05:01.000005"]),
    ("nanoseconds", pa.array([MOMENT, None], pa.timestamp("ns")), ["2024-02-29T23:05:01", ""]),
    ("zone", pa.array([MOMENT.replace(tzinfo=UTC)], pa.timestamp("us", "Europe/Berlin")), ["2024-02-29T23:05:01"]),
    ("time", pa.array([datetime.time(1, 2, 3), None]), ["01:02:03.000000", ""]),
]


def write(folder: Path, columns: dict[str, pa.Array], **how: Any) -> Path:
    path = folder / "t.parquet"
    pq.write_table(pa.table(columns), path, **how)
    return path


@pytest.mark.parametrize(("column", "cells"), [row[1:] for row in TYPES], ids=[row[0] for row in TYPES])
def test_a_type_becomes_cells(column: pa.Array, cells: list[Any], tmp_path: Path) -> None:
    path = write(tmp_path, {"a.b": column, "a": pa.array(range(len(column)))})
    assert parquet.fault(path, "t.parquet") is None
    assert parquet.header(path) == ["a.b", "a"]
    (block,) = parquet.blocks(path, [0])
    assert (block.rows, block.line, list(block.columns)) == (len(column), 1, [0])
    if isinstance(cells[0], str):
        assert block.columns[0] == cells
    else:
        assert block.columns[0].dtype == np.float64
        np.testing.assert_array_equal(block.columns[0], cells)


def test_blocks_are_bounded_and_together_all_rows(tmp_path: Path) -> None:
    path = write(tmp_path, {"a": pa.array(range(10_000)), "b": pa.array(map(str, range(10_000)))}, row_group_size=3000)
    found = list(parquet.blocks(path, [1, 0]))
    assert max(block.rows for block in found) <= 4096
    assert [block.line for block in found] == list(1 + np.cumsum([0, *(block.rows for block in found[:-1])]))
    assert np.concatenate([block.columns[0] for block in found]).tolist() == list(range(10_000))
    assert [cell for block in found for cell in block.columns[1]] == list(map(str, range(10_000)))


def test_columns_of_one_name_are_told_apart_by_place(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(pa.Table.from_arrays([pa.array([1.0]), pa.array([2.0])], names=["a", "a"]), path)
    (block,) = parquet.blocks(path, [0, 1])
    assert [block.columns[place].tolist() for place in (0, 1)] == [[1.0], [2.0]]


def told(path: Path) -> str:
    return str(parquet.fault(path, "t.parquet"))


def test_what_is_no_parquet_file_is_told(tmp_path: Path) -> None:
    path = write(tmp_path, {"a": pa.array(range(1000))})
    whole = path.read_bytes()
    for content, says in [
        (b"", "got 0 bytes"),
        (b"a,b\n1,2\n", "must be a Parquet file; got first bytes b'a,b\\n'"),
        (whole[: len(whole) // 2], "must be a whole Parquet file"),
        (whole[:-1], "must be a whole Parquet file"),
        (b"PARE" + whole[4:], "must not be encrypted"),
    ]:
        path.write_bytes(content)
        assert says in told(path)
        assert told(path).endswith("(t.parquet)")


def test_nested_columns_are_told_by_name_and_type(tmp_path: Path) -> None:
    columns = {"a": pa.array([1]), "tags": pa.array([["x"]]), "raw": pa.array([b"\0"]), "at": pa.array([{"k": 1}])}
    says = told(write(tmp_path, columns))
    assert "'tags' (list<" in says
    assert "'raw' (binary), 'at' (struct<k: int64>)" in says


def test_a_damaged_page_is_told_with_its_row(tmp_path: Path) -> None:
    path = write(tmp_path, {"a": pa.array(np.random.default_rng(0).normal(size=9000))}, row_group_size=5000)
    content = bytearray(path.read_bytes())
    content[len(content) * 3 // 4 - 2000 : len(content) * 3 // 4 + 2000] = b"\xff" * 4000
    group = pq.ParquetFile(path).metadata.row_group(1).column(0).data_page_offset
    content[group : group + 40] = b"\xff" * 40
    path.write_bytes(content)
    assert parquet.fault(path, "t.parquet") is None
    with pytest.raises(DataError, match=r"a damaged page at row \d+ or below"):
        list(parquet.blocks(path, [0]))
