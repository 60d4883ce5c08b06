"""Cells that are rare and real: what stands for none in pandas, times with a zone, long texts, odd names."""

from __future__ import annotations

import datetime
import json
import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from dlrun.cli.main import main
from dlrun.data.load import load
from dlrun.data.tables.problems import kind_of
from dlrun.errors import ExitCode, UserError
from dlrun.serving.served_cells import ISO, as_text, parsed_date
from dlrun.serving.served_model import ServedModel
from dlrun.workflows.kept import read_front

if TYPE_CHECKING:
    from tests.data.conftest import CsvFolder

HOUR = 6  # of the parts of a date


def served(kind: str, column: pd.Series, written: str = ISO) -> Any:
    """What a served model takes of a column."""
    signature = {"columns": ["c"], "kinds": [kind], "written": {"c": written}, "decimal": "point", "missing": []}
    model = ServedModel({**signature, "shape": [1]}, None)
    return np.asarray(model._samples(pd.DataFrame({"c": column})))


@pytest.mark.parametrize("dtype", ["Int64", "Float64", "boolean", "int64[pyarrow]"])
@pytest.mark.parametrize("kind", ["number", "flag"])
def test_a_missing_number_of_pandas_is_missing(kind: str, dtype: str) -> None:
    np.testing.assert_array_equal(served(kind, pd.Series([1, None], dtype=dtype))[:, 0], [1, np.nan])


@pytest.mark.parametrize("dtype", ["string", "string[pyarrow]", "category", "object"])
def test_a_missing_word_of_pandas_is_missing(dtype: str) -> None:
    assert served("category", pd.Series(["a", None], dtype=dtype))[:, 0].tolist() == [b"a", b""]
    dates = served("date", pd.Series(["2020-01-01", None], dtype=dtype))
    assert (dates[0, HOUR], np.isnan(dates[1]).all()) == (0, True)


def test_a_time_with_a_zone_is_the_same_as_text_and_as_pandas_has_it() -> None:
    """Training reads text, in UTC: a served column of times must not be an hour or two beside it."""
    text = "2020-06-01T05:00:00+02:00"
    as_times = pd.Series(pd.to_datetime([text])).dt.tz_convert("Europe/Berlin")
    np.testing.assert_array_equal(served("date", as_times), served("date", pd.Series([text])))
    assert served("date", as_times)[0, HOUR] == 3


def test_a_day_is_a_date_however_its_column_was_written() -> None:
    found = served("date", pd.Series([datetime.date(2020, 3, 4)], dtype=object), "%d.%m.%Y")
    np.testing.assert_array_equal(found, served("date", pd.Series(["04.03.2020"]), "%d.%m.%Y"))


def test_a_flag_is_no_other_number() -> None:
    with pytest.raises(ValueError, match="column c must hold yes or no, or 1 or 0: 2 is neither"):
        served("flag", pd.Series([0.0, np.nan, 2.0]))


def test_a_long_whole_number_keeps_its_digits() -> None:
    assert as_text(np.int64(123456789012345678)) == "123456789012345678"
    assert (as_text(3.0), as_text(np.float64(2.5)), as_text(True)) == ("3", "2.5", "true")


@pytest.mark.parametrize(("text", "written"), [("0001-01-01T00:00:00+05:00", ISO), ("11", "%d%d")])
def test_what_no_calendar_has_is_no_date(text: str, written: str) -> None:
    assert parsed_date(text, written) is None


@pytest.mark.parametrize("stream", [False, True])
def test_one_long_text_makes_no_other_as_large(csv_folder: CsvFolder, stream: bool, tmp_path: Path) -> None:
    texts = [f"the {i}th word of many é\N{SNOWMAN}" for i in range(300)]
    texts[7] = "long " * 20_000
    lines = "".join(f"{i % 7},{text},{i % 3 % 2}\n" for i, text in enumerate(texts))
    csv_folder.write(f"a,t,y\n{lines}")
    for _ in range(2):  # the second time a streamed one is read from where it is kept
        load.__globals__["_KEPT"].clear()
        dataset = load(csv_folder.node(kinds={"t": "text"}, stream=stream), csv_folder.catalog)
        assert [text.strip() for text in dataset.texts] == [text.strip() for text in texts]
    kept = list(csv_folder.folder.glob(".dlrun/cache/*/sides.npz"))
    assert (len(kept) == 1) == stream
    assert all(path.stat().st_size < 1_000_000 for path in kept)


@pytest.mark.parametrize("name", ["a", "a.b", "two words", "x (cm)", "a=b", "${x}", "a:b", "[1]", "a,b", "%"])
def test_the_proposed_kind_is_what_hydra_reads(name: str) -> None:
    from hydra.core.override_parser.overrides_parser import OverridesParser

    (word,) = shlex.split(kind_of(name, '"%d.%m.%Y"'))
    assert OverridesParser.create().parse_override(word).value() == {name: "%d.%m.%Y"}


@pytest.mark.parametrize("name", ["größe", "it's", 'say "x"', "a;b", "a&b", "back\\slash"])
def test_a_kind_that_hydra_cannot_be_told_is_for_a_file(name: str) -> None:
    import yaml

    told = kind_of(name, "category")
    assert "data.kinds" not in told
    assert yaml.safe_load(told[told.index("kinds:") :]) == {"kinds": {name: "category"}}


def test_what_stands_before_a_model_of_ten_thousand_columns_is_read(tmp_path: Path) -> None:
    path = tmp_path / "front.json"
    path.write_text(json.dumps([list(range(200_000))]))
    assert len(read_front(path)[0]) == 200_000
    path.write_text(f"{'[' * 70}{']' * 70}")
    with pytest.raises(UserError, match="60 levels deep"):
        read_front(path)


def test_a_pipe_is_not_waited_for(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(work / "t.csv")
    assert main(["init", "t.csv"]) == ExitCode.WRONG_CALL
    assert "must be a regular file" in capsys.readouterr().err
    assert [path.name for path in work.iterdir()] == ["t.csv"]
