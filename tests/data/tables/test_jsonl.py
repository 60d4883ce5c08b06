"""JSON lines become cells: numbers, words and what is missing, and what is said of lines that are none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dlrun.data.tables import jsonl


def write(folder: Path, content: str | bytes) -> Path:
    path = folder / "t.jsonl"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def cells(path: Path) -> dict[str, Any]:
    names = jsonl.header(path)
    found = list(jsonl.blocks(path, range(len(names))))
    return {n: [cell for block in found for cell in list(block.columns[p])] for p, n in enumerate(names)}


def test_numbers_words_and_missing(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        '\ufeff{"n": 1, "word": "x", "flag": true}\n\n{"flag": null, "n": null, "word": null}\r\n'
        '{"word": "y\\n\\u00e4", "n": -2.5e1, "late": 7, "flag": false}\n{"n": NaN}',
    )
    assert jsonl.fault(path, "t.jsonl") is None
    found = cells(path)
    assert list(found) == ["n", "word", "flag", "late"]
    np.testing.assert_array_equal(found["n"], [1, np.nan, -25, np.nan])
    np.testing.assert_array_equal(found["late"], [np.nan, np.nan, 7, np.nan])
    assert found["word"] == ["x", "", "y\nä", ""]
    assert found["flag"] == ["true", "", "false", ""]
    (block,) = jsonl.blocks(path, [0])
    assert (block.rows, block.line, list(block.columns)) == (4, 1, [0])
    assert block.columns[0].dtype == np.float64


def test_a_column_that_changes_its_type_is_text_from_the_first_block(tmp_path: Path) -> None:
    path = write(tmp_path, '{"a": 1.5}\n' * 5000 + '{"a": "many"}\n{"a": 10000000000000000000000}\n')
    found = list(jsonl.blocks(path, [0]))
    assert [(block.rows, block.line) for block in found] == [(4096, 1), (906, 4097)]
    assert found[0].columns[0][0] == "1.5"
    assert found[1].columns[0][-2:] == ["many", "10000000000000000000000"]


def test_a_number_that_no_float_holds_is_infinite(tmp_path: Path) -> None:
    assert cells(write(tmp_path, '{"a": 1' + "0" * 400 + '}\n{"a": -1e999}\n'))["a"] == [np.inf, -np.inf]


FAULTS = [
    ('{"a": 1}\n{"a": 2\n', "must hold a JSON object in each line; got '{\"a\": 2' (", "(t.jsonl:2)"),
    ('{"a": 1}\n\n[1, 2]\n', "got a list '[1, 2]'", "(t.jsonl:3)"),
    ('"a"\n', "got a text", "(t.jsonl:1)"),
    ('[{"a": 1},\n {"a": 2}]\n', "jq -c '.[]' t.jsonl > rows.jsonl", "(t.jsonl:1)"),
    ('{"a": 1, "b": 2, "a": 3}\n', "must name each key once in a line; got 'a' more than once", "(t.jsonl:1)"),
    ('{"a": 1}\n{"a": [1]}\n', "in 'a'; got a list [1]", "(t.jsonl:2)"),
    ('{"a": {"b": 1}}\n', "in 'a'; got an object", "(t.jsonl:1)"),
    ('{"a": ' + "[" * 100_000 + "\n", "nested too deep", "(t.jsonl:1)"),
    ('{"a": "\\ud800"}\n', "half of a surrogate pair", "(t.jsonl:1)"),
    ('{"a": ' + "9" * 5000 + "}\n", "must hold a JSON object in each line", "(t.jsonl:1)"),
    ("", "must hold rows; got 0 bytes", "(t.jsonl)"),
    ("\n \n", "must hold rows; got no line with a key", "(t.jsonl)"),
    ("{}\n", "must hold rows", "(t.jsonl)"),
    (
        '{"a": "größer"}\n'.encode("latin-1"),
        "got byte 0xf6 in line 1. Convert it: cp t.jsonl t.jsonl.bak && iconv -f W",
        "(t.jsonl:1)",
    ),
    ('{"a": 1}\n'.encode("utf-16"), "iconv -f UTF-16", "(t.jsonl:1)"),
    ('{"a": "' + "x" * 17_000_000 + '"}\n', "a line of more than 16,000,000 bytes", "(t.jsonl:1)"),
    ("a,b\n1,2\n", "got 'a,b'", "(t.jsonl:1)"),
]


@pytest.mark.parametrize(("content", "says", "place"), FAULTS, ids=range(len(FAULTS)))
def test_what_cannot_be_read_is_told_with_its_line(content: str | bytes, says: str, place: str, tmp_path: Path) -> None:
    told = str(jsonl.fault(write(tmp_path, content), "t.jsonl"))
    assert says in told
    assert told.endswith(place)
    assert len(told) < 400


def test_an_edited_file_is_read_again(tmp_path: Path) -> None:
    assert jsonl.header(write(tmp_path, '{"a": 1}\n')) == ["a"]
    assert jsonl.header(write(tmp_path, '{"a": 1, "b": 2}\n')) == ["a", "b"]
