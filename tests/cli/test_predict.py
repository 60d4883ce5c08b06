"""`dlrun predict`: what is checked first, what is written, and that a served model says the same."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from PIL import Image

import dlrun
from dlrun.cli.main import main
from dlrun.data.columns import Column
from dlrun.data.dataset import Dataset
from dlrun.data.profile import profile_of
from dlrun.tracking.packaging import ModelIds, pack
from dlrun.workflows.kept_model import KeptModel
from dlrun.workflows.new_data.check import check
from dlrun.workflows.new_data.folders import images_in, texts_in
from dlrun.workflows.new_data.watch import chance_of, watch_of
from dlrun.workflows.prediction_file import to_file

QUICK = ["trainer.epochs=2", "trainer.device=cpu", "tracking=none"]
CITIES = ("Bonn", "Oslo", "Paris", "Rome")
HEADER = "joined,note,city,member,age,id"
NEW = [
    "2024-05-01,good fast,Rome,yes,44.1,9001",
    "2024-06-01,bad,Lima,no,,9002",
    "2029-01-01,,Oslo,yes,39,9003",
    ",late,,,410,9004",
]


def mixed(rows: int) -> pd.DataFrame:
    draw = np.random.default_rng(0)
    age = draw.normal(40, 10, rows)
    table = pd.DataFrame(
        {
            "id": np.arange(rows),
            "age": np.where(draw.random(rows) < 0.05, np.nan, age.round(1)),
            "member": draw.choice(["yes", "no"], rows),
            "city": draw.choice(CITIES, rows),
            "joined": [f"2024-{month:02d}-15" for month in draw.integers(1, 13, rows)],
            "note": [" ".join(draw.choice(["good", "bad", "late", "fast"], 8)) for _ in range(rows)],
        }
    )
    return table.assign(bought=np.where(age > 40, "yes", "no"))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run on a table of every kind of column, and one on images."""
    folder = tmp_path_factory.mktemp("predict")
    mixed(200).to_csv(folder / "mixed.csv", index=False)
    images = ["name=images", "data=digits", "data.layout=image"]
    dlrun.run([*QUICK, *images], directory=folder)
    table = ["name=table", "data=csv", "data.path=mixed.csv", "data.target=bought", "data.drop=[id]"]
    dlrun.run([*QUICK, *table], directory=folder)
    return folder


@pytest.fixture
def folder(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh folder that the runs are seen from; a model is opened once, by what the first test opened it with."""
    (tmp_path / "runs").symlink_to(trained / "runs")
    (tmp_path / "mixed.csv").write_bytes((trained / "mixed.csv").read_bytes())
    (tmp_path / "new.csv").write_text("\n".join([HEADER, *NEW]) + "\n")
    monkeypatch.chdir(tmp_path)
    open_model = KeptModel.open

    def once(kept: KeptModel) -> Any:
        if kept.run.id not in OPENED:
            OPENED[kept.run.id] = open_model(kept)
        return OPENED[kept.run.id]

    monkeypatch.setattr(KeptModel, "open", once)
    return tmp_path


OPENED: dict[str, Any] = {}


def read(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, keep_default_na=False, na_values=[""])


def test_a_served_model_says_the_same(folder: Path, trained: Path) -> None:
    """On rows with values missing, a category that no training row had, a number far beyond all."""
    assert main(["predict", "table", "new.csv", "--proba", "--keep", "id", "--out", "said.csv"]) == 0
    run = dlrun.load("table")
    assert run.path is not None
    pack(run.path, folder, folder / "packed", ModelIds("m-" + "0" * 32, "0" * 32, "here"))
    served = mlflow.pyfunc.load_model(str(folder / "packed")).predict(read(folder / "new.csv"))
    said = read(folder / "said.csv")
    assert said["id"].tolist() == [9001, 9002, 9003, 9004]
    assert said["prediction"].tolist() == served["prediction"].tolist()
    for name in ("probability_no", "probability_yes"):
        np.testing.assert_allclose(said[name], served[name], rtol=1e-6)
    from_python = run.predict(read(folder / "new.csv"))
    np.testing.assert_allclose(from_python["probability_yes"], served["probability_yes"], rtol=1e-6)


def test_what_differs_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", "table", "new.csv", "--out", "said.csv"]) == 0
    told = capsys.readouterr()
    assert told.out == ""
    for words in ("unseen categories", "'Lima' (1)", "beyond the range", "missing values", "extra columns"):
        assert words in told.err
    assert "4 predictions in said.csv" in told.err
    assert main(["predict", "table", "new.csv", "--out", "other.csv", "--strict"]) == 2
    assert not (folder / "other.csv").exists()


def test_what_is_as_it_was_is_not_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", "table", "mixed.csv", "--out", "said.csv"]) == 0
    told = capsys.readouterr().err
    assert "warning" not in told
    assert "what is predicted" in told  # the target is there, and passed over
    assert not any(words in told for words in ("unseen", "beyond", "missing", "moved"))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (f"{HEADER.replace('city', 'cty')}\n{NEW[0]}\n", "column 'city' must be there ... 'cty'"),
        (f"{HEADER}\n{NEW[0]}\n2024-05-01,a,Rome,yes,old,1\n", "column 'age' must hold numbers ... 'old' in row 2"),
        (f"{HEADER}\n01/05/2024,a,Rome,yes,4,1\n", "column 'joined' must hold dates ... '01/05/2024' in row 1"),
        (f"{HEADER}\n2024-05-01,a,Rome,maybe,4,1\n", "column 'member' must hold yes or no ... 'maybe' in row 1"),
        (f"{HEADER}\n{NEW[0]}\n1,2\n", "must have 6 cells in every row ... 2 cells in row 2"),
        (f'{HEADER}\n2024-05-01,a,Rome,yes,"4,5",1\n', "'4,5' in row 1 ... --decimal comma"),
        (HEADER, "must hold rows below its header"),
        ("", "must hold a header and rows"),
        (HEADER.encode("utf-16"), "must be UTF-8 text ... UTF-16"),
        (b"PK\x03\x04" + b"\0" * 40, "must be a CSV file; got a zip archive"),
        ('{"age": [1]}\n', "must hold a number, a word or null in 'age'"),
    ],
)
def test_what_cannot_be_predicted_on(
    folder: Path, capsys: pytest.CaptureFixture[str], content: str | bytes, says: str
) -> None:
    """It is told with its place and its mend, and nothing is written."""
    (folder / "bad.csv").write_bytes(content.encode() if isinstance(content, str) else content)
    before = sorted(folder.iterdir())
    assert main(["predict", "table", "bad.csv", "--out", "said.csv"]) == 2
    told = " ".join(capsys.readouterr().err.split())
    rest = told
    for words in says.split(" ... "):
        assert words in rest, told
        rest = rest[rest.index(words) :]
    assert "bad.csv" in told
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("table nothing.csv", "must be an existing file"),
        ("table new.csv --keep nr", "must name a column of the file; got 'nr'"),
        ("table new.csv --batch 0", "--batch must be a number of samples"),
        ("table new.csv --out said.xlsx", "--out must end in"),
        ("table new.csv --out new.csv", "is there already: nothing was written"),
        ("table new.csv --out no/said.csv", "must be in a folder that is there"),
        ("table .", "must be a table: the run learned from rows of columns"),
        ("images new.csv", "the run learned from images"),
        ("images .", "must be a folder that holds images"),
        ("none new.csv", "must be last, best"),
    ],
)
def test_calls_that_are_wrong(folder: Path, capsys: pytest.CaptureFixture[str], words: str, says: str) -> None:
    assert main(["predict", *words.split()]) == 2
    told = " ".join(capsys.readouterr().err.split())
    assert says in told


def test_every_format_gives_the_same(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """CSV with another separator and decimal sign, Parquet, JSON lines and standard input; rows at once."""
    rows = read(folder / "new.csv")
    rows.to_parquet(folder / "new.parquet")
    rows.to_json(folder / "new.jsonl", orient="records", lines=True)
    rows.to_csv(folder / "other.csv", sep=";", decimal=",", index=False)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO((folder / "new.csv").read_bytes())))
    assert main(["predict", "table", "new.csv", "--proba", "--keep", "id", "--out", "said.csv"]) == 0
    expected = read(folder / "said.csv")
    for words in ("new.parquet", "new.jsonl", "other.csv --decimal comma", "-", "new.csv --batch 3"):
        assert main(["predict", "table", *words.split(), "--proba", "--keep", "id", "--out", "o.csv", "--force"]) == 0
        pd.testing.assert_frame_equal(read(folder / "o.csv"), expected, rtol=1e-5)


def test_every_format_is_written(folder: Path) -> None:
    for suffix in ("csv", "tsv", "parquet", "jsonl"):
        assert main(["predict", "table", "new.csv", "--proba", "--keep", "id", "--out", f"said.{suffix}"]) == 0
    expected = read(folder / "said.csv")
    found = {
        "tsv": pd.read_csv(folder / "said.tsv", sep="\t"),
        "parquet": pd.read_parquet(folder / "said.parquet").astype({"id": int}),
        "jsonl": pd.DataFrame(map(json.loads, (folder / "said.jsonl").read_text().splitlines())).astype({"id": int}),
    }
    for table in found.values():
        pd.testing.assert_frame_equal(table, expected, check_dtype=False, rtol=1e-6)


def test_no_half_file_is_left(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C in the middle: what was there before is what it was."""
    from dlrun.workflows.predict import Prediction

    tables = Prediction.tables

    def stopped(self: Prediction) -> Any:
        yield next(tables(self))
        raise KeyboardInterrupt

    monkeypatch.setattr(Prediction, "tables", stopped)
    (folder / "said.csv").write_text("before")
    before = sorted(folder.iterdir())
    assert main(["predict", "table", "mixed.csv", "--batch", "10", "--out", "said.csv", "--force"]) == 130
    assert (folder / "said.csv").read_text() == "before"
    assert sorted(folder.iterdir()) == before


def test_a_reader_may_go(trained: Path) -> None:
    """`| head -1`, and standard output holds nothing but predictions."""
    command = f"{sys.executable} -m dlrun predict table mixed.csv --batch 20 | head -3; echo ${{PIPESTATUS[0]}}"
    found = subprocess.run(["bash", "-c", command], cwd=trained, capture_output=True, text=True, check=False)
    header, first, _, code = found.stdout.splitlines()
    assert (header, code) == ("prediction", "0")
    assert first in ("yes", "no")
    assert "Traceback" not in found.stderr


def test_images_from_files_and_from_an_array(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same pixels, the same predictions; a damaged file is named, and so is one of another size."""
    from sklearn.datasets import load_digits

    pixels = load_digits().images[:12].astype(np.uint8)
    (folder / "photos" / "more").mkdir(parents=True)
    for number, image in enumerate(pixels):
        Image.fromarray(image).save(folder / "photos" / "more" / f"{number:02d}.png")
    np.save(folder / "pixels.npy", pixels[..., np.newaxis])
    assert main(["predict", "images", "photos", "--proba", "--out", "files.csv"]) == 0
    assert main(["predict", "images", "pixels.npy", "--proba", "--out", "array.csv"]) == 0
    files, array = read(folder / "files.csv"), read(folder / "array.csv")
    assert files.pop("file").tolist() == [f"more/{number:02d}.png" for number in range(12)]
    pd.testing.assert_frame_equal(files, array, rtol=1e-5)
    (folder / "photos" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    Image.new("L", (9, 8)).save(folder / "photos" / "wide.png")
    assert main(["predict", "images", "photos", "--out", "no.csv"]) == 2
    told = " ".join(capsys.readouterr().err.split())
    assert "broken.png must be an image that can be read" in told
    assert "wide.png must be of the model's size, 8 x 8; got 8 x 9" in told


def test_a_run_without_a_model(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "runs").unlink()
    dlrun.run([*QUICK, "data=wine", "trainer.save_model=never"], directory=folder)
    assert main(["predict", "last", "new.csv"]) == 2
    assert "kept no model. Run it with trainer.save_model=always." in capsys.readouterr().err


def test_a_run_of_a_sweep_predicts_from_its_weights(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It kept no signature: that is made of its data, which must be what it was."""
    (folder / "runs").unlink()
    words = ["data=csv", "data.path=mixed.csv", "data.target=bought", "data.features=[age,city]", "seed=0,1"]
    results = dlrun.run([*QUICK, *words], sweep=True, directory=folder).results
    weights = next(result.path for result in results if not (result.path / "model.keras").exists())
    assert main(["predict", str(weights), "new.csv", "--proba", "--out", "said.csv"]) == 0
    assert read(folder / "said.csv")["probability_yes"].between(0, 1).all()
    mixed(150).to_csv(folder / "mixed.csv", index=False)
    assert main(["predict", str(weights), "new.csv"]) == 2
    assert "is not what it was trained on" in " ".join(capsys.readouterr().err.split())


def test_what_is_kept_tells_nothing_of_held_out_rows() -> None:
    draw = np.random.default_rng(1)
    columns = (Column("a"), Column("b", "category", tuple("xyz")))

    def kept(held_out: float, word: int) -> dict[str, Any]:
        x = np.stack([draw.permutation(50), np.zeros(50)], axis=1).astype(np.float32)
        x[:40, 0] = np.arange(40)
        x[40:] = (held_out, word)
        dataset = Dataset(x, np.arange(50) % 2, "binary", ("no", "yes"), ("a", "b"), "", columns)
        return profile_of(dataset, np.arange(40))

    first, second = kept(0.0, 0), kept(1e6, 2)
    assert first == second
    assert first["columns"]["a"]["max"] == 39
    assert first["columns"]["b"]["shares"] == {"x": 1.0}


def test_samples_of_the_same_source_raise_nothing() -> None:
    """1000 files with a column of numbers and one of words: about one in a thousand is told of by chance."""
    draw = np.random.default_rng(2)
    values = draw.normal(size=500)
    words = np.array(list("abcd"))
    numbers = {"min": values.min(), "max": values.max(), "mean": values.mean(), "std": values.std(), "missing": 0.0}
    shares = {"words": 4, "shares": dict.fromkeys("abcd", 0.25), "is_whole": True, "missing": 0.0}
    told = 0
    for _ in range(1000):
        watches = [watch_of("n", "number", {}, {**numbers, "rows": 500}), watch_of("w", "category", {}, shares)]
        watches[0].add(1, range(1, 101), draw.normal(size=100))
        watches[1].add(1, range(1, 101), draw.choice(words, 100).tolist())
        told += any(list(watch.findings(chance_of(2))) for watch in watches)
    assert told <= 12


def test_what_moved_is_found() -> None:
    draw = np.random.default_rng(3)
    about = {"min": -3.0, "max": 3.0, "mean": 0.0, "std": 1.0, "missing": 0.1, "rows": 500}
    moved, gone = watch_of("n", "number", {}, about), watch_of("n", "number", {}, about)
    moved.add(1, range(1, 201), draw.normal(0.8, 1, 200))
    gone.add(1, range(1, 201), np.where(np.arange(200) < 80, np.nan, draw.normal(size=200).clip(-2, 2)))
    assert "mean moved" in [finding.what for finding in moved.findings(0.001)]
    assert [finding.what for finding in gone.findings(0.001)] == ["missing values"]


def test_numbers_have_the_digits_of_a_float32(tmp_path: Path) -> None:
    """In text the shortest that gives the float32 back, of a probability's complement too; in Parquet float32."""
    values = np.array([54.493186950683594, 0.1, 1e-7, 1 / 3, 123456.789, 3e20], dtype=np.float32)
    table = pd.DataFrame({"prediction": values.astype(np.float64), "other": 1 - values.astype(np.float64)})
    table.loc[1, "other"] = np.nan
    for name in ("p.csv", "p.jsonl", "p.parquet"):
        with to_file(tmp_path / name, list(table.columns), frozenset()) as writer:
            writer.write(table)
    lines = (tmp_path / "p.csv").read_text().splitlines()
    assert lines[1].split(",")[0] == "54.493187"
    assert lines[2].split(",")[1] == ""
    rows = [json.loads(line) for line in (tmp_path / "p.jsonl").read_text().splitlines()]
    assert rows[0]["prediction"] == 54.493187
    assert rows[1]["other"] is None
    for again in (pd.read_csv(tmp_path / "p.csv"), pd.DataFrame(rows), pd.read_parquet(tmp_path / "p.parquet")):
        np.testing.assert_array_equal(again["prediction"].astype(np.float32), values)
        np.testing.assert_array_equal(again["other"].astype(np.float32), table["other"].astype(np.float32))
    assert pd.read_parquet(tmp_path / "p.parquet")["prediction"].dtype == np.float32


def test_columns_that_are_missing_are_told_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "bad.csv").write_text("x1,x2\n1,2\n")
    assert main(["predict", "table", "bad.csv"]) == 2
    told = " ".join(capsys.readouterr().err.split())
    assert "1 problem with the data" in told
    assert "columns 'age', 'member', 'city', 'joined', 'note' must be there: the run learned from them" in told


def test_empty_texts_and_stray_files_are_told(tmp_path: Path) -> None:
    for name, text in {"a.txt": "good", "b.txt": " \n", "c.csv": "1", "sub/d.txt": "bad", "e.png": ""}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    signature = {"columns": ["text"], "kinds": ["text"], "shape": [1]}
    about = {"missing": 0.0, "characters": {"mean": 4.0, "std": 1.0}, "is_whole": True}
    source = texts_in(tmp_path, "new")
    found = check(source, signature, {"columns": {"text": about}, "looked_at": 9}).findings
    told = [(each.level, each.what, each.new) for each in found]
    assert told == [
        ("warning", "empty texts", "1 of 3: b.txt; their predictions say nothing"),
        ("note", "other files than texts", "2 files passed over: c.csv, e.png"),
    ]
    (tmp_path / "e.png").unlink()
    Image.new("RGB", (4, 4)).save(tmp_path / "f.png")
    images = images_in(tmp_path, "new", (None, None, 3))
    (finding,) = check(images, {"columns": [], "shape": [None, None, 3]}, None).findings
    assert (finding.level, finding.new) == ("note", "4 files passed over: a.txt, b.txt, c.csv and 1 more")


def test_times_that_are_later_are_a_note_and_earlier_ones_are_not() -> None:
    about = {"min": 19_000.0, "max": 19_400.0, "mean": 19_200.0, "std": 115.0, "missing": 0.0, "rows": 500}
    year = {**about, "min": 1990.0, "max": 2020.0, "mean": 2005.0, "std": 9.0}

    def told(name: str, kind: str, known: dict[str, float], values: np.ndarray) -> list[tuple[str, str]]:
        watch = watch_of(name, kind, {"time": "year"}, known)
        watch.add(1, range(1, len(values) + 1), values)
        return [(finding.level, finding.what) for finding in watch.findings(0.001)]

    later, earlier = np.linspace(19_401, 19_500, 100), np.linspace(18_000, 18_100, 100)
    assert told("joined", "date", about, later) == [("note", "later, as is expected")]
    assert told("joined", "date", about, earlier) == [("warning", "beyond the range")]
    assert told("year", "number", year, np.full(100, 2024.0)) == [("note", "later, as is expected")]
    assert ("warning", "beyond the range") in told("other", "number", year, np.full(100, 2044.0))


@pytest.mark.parametrize(
    ("file", "content", "says"),
    [
        ("schema.json", {"columns": [1]}, "schema.json of run"),
        ("schema.json", {"columns": {"age": {"kind": "number", "missing": 0.0}}}, "must tell column 'age'"),
        ("schema.json", {"columns": {"age": []}}, "must tell column 'age'"),
        ("schema.json", {"columns": None, "samples": {"missing": 0}}, "must tell its samples"),
        ("signature.json", {"kinds": ["number"]}, "signature.json of run"),
        ("signature.json", "{", "must be JSON"),
        ("schema.json", "[", "must be JSON"),
        ("model.keras", "PK", "model.keras must be a model that Keras saved"),
        ("front.json", "[1]", "front.json must be"),
    ],
)
def test_a_damaged_run_is_told(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], file: str, content: Any, says: str
) -> None:
    run = dlrun.load("table", directory=trained).path
    assert run is not None
    shutil.copytree(run, tmp_path / "damaged")
    path = tmp_path / "damaged" / file
    if isinstance(content, dict):
        content = json.dumps(json.loads(path.read_text()) | content)
    path.write_text(content)
    new = tmp_path / "new.csv"
    new.write_text("\n".join([HEADER, *NEW]) + "\n")
    assert main(["predict", str(tmp_path / "damaged"), str(new)]) == 2
    told = " ".join(capsys.readouterr().err.split())
    assert says in told
    assert "Traceback" not in told
