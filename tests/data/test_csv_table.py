"""A CSV file that can be used: what is predicted is found, and every number arrives."""

from __future__ import annotations

import csv
import hashlib
import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dlrun.data.declare import declare
from dlrun.data.load import data_digest, load

if TYPE_CHECKING:
    from tests.data.conftest import CsvFolder

TABLE = "width,height,kind\n" + "1.5,2,cat\n-3e2,.5,dog\n" * 3
X = [[1.5, 2.0], [-300.0, 0.5]] * 3

SPELLINGS = {
    "plain": TABLE,
    "byte order mark": "\ufeff" + TABLE,
    "CRLF": TABLE.replace("\n", "\r\n"),
    "old Macintosh": TABLE.replace("\n", "\r"),
    "no last line break": TABLE.rstrip("\n"),
    "blank lines": TABLE.replace("\n", "\n\n  \n"),
    "semicolons": TABLE.replace(",", ";"),
    "tabs": TABLE.replace(",", "\t"),
    "pipes": TABLE.replace(",", "|"),
    "spaces round cells": TABLE.replace(",", " , "),
    "quoted": "".join(",".join(f'"{cell}"' for cell in line.split(",")) + "\n" for line in TABLE.splitlines()),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_spellings_of_one_table_are_one_table(csv_folder: CsvFolder, spelling: str) -> None:
    csv_folder.write(SPELLINGS[spelling].encode())
    dataset = load(csv_folder.node(), csv_folder.catalog)
    np.testing.assert_array_equal(dataset.x, np.float32(X))
    assert dataset.y.tolist() == [0, 1] * 3
    assert (dataset.task, dataset.classes, dataset.features) == ("binary", ("cat", "dog"), ("width", "height"))
    assert dataset.x.dtype == np.float32
    assert dataset.y.dtype == np.int64


def test_decimal_comma(csv_folder: CsvFolder) -> None:
    csv_folder.write("a;b;y\n" + "1,5;-2;0,25\n1,25e1;,5;3\n7;8;9,75\n")
    dataset = load(csv_folder.node(decimal="comma"), csv_folder.catalog)
    np.testing.assert_array_equal(dataset.x, np.float32([[1.5, -2], [12.5, 0.5], [7, 8]]))
    np.testing.assert_array_equal(dataset.y, np.float32([[0.25], [3], [9.75]]))


def test_thousands_points_are_not_taken_for_decimal_points(csv_folder: CsvFolder) -> None:
    csv_folder.write("a;y\n" + "1.234;1\n2;0\n3;0\n")
    (problem,) = declare(csv_folder.node(decimal="comma"), csv_folder.catalog).problems
    assert problem.got == "'1.234' in row 1"


@pytest.mark.parametrize("cell", ["1_000", "٣", "0x10", "1,5", "1 000", "--1", "1e", "yes", "None"])
def test_what_python_or_people_may_read_as_a_number_is_text(csv_folder: CsvFolder, cell: str) -> None:
    csv_folder.write(f'a,y\n1,1\n2,0\n"{cell}",0\n')
    (problem,) = declare(csv_folder.node(kinds={"a": "number"}), csv_folder.catalog).problems
    assert problem.rule == "must hold numbers in column 'a'"


def test_true_and_false_are_one_and_nought(csv_folder: CsvFolder) -> None:
    csv_folder.write("a,y\nTrue,1.5\nfalse,2\nTRUE,7\n")
    assert load(csv_folder.node(), csv_folder.catalog).x.ravel().tolist() == [1, 0, 1]


def test_columns_are_chosen_by_name(csv_folder: CsvFolder) -> None:
    csv_folder.write("id,kind,a,b\n" + "x1,u,1,2\nx2,v,3,4\n" * 2)
    left = load(csv_folder.node(target="kind", drop=["id"]), csv_folder.catalog)
    assert left.features == ("a", "b")
    chosen = load(csv_folder.node(target="kind", features=["b"]), csv_folder.catalog)
    assert chosen.features == ("b",)
    assert chosen.x.ravel().tolist() == [2, 4, 2, 4]


def test_last_column_that_is_left_is_the_target(csv_folder: CsvFolder) -> None:
    csv_folder.write("a,y,note\n1,0,some\n2,1,text\n3,1,here\n")
    dataset = load(csv_folder.node(drop=["note"]), csv_folder.catalog)
    assert (dataset.features, dataset.y.tolist()) == (("a",), [0, 1, 1])


def test_rows_with_empty_cells_can_be_left_out(csv_folder: CsvFolder) -> None:
    csv_folder.write("a,b,note,y\n1,,x,0\n2,5,,0\nnull,6,x,1\n4,7,x,1\n5,8,x,NA\n6,9,x,1\n")
    declaration = declare(csv_folder.node(missing="drop_rows", drop=["note"]), csv_folder.catalog)
    dataset = load(csv_folder.node(missing="drop_rows", drop=["note"]), csv_folder.catalog)
    assert declaration.samples == dataset.samples == 3
    assert dataset.x.tolist() == [[2, 5], [4, 7], [6, 9]]
    assert dataset.y.tolist() == [0, 1, 1]


TARGETS: list[tuple[str, list[Any], str, str, tuple[str, ...]]] = [
    ("text", ["b", "a", "c"] * 4, "auto", "multiclass", ("a", "b", "c")),
    ("two words", ["no", "yes"] * 4, "auto", "binary", ("no", "yes")),
    ("flags", ["True", "False"] * 4, "auto", "binary", ("False", "True")),
    ("nought and one", [0, 1] * 4, "auto", "binary", ("0", "1")),
    ("two numbers, few rows", [0, 1, 1], "auto", "binary", ("0", "1")),
    ("numbers from 1", [10, 9, 1] * 5, "auto", "multiclass", ("1", "9", "10")),
    ("whole numbers as floats", ["2.0", "1.0", "1"] * 5, "auto", "binary", ("1", "2")),
    ("negative", [-1, 0, 1] * 5, "auto", "multiclass", ("-1", "0", "1")),
    ("whole numbers that hardly repeat", [1, 2, 3, 4], "auto", "regression", ()),
    ("many whole numbers", list(range(21)) * 9, "auto", "regression", ()),
    ("twenty whole numbers", list(range(20)) * 5, "auto", "multiclass", tuple(map(str, range(20)))),
    ("fractions", [0.5, 1.5] * 9, "auto", "regression", ()),
    ("words and numbers", ["1", "2", "other"] * 5, "auto", "multiclass", ("1", "2", "other")),
    ("fractions as classes", [1.5, 0.5] * 9, "binary", "binary", ("0.5", "1.5")),
    ("two classes, a unit each", [0, 1] * 4, "multiclass", "multiclass", ("0", "1")),
    ("counts", [0, 1, 2] * 9, "regression", "regression", ()),
]


@pytest.mark.parametrize(("name", "cells", "task", "expected", "classes"), TARGETS, ids=[row[0] for row in TARGETS])
def test_task_follows_the_target(
    csv_folder: CsvFolder, name: str, cells: list[Any], task: str, expected: str, classes: tuple[str, ...]
) -> None:
    csv_folder.write("a,y\n" + "".join(f"1,{cell}\n" for cell in cells))
    declaration = declare(csv_folder.node(task=task), csv_folder.catalog)
    dataset = load(csv_folder.node(task=task), csv_folder.catalog)
    assert declaration.task == dataset.task == expected
    assert dataset.classes == classes
    assert declaration.classes == (len(dataset.classes) or None)
    if expected != "regression":
        named = [dataset.classes[label] for label in dataset.y]
        try:
            assert [float(word) for word in named] == [float(cell) for cell in cells]
        except ValueError:
            assert named == [str(cell) for cell in cells]


def test_digest_is_of_the_content_alone(csv_folder: CsvFolder) -> None:
    path = csv_folder.write(TABLE)
    digest = data_digest(csv_folder.node(), csv_folder.catalog)
    assert digest == hashlib.sha256(TABLE.encode()).hexdigest()
    assert load(csv_folder.node(), csv_folder.catalog).digest == digest
    path.rename(path.with_name("moved.csv"))
    assert data_digest(csv_folder.node(path="moved.csv", drop=["width"]), csv_folder.catalog) == digest
    csv_folder.write(TABLE + "1,2,cat\n")
    assert data_digest(csv_folder.node(), csv_folder.catalog) != digest


FLOAT = st.floats(width=32, allow_nan=False, allow_infinity=False)
NAME = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=8).map(str.strip)
NAMES = st.lists(NAME.filter(lambda name: name and not name.startswith("\ufeff")), min_size=2, max_size=5, unique=True)
LABEL = st.sampled_from(["cat", "a, b", 'say "x"', "two\nlines", "größe", "1.5 m", "-"])


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], list[list[float]], list[str]]:
    names = [f"{name}!" for name in draw(NAMES)]
    rows = draw(st.integers(3, 12))
    x = draw(st.lists(st.lists(FLOAT, min_size=len(names) - 1, max_size=len(names) - 1), min_size=rows, max_size=rows))
    labels = ["cat", "dog", *draw(st.lists(LABEL, min_size=rows - 2, max_size=rows - 2))]
    return names, x, labels


@given(
    table=tables(),
    separator=st.sampled_from(["comma", "semicolon", "tab", "pipe"]),
    line=st.sampled_from(["\n", "\r\n"]),
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_written_is_read(
    csv_folder: CsvFolder, table: tuple[list[str], list[list[float]], list[str]], separator: str, line: str
) -> None:
    names, x, labels = table
    text = io.StringIO()
    character = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}[separator]
    writer = csv.writer(text, delimiter=character, lineterminator=line)
    writer.writerow(names)
    writer.writerows([*map(repr, row), label] for row, label in zip(x, labels, strict=True))
    csv_folder.write(text.getvalue().encode())
    dataset = load(csv_folder.node(separator=separator, task="multiclass"), csv_folder.catalog)
    np.testing.assert_array_equal(dataset.x, np.float32(x))
    assert [dataset.classes[label] for label in dataset.y] == labels
    assert list(dataset.classes) == sorted(set(labels))
    assert dataset.features == tuple(names[:-1])
