"""Nothing is found where nothing is wrong: a report that cries wolf is not read."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest
from planted_tables import Looker, amounts, clean

from dlrun.data.findings.look import examine, look
from dlrun.data.load import load
from dlrun.data.splits.split import split_rows
from dlrun.errors import DataError

SETS = ("iris", "wine", "breast_cancer", "diabetes", "digits", "blobs", "moons", "circles", "friedman1")


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("split", ["holdout", "kfold"])
def test_a_clean_set_is_passed_in_silence(name: str, split: str, tmp_path: Path) -> None:
    assert Looker(tmp_path).option(name, split) == ()


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("rows", [clean, amounts])
def test_a_mixed_table_is_passed_in_silence(rows: object, seed: int, tmp_path: Path) -> None:
    assert Looker(tmp_path).table(rows(400, seed)) == ()  # type: ignore[operator]


def test_a_truth_table_is_passed_in_silence(tmp_path: Path) -> None:
    assert Looker(tmp_path).option("truth_table", "none") == ()


def test_few_flags_may_repeat(tmp_path: Path) -> None:
    rows = [{"a": i % 2, "b": i // 2 % 2, "c": i // 4 % 3, "kind": "yn"[i * 7 % 5 % 2]} for i in range(240)]
    assert Looker(tmp_path).table(rows) == ()


def test_what_was_looked_for_is_not_looked_for_again(tmp_path: Path) -> None:
    looker = Looker(tmp_path)
    spec = looker.spec(looker.node("data", "breast_cancer"))
    dataset = load(spec["data"], looker.catalog)
    rows = split_rows(dataset, spec["split"], looker.catalog)
    first = look(dataset, rows, spec)
    began = time.perf_counter()
    assert all(look(dataset, rows, spec) is first for _ in range(10))
    assert time.perf_counter() - began < 0.1


def test_errors_stop_unless_they_are_to_be_passed_over(tmp_path: Path) -> None:
    looker = Looker(tmp_path)
    path = tmp_path / "t.csv"
    path.write_text("a,b,kind\n" + "".join(f"{i * 7 % 13},{i % 2},{'yn'[i % 2]}\n" for i in range(100)))
    spec = looker.spec(looker.node("data", "csv", path=str(path)))
    dataset = load(spec["data"], looker.catalog)
    rows = split_rows(dataset, spec["split"], looker.catalog)
    with pytest.raises(DataError, match=r"column 'b' must not equal the target.*data.drop=.b., or preflight=warn"):
        examine(dataset, rows, spec)
    assert [each.name for each in examine(dataset, rows, spec | {"preflight": "warn"})] == ["target_equals_column"]
    assert examine(dataset, rows, spec | {"preflight": "none"}) == ()


def test_several_columns_to_leave_out_make_one_word(tmp_path: Path) -> None:
    rows = [row | {"nr": i + 1, "same": 1} for i, row in enumerate(clean())]
    found = Looker(tmp_path).table(rows, drop=["height"])
    assert {each.mend for each in found} == {"data.drop=[height,same,nr]"}


def test_a_finding_survives_the_journal(tmp_path: Path) -> None:
    (found,) = Looker(tmp_path).table([row | {"nr": i + 1} for i, row in enumerate(clean())])
    told = json.loads(json.dumps(found.to_json()))
    assert (told["level"], told["name"], told["columns"]) == ("warning", "id_column", ["nr"])
    assert np.isin(["about", "rule", "got", "mend"], list(told)).all()
