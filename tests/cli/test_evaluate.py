"""`dlrun evaluate`: the run's own result again, other data through the training's preprocessing, nothing written."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris
from sklearn.metrics import accuracy_score, mean_absolute_error, r2_score

import dlrun
from dlrun.cli.main import main

QUICK = ["trainer.epochs=2", "trainer.device=cpu", "tracking=none"]
NAMES = {0: "setosa", 1: "versicolor", 2: "virginica"}


@pytest.fixture
def flowers(work: Path) -> pd.DataFrame:
    """The table of irises, and a run on it."""
    table = load_iris(as_frame=True).frame
    table["species"] = table.pop("target").map(NAMES)
    table.to_csv(work / "flowers.csv", index=False)
    dlrun.run([*QUICK, "data=csv", "data.path=flowers.csv", "data.target=species"])
    return table


@pytest.mark.parametrize(
    "words",
    [
        ["data=digits", "model=cnn", "metric=[accuracy]"],
        ["data=diabetes", "metric=[mean_absolute_error,r2]"],
        ["data=breast_cancer", "split=kfold", "split.fold=1"],
    ],
)
def test_its_own_test_part_gives_its_own_result(work: Path, words: list[str]) -> None:
    result = dlrun.run([*QUICK, *words])
    found = dlrun.load("last").evaluate().metrics
    kept = {name.removeprefix("test_"): value for name, value in result.metrics.items() if name.startswith("test_")}
    assert {"loss"} < kept.keys()
    for name in kept.keys() & found.keys():
        assert found[name] == pytest.approx(kept[name], rel=2e-6, abs=1e-6), name
    assert {"loss", "accuracy"} <= found.keys() or {"loss", "mean_absolute_error", "rmse", "r2"} <= found.keys()


def test_other_data(flowers: pd.DataFrame, work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Columns and classes by name, a class absent, a class unknown, a row's prediction as `dlrun predict` has it."""
    some = flowers[flowers["species"] != "virginica"].iloc[::2]
    some[some.columns[::-1]].to_csv(work / "some.csv", index=False)
    before = sorted(work.rglob("*"))
    assert main(["evaluate", "last", "data.path=some.csv", "data.target=species", "--json"]) == 0
    told = capsys.readouterr()
    found = json.loads(told.out)
    assert sorted(path for path in work.rglob("*") if ".dlrun" not in path.parts) == before
    assert "No sample is of virginica" in told.err or found["absent_classes"] == ["virginica"]
    predicted = dlrun.load("last").predict(some)["prediction"]
    assert found["metrics"]["accuracy"] == pytest.approx(accuracy_score(some["species"], predicted))
    low, high = found["intervals"]["accuracy"]
    assert low <= found["metrics"]["accuracy"] <= high
    assert found["per_class"]["setosa"]["rows"] == 25
    assert found["own_test"]["accuracy"] is not None
    (work / "wrong.csv").write_text((work / "some.csv").read_text().replace("setosa", "setosaa"))
    assert main(["evaluate", "last", "data.path=wrong.csv", "data.target=species"]) == 2
    assert "must hold classes that the run knows; got 'setosaa'" in " ".join(capsys.readouterr().err.split())


def test_a_regression_is_told_in_units(work: Path) -> None:
    draw = np.random.default_rng(0)
    a, b = draw.normal(size=(2, 300))
    table = pd.DataFrame({"a": a, "b": b, "y": 1000 + 50 * a - 20 * b + draw.normal(size=300)})
    table.to_csv(work / "t.csv", index=False)
    shifted = table.assign(a=table["a"] + 5)
    shifted.to_csv(work / "shifted.csv", index=False)
    dlrun.run([*QUICK, "data=csv", "data.path=t.csv", "data.target=y"])
    run = dlrun.load("last")
    found = run.evaluate("data.path=shifted.csv")
    predicted = run.predict(shifted)["prediction"]
    assert found.metrics["mean_absolute_error"] == pytest.approx(mean_absolute_error(table["y"], predicted), rel=1e-5)
    assert found.metrics["r2"] == pytest.approx(r2_score(table["y"], predicted), rel=1e-4)
    assert ("a", "mean moved") in [(finding.where, finding.what) for finding in found.checked.findings]
    assert {score.name for score in found.scores if score.low is not None} >= {"mean_absolute_error", "rmse"}
    assert "mae" not in found.metrics  # the run measures it under its long name


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("model=cnn", "model must be a key of data or of split"),
        ("data.pth=t.csv", "data.pth must be a key that data/csv declares"),
        ("data=nothing", "data must name an option of data"),
        ("data.path=none.csv", "data.path must be an existing file"),
        ("data=digits", "data must have samples of shape 4"),
        ("data=diabetes", "data must have classes to predict"),
        ("split.test=0.9 split.validation=0.5", "split.test must leave rows to train on"),
        ("--part tests", "--part must be test, validation, train or all"),
    ],
)
def test_calls_that_are_wrong(flowers: pd.DataFrame, capsys: pytest.CaptureFixture[str], words: str, says: str) -> None:
    assert main(["evaluate", "last", *words.split()]) == 2
    assert says in " ".join(capsys.readouterr().err.split())


def test_a_file_is_read_as_the_run_reads_its_own(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`data=FILE` keeps the run's settings, as `data.path=FILE` does; a file of another sort those that both know."""
    draw = np.random.default_rng(0)
    table = pd.DataFrame({"a": draw.normal(size=60).round(2), "b": draw.normal(size=60).round(2)})
    table = table.assign(y=np.where(table["a"] > 0, "yes", "no"), id=range(60))[["y", "a", "b", "id"]]
    table.to_csv(work / "t.csv", index=False, sep=";", decimal=",")
    (work / "conf" / "data").mkdir(parents=True, exist_ok=True)
    (work / "conf" / "project.yaml").touch()
    own = "defaults: [csv, _self_]\npath: t.csv\ntarget: y\ndecimal: comma\ndrop: [id]\nmissing_words: [nix]\n"
    (work / "conf" / "data" / "mine.yaml").write_text(own)
    dlrun.run([*QUICK, "data=mine", "preprocess.impute=median"])
    some = table.iloc[:12]
    some.to_csv(work / "new.csv", index=False, sep=";", decimal=",")
    (work / "new.csv").write_text((work / "new.csv").read_text() + "yes;nix;0,5;7\n")
    some.to_parquet(work / "new.parquet")
    run = dlrun.load("last")
    by_path = run.evaluate("data.path=new.csv")
    by_file = run.evaluate("data=new.csv")
    assert by_file.samples == 13
    assert by_path.metrics == by_file.metrics
    some.to_csv(work / "new.csv", index=False, sep=";", decimal=",")
    assert run.evaluate("data=new.csv").metrics == run.evaluate("data=new.parquet").metrics
    some[["a", "b", "id"]].to_csv(work / "unlabelled.csv", index=False, sep=";", decimal=",")
    assert main(["evaluate", "last", "data=unlabelled.csv"]) == 2
    told = " ".join(capsys.readouterr().err.split())
    assert "1 problem" in told
    assert "must have the column that the run predicts; got none named 'y'" in told
    assert f"dlrun predict {run.id[:8]} unlabelled.csv" in told
    some[["y", "id"]].to_csv(work / "narrow.csv", index=False, sep=";")
    assert main(["evaluate", "last", "data=narrow.csv"]) == 2
    told = " ".join(capsys.readouterr().err.split())
    assert "1 problem" in told
    assert "must have the columns that the run learned from; got none named 'a', 'b'" in told


def test_the_last_column_is_the_target_only_where_it_was(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of a run that names no target it is the last column of its own file, wherever it stands in another."""
    table = load_iris(as_frame=True).frame
    table["species"] = table.pop("target").map(NAMES)
    table.to_csv(work / "flowers.csv", index=False)
    dlrun.run([*QUICK, "data=csv", "data.path=flowers.csv"])
    table[table.columns[::-1]].assign(note="x").to_csv(work / "turned.csv", index=False)
    run = dlrun.load("last")
    assert run.evaluate("data=turned.csv").metrics == run.evaluate("data.path=turned.csv").metrics
    table.drop(columns="species").to_csv(work / "bare.csv", index=False)
    assert main(["evaluate", "last", "data=bare.csv"]) == 2
    assert "must have the column that the run predicts" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("rows", [1, 2, 6])
def test_few_rows(flowers: pd.DataFrame, work: Path, rows: int, capsys: pytest.CaptureFixture[str]) -> None:
    """Two rows or one, of one class alone, are measured; intervals begin with five rows, and end where shares do."""
    flowers.iloc[:rows].to_csv(work / "few.csv", index=False)
    assert main(["evaluate", "last", "data=few.csv"]) == 0
    told = capsys.readouterr().out
    assert ("No intervals: fewer than 5 samples" in told) == (rows < 5)
    found = dlrun.load("last").evaluate("data=few.csv")
    assert found.samples == rows
    ends = {score.name: (score.low, score.high) for score in found.scores if score.low is not None}
    assert ends.keys() == ({"accuracy"} if rows >= 5 else set())
    assert all(0 <= low < high <= 1 for low, high in ends.values() if low is not None and high is not None)
    assert main(["config", "data=few.csv"]) == 2  # to train on it takes more


def test_intervals_lie_within_what_is_possible() -> None:
    """Wilson's of shares, by its published values; amounts stay above 0, even with one among them that is huge."""
    from dlrun.workflows.scoring import _intervals

    truth, outputs = np.array([0, 0, 1, 1, 1, 1]), np.eye(2)[[0, 1, 1, 1, 1, 1]]
    low, high = _intervals({"classes": ["a", "b"]}, truth, outputs)["accuracy"]
    assert (low, high) == (pytest.approx(0.4365, abs=1e-4), pytest.approx(0.9699, abs=1e-4))
    for count in (5, 99, 100, 6000):
        error = np.full((count, 1), 0.01)
        error[0] = 50.0
        found = _intervals({"classes": []}, np.zeros((count, 1)), error)
        for low, high in found.values():
            assert 0 <= low < high < np.inf
        assert found["mae"][0] <= np.abs(error).mean() <= found["mae"][1]
    images = np.zeros((6, 2, 2), dtype=np.int64)
    seen = images.astype(np.float32)
    seen[0] = 1
    masks = {"classes": ["a", "b"], "levels": [0, 255]}
    low, high = _intervals(masks, images, seen)["accuracy"]
    assert 0 < low < 5 / 6 < high < 1
    assert _intervals({"classes": []}, np.zeros((4, 1)), np.ones((4, 1))) == {}
