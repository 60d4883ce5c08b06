"""Encodings: measured on the training part alone, the same of a dataset's cells and of raw rows, kept as plain data."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest

from dlrun.config.catalog import Catalog
from dlrun.data.dataset import Dataset
from dlrun.data.encoding.fit import fit
from dlrun.data.encoding.front import Front
from dlrun.data.encoding.recipe import Recipe
from dlrun.data.load import load
from dlrun.serving.served_model import ServedModel
from dlrun.training.signature import signature_of

Node = Callable[..., dict[str, Any]]
TRAIN = np.arange(0, 120)
ROWS = 180

RECIPES: dict[str, dict[str, Any]] = {
    "auto": {},
    "standard": {"scale": "standard"},
    "minmax": {"scale": "minmax"},
    "robust": {"scale": "robust"},
    "log": {"scale": "log"},
    "quantile": {"scale": "quantile"},
    "none": {"scale": "none"},
    "mean": {"impute": "mean"},
    "mode": {"impute": "mode"},
    "constant": {"impute": "constant", "impute_value": -1.0},
    "nearest": {"impute": "nearest"},
    "iterative": {"impute": "iterative"},
    "mask": {"impute": "mask"},
    "no indicator": {"indicator": False},
    "embedding": {"categories": "embedding"},
    "hashing": {"categories": "hashing"},
    "few words": {"most_words": 2},
    "parts": {"dates": "parts", "date_parts": ["year", "hour", "second"]},
    "count": {"text": "count"},
    "multi_hot": {"text": "multi_hot"},
    "columns": {"columns": {"size": {"scale": "log", "impute": "mode"}, "town": {"categories": "embedding"}}},
}


def recipe(**said: Any) -> Recipe:
    usual = {"scale": "auto", "target": "auto", "impute": "median", "impute_value": 0.0, "neighbours": 5}
    usual |= {"indicator": True, "categories": "one_hot", "most_words": 100, "buckets": 8}
    usual |= {"embedding_size": "auto", "dates": "cyclic", "date_parts": "auto", "text": "tf_idf", "vocabulary": 50}
    return Recipe(**(usual | {"length": 12, "columns": {}} | said))


def table(seed: int = 0) -> pd.DataFrame:
    """A table with a column of every kind, each with gaps; some words come behind the training part alone."""
    random = np.random.default_rng(seed)
    words = np.array(["red", "green", "blue", "sad", "happy", "light", "dark", "old"])
    found = pd.DataFrame(
        {
            "size": random.lognormal(2, 1, ROWS).round(3),
            "weight": random.normal(5, 2, ROWS).round(3),
            "is_new": random.choice(["yes", "no"], ROWS),
            "town": random.choice(["Rome", "Oslo", "Bern", "Kyiv"], ROWS),
            "when": pd.date_range("2024-01-30", periods=ROWS, freq="31h").strftime("%Y-%m-%d %H:%M:%S"),
            "note": [" ".join(random.choice(words, 6)) + f" n{i}" for i in range(ROWS)],
            "y": random.normal(size=ROWS).round(4),
        }
    )
    found.loc[150:, "town"] = "Lima"
    for name in ("size", "weight", "is_new", "town", "when", "note"):
        found.loc[random.choice(ROWS, 12, replace=False), name] = None
    return found


@pytest.fixture
def dataset(tmp_path: Path, csv_folder: Any) -> Dataset:
    csv_folder.write(table().to_csv(index=False))
    return load(csv_folder.node(target="y"), csv_folder.catalog)


def raw_model(front: Front) -> keras.Model:
    raw = front.inputs()
    return keras.Model(next(iter(raw.values())) if len(raw) == 1 else raw, front(raw))


def test_kinds_are_told_apart(dataset: Dataset) -> None:
    kinds = {column.name: column.kind for column in dataset.columns}
    assert kinds == {
        "size": "number", "weight": "number", "is_new": "flag", "town": "category", "when": "date", "note": "text",
    }  # fmt: skip
    assert dataset.x.shape == (ROWS, 3 + 1 + 9 + 1)


@pytest.mark.parametrize("name", RECIPES)
def test_raw_rows_become_what_training_saw(name: str, dataset: Dataset, tmp_path: Path) -> None:
    front = fit(recipe(**RECIPES[name]), dataset, TRAIN, reads_sequences=False)
    encoded = front.encode(np.asarray(dataset.x), dataset.texts)
    assert np.isfinite(encoded).all()
    assert len(front.outputs) == encoded.shape[1]
    raw_model(front).save(tmp_path / "front.keras")
    signature = {**signature_of(keras.Sequential(), dataset, {}, ()), "classes": []}
    served = ServedModel(signature, keras.saving.load_model(tmp_path / "front.keras"))
    as_text = table().astype(object).where(table().notna(), None)
    for given in (table(), as_text):  # a kept model computes in one graph, which may round the last bit otherwise
        found = served._outputs(served._samples(given))
        np.testing.assert_allclose(found, encoded, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", RECIPES)
def test_a_front_is_plain_data(name: str, dataset: Dataset) -> None:
    front = fit(recipe(**RECIPES[name]), dataset, TRAIN, reads_sequences=False)
    again = Front.from_json(json.loads(json.dumps(front.to_json(), allow_nan=False)))
    cells = np.asarray(dataset.x)
    np.testing.assert_array_equal(again.encode(cells, dataset.texts), front.encode(cells, dataset.texts))
    assert again.outputs == front.outputs


@pytest.mark.parametrize("name", RECIPES)
def test_nothing_leaks_from_the_rows_that_do_not_train(name: str, csv_folder: Any) -> None:
    calm, wild = table(), table(seed=9)
    wild.loc[: len(TRAIN) - 1] = calm.loc[: len(TRAIN) - 1]
    wild.loc[len(TRAIN) :, ["size", "weight"]] *= -1e6
    wild.loc[len(TRAIN) :, "town"] = "Atlantis"
    encoded = []
    for each in (calm, wild):
        csv_folder.write(each.to_csv(index=False))
        dataset = load(csv_folder.node(target="y"), csv_folder.catalog)
        front = fit(recipe(**RECIPES[name]), dataset, TRAIN, reads_sequences=False)
        encoded.append((front.encode(np.asarray(dataset.x), dataset.texts), front.outputs))
    assert encoded[0][1] == encoded[1][1]
    np.testing.assert_array_equal(encoded[0][0][TRAIN], encoded[1][0][TRAIN])
    assert not np.array_equal(encoded[0][0][len(TRAIN) :], encoded[1][0][len(TRAIN) :])


def test_an_unseen_word_has_a_slot_of_its_own(dataset: Dataset) -> None:
    front = fit(recipe(), dataset, TRAIN, reads_sequences=False)
    encoded = front.encode(np.asarray(dataset.x), dataset.texts)
    slot = front.outputs.index("town is another")
    lima = (table()["town"] == "Lima").to_numpy()
    np.testing.assert_array_equal(encoded[:, slot], lima.astype(np.float32))
    missing = front.outputs.index("town is missing")
    np.testing.assert_array_equal(encoded[:, missing], table()["town"].isna().to_numpy().astype(np.float32))


def test_tokens_keep_the_order_of_words(csv_folder: Any) -> None:
    csv_folder.write(table()[["note", "y"]].to_csv(index=False))
    dataset = load(csv_folder.node(target="y"), csv_folder.catalog)
    front = fit(recipe(text="auto"), dataset, TRAIN, reads_sequences=True)
    encoded = front.encode(np.asarray(dataset.x), dataset.texts)
    assert encoded.shape == (ROWS, 12)
    (embedded,) = front.embedded
    assert embedded.is_sequence
    assert encoded.max() < embedded.numbers
    words = front.branches[0].steps[0].vocabulary  # type: ignore[attr-defined]
    first = str(table()["note"][0]).split()[:6]
    assert [words[int(token) - 2] for token in encoded[0, :6]] == first


@pytest.mark.parametrize("impute", ["mean", "median", "mode", "nearest", "iterative"])
def test_gaps_are_filled_as_scikit_learn_fills_them(impute: str, csv_folder: Any) -> None:
    from sklearn.experimental import enable_iterative_imputer  # noqa: F401
    from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer

    random = np.random.default_rng(3)
    x = random.normal(size=(ROWS, 4)) @ random.normal(size=(4, 4))
    x[:, 3] = (x[:, 0] - 0.5 * x[:, 1]).round(1)
    x[random.random(x.shape) < 0.1] = np.nan
    frame = pd.DataFrame(x, columns=list("abcd")).assign(y=np.arange(ROWS) * 0.5)
    csv_folder.write(frame.to_csv(index=False))
    dataset = load(csv_folder.node(target="y"), csv_folder.catalog)
    front = fit(recipe(scale="none", impute=impute, indicator=False), dataset, TRAIN, reads_sequences=False)
    found = front.encode(np.asarray(dataset.x))
    cells = np.asarray(dataset.x, np.float64)
    theirs: dict[str, Any] = {
        "mean": SimpleImputer(),
        "median": SimpleImputer(strategy="median"),
        "mode": SimpleImputer(strategy="most_frequent"),
        "iterative": IterativeImputer(max_iter=10, random_state=0),
    }
    if impute == "nearest":  # scikit-learn divides by nothing, and its neighbours have the number
        scales = np.nanstd(cells[TRAIN], axis=0)
        wanted = KNNImputer(n_neighbors=5).fit(cells[TRAIN] / scales).transform(cells / scales) * scales
    else:
        wanted = theirs[impute].fit(cells[TRAIN]).transform(cells)
    np.testing.assert_allclose(found, wanted, atol=2e-4 if impute == "iterative" else 1e-5)


@pytest.mark.parametrize(("scale", "theirs"), [("robust", "RobustScaler"), ("quantile", "QuantileTransformer")])
def test_scales_are_those_of_scikit_learn(scale: str, theirs: str, csv_folder: Any) -> None:
    from sklearn import preprocessing

    frame = table()[["size", "weight", "y"]].dropna()
    csv_folder.write(frame.to_csv(index=False))
    dataset = load(csv_folder.node(target="y"), csv_folder.catalog)
    cells = np.asarray(dataset.x, np.float64)
    settings = {"n_quantiles": 101} if scale == "quantile" else {}
    wanted = getattr(preprocessing, theirs)(**settings).fit(cells[TRAIN]).transform(cells)
    found = fit(recipe(scale=scale), dataset, TRAIN, reads_sequences=False).encode(np.asarray(dataset.x))
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_midnight_lies_beside_the_last_hour(dataset: Dataset) -> None:
    front = fit(recipe(), dataset, TRAIN, reads_sequences=False)
    places = [front.outputs.index(f"{turn} of when.hour") for turn in ("sine", "cosine")]
    encoded = front.encode(np.asarray(dataset.x), dataset.texts)
    hours = pd.to_datetime(table()["when"]).dt.hour.to_numpy()
    points = {hour: encoded[hours == hour][0, places] for hour in (0.0, 12.0, 23.0)}
    assert np.linalg.norm(points[0.0] - points[23.0]) < 0.3 < np.linalg.norm(points[0.0] - points[12.0])


@pytest.mark.parametrize("suffix", ["csv", "parquet", "jsonl"])
def test_every_format_holds_the_same_table(suffix: str, csv_folder: Any, catalog: Catalog, node: Node) -> None:
    path = csv_folder.folder / f"table.{suffix}"
    frame = table()
    if suffix == "csv":
        frame.to_csv(path, index=False)
    elif suffix == "parquet":
        frame.assign(when=pd.to_datetime(frame["when"])).to_parquet(path)
    else:
        path.write_text("\n".join(json.dumps(row) for row in json.loads(frame.to_json(orient="records"))))
    found = load({**node("data", suffix), "path": str(path), "target": "y"}, catalog)
    csv_folder.write(frame.to_csv(index=False))
    wanted = load(csv_folder.node(target="y"), csv_folder.catalog)
    assert [(c.name, c.kind, c.values) for c in found.columns] == [(c.name, c.kind, c.values) for c in wanted.columns]
    np.testing.assert_array_equal(found.x, wanted.x)
    np.testing.assert_array_equal(found.y, wanted.y)
    assert list(found.texts) == list(wanted.texts)


@pytest.mark.parametrize(
    ("column", "key", "value"),
    [
        ("size", "indicator", "maybe"),
        ("size", "neighbours", 0),
        ("size", "neighbours", True),
        ("size", "impute_value", "none"),
        ("town", "embedding_size", "large"),
        ("when", "date_parts", ["hours"]),
        ("when", "date_parts", "hour"),
    ],
)
def test_what_is_said_of_a_column_is_held_against_its_key(column: str, key: str, value: Any, dataset: Dataset) -> None:
    (problem,) = recipe(columns={column: {key: value}}).problems(dataset.columns)
    assert problem.key == f"preprocess.columns.{column}.{key}"


def test_what_may_be_said_of_a_column_is_taken(dataset: Dataset) -> None:
    said = {"size": {"indicator": False, "neighbours": 3, "impute_value": -1}, "town": {"embedding_size": "auto"}}
    assert not [*recipe(columns={**said, "when": {"date_parts": ["hour"]}}).problems(dataset.columns)]
