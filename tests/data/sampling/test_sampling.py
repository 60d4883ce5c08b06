"""Sampling: the training part alone is drawn, after everything was measured; and what cannot be drawn is told."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from dlrun.config.catalog import Catalog
from dlrun.data.columns import Column
from dlrun.data.dataset import Dataset
from dlrun.data.load import load
from dlrun.data.prepare import Part, Prepared, prepare
from dlrun.data.sampling.resample import check
from dlrun.data.splits.split import split_rows
from dlrun.data.stored import Stored
from dlrun.errors import DataError

Node = Callable[..., dict[str, Any]]
Ready = Callable[..., Prepared]

COUNTS = (200, 60, 30)


def table(counts: tuple[int, ...] = COUNTS, kinds: tuple[str, ...] = ("number", "number", "flag")) -> Dataset:
    draw = np.random.default_rng(0)
    y = draw.permutation(np.repeat(np.arange(len(counts)), counts))
    x = draw.normal(size=(len(y), len(kinds))).astype(np.float32) + y[:, np.newaxis]
    for place, kind in enumerate(kinds):
        if kind == "flag":
            x[:, place] = x[:, place] > 1
        if kind == "category":
            x[:, place] = draw.integers(0, 3, len(y))
    words = {"category": ("blue", "green", "red")}
    columns = tuple(Column(f"c{place}", kind, words.get(kind, ())) for place, kind in enumerate(kinds))
    names = tuple("abc"[: len(counts)])
    task = "binary" if len(counts) == 2 else "multiclass"
    return Dataset(x, y, task, names, tuple(c.name for c in columns), "0" * 64, columns)


@pytest.fixture
def ready(catalog: Catalog, node: Node) -> Ready:
    def make(dataset: Dataset, option: str, seed: int = 0, **values: Any) -> Prepared:
        rows = split_rows(dataset, node("split", "holdout"), catalog)
        own = catalog.get("sampling", option).defaults
        encoding = {key: values.pop(key) for key in list(values) if key not in own}
        spec = {
            "preprocess": node("preprocess", "none", **encoding),
            "sampling": node("sampling", option, **values),
            "seed": seed,
            "model": node("model", "mlp"),
        }
        return prepare(spec, catalog, dataset, rows)

    return make


def counts(prepared: Prepared) -> list[int]:
    return [int(rows) for rows in np.bincount(prepared.train.y.reshape(-1).astype(int))]


def held(part: Part) -> np.ndarray:
    """The rows of a part, which are in memory."""
    assert isinstance(part.x, np.ndarray)
    return part.x


def is_row_of(rows: np.ndarray, others: np.ndarray) -> np.ndarray:
    known = {row.tobytes() for row in others}
    return np.array([row.tobytes() in known for row in rows])


@pytest.mark.parametrize(
    ("option", "values", "expected"),
    [
        ("oversample", {}, [120, 120, 120]),
        ("oversample", {"ratio": 0.5}, [120, 60, 60]),
        ("undersample", {}, [18, 18, 18]),
        ("undersample", {"ratio": 0.5}, [36, 36, 18]),
        ("smote", {}, [120, 120, 120]),
        ("smote", {"ratio": 0.25}, [120, 36, 30]),
    ],
)
def test_classes_have_the_rows_that_are_asked(
    option: str, values: dict[str, Any], expected: list[int], ready: Ready
) -> None:
    plain, drawn = (ready(table(), each, **(values if each == option else {})) for each in ("none", option))
    assert counts(plain) == [120, 36, 18]
    assert counts(drawn) == expected
    assert drawn.samples == plain.samples  # what the rows of a part are does not change by drawing them
    assert drawn.describe()["drawn"] == sum(expected)
    for part in ("validation", "test"):
        assert np.array_equal(held(getattr(drawn, part)), held(getattr(plain, part)))
    copied = is_row_of(held(drawn.train), held(plain.train))
    assert copied.all() if option != "smote" else copied.sum() == plain.train.samples
    assert not is_row_of(held(drawn.train), held(plain.test)).any()


def test_each_row_is_copied_before_any_is_copied_again(ready: Ready) -> None:
    drawn = ready(table(), "oversample").train
    for label, (least, most) in {0: (1, 1), 1: (3, 4), 2: (6, 7)}.items():
        times = np.unique(held(drawn)[drawn.y == label], axis=0, return_counts=True)[1]
        assert (times.min(), times.max()) == (least, most)


@pytest.mark.parametrize("option", ["oversample", "undersample", "smote"])
def test_drawing_follows_the_seed(option: str, ready: Ready) -> None:
    first, again, other = (held(ready(table(), option, seed=seed).train) for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("option", ["oversample", "smote"])
def test_an_own_seed_goes_before_the_runs(option: str, catalog: Catalog, node: Node) -> None:
    data = table()
    rows = split_rows(data, node("split", "holdout"), catalog)
    found = [
        held(prepare(
            {"preprocess": node("preprocess", "none"), "sampling": node("sampling", option, seed=5), "seed": seed,
             "model": node("model", "mlp")},
            catalog, data, rows,
        ).train)
        for seed in (0, 1)
    ]  # fmt: skip
    assert np.array_equal(found[0], found[1])


def test_made_rows_lie_between_neighbours_and_flags_stay_flags(ready: Ready) -> None:
    plain, drawn = ready(table(), "none").train, ready(table(), "smote").train
    made = held(drawn)[plain.samples :]
    assert set(np.unique(made[:, 2])) <= {0.0, 1.0}
    for label in (1, 2):
        mine, real = made[drawn.y[plain.samples :] == label], held(plain)[plain.y == label]
        assert (mine[:, :2] >= real[:, :2].min(axis=0)).all()
        assert (mine[:, :2] <= real[:, :2].max(axis=0)).all()


def test_two_classes_keep_the_shape_of_their_labels(ready: Ready) -> None:
    for option in ("oversample", "undersample", "smote"):
        train = ready(table((200, 30)), option).train
        assert train.y.shape == (train.samples, 1)
        assert train.y.dtype == np.float32
        assert train.y.mean() == 0.5


def test_scales_are_measured_on_the_rows_as_they_are(catalog: Catalog, node: Node) -> None:
    data = table()
    rows = split_rows(data, node("split", "holdout"), catalog)
    plain, drawn = (
        prepare({"preprocess": node("preprocess", "standard"), "sampling": node("sampling", each), "seed": 0,
                 "model": node("model", "mlp")},
                catalog, data, rows)
        for each in ("none", "oversample")
    )  # fmt: skip
    assert np.array_equal(held(plain.test), held(drawn.test))
    assert abs(held(plain.train).mean()) < 1e-5 < abs(held(drawn.train).mean())


@pytest.mark.parametrize(
    ("data", "values", "says"),
    [
        (
            table((200, 60, 8)),
            {},
            "sampling.neighbours must be smaller than the rows of each class it makes more of, 5",
        ),
        (
            table(kinds=("flag", "category")),
            {},
            "sampling must be another where no column holds numbers of more than two",
        ),
    ],
)
def test_what_smote_cannot_make_is_told(data: Dataset, values: dict[str, Any], says: str, ready: Ready) -> None:
    with pytest.raises(DataError) as raised:
        ready(data, "smote", **values)
    assert says in str(raised.value)


def test_a_gap_has_no_neighbours(ready: Ready) -> None:
    data = table()
    assert isinstance(data.x, np.ndarray)
    data.x[np.arange(0, 290, 7), 0] = np.nan
    train = ready(data, "smote").train  # the middle of the column stands in, with a mark beside it
    assert np.isfinite(held(train)).all()
    assert set(np.unique(held(train)[:, -1])) <= {0.0, 1.0}


@pytest.mark.parametrize("categories", ["one_hot", "embedding"])
def test_a_made_row_has_a_category_that_there_is(categories: str, ready: Ready) -> None:
    data = table(kinds=("number", "category", "number"))
    plain, drawn = (ready(data, option, categories=categories).train for option in ("none", "smote"))
    assert np.array_equal(held(drawn)[: plain.samples], held(plain))
    varies = [column for column in range(held(plain).shape[1]) if len(np.unique(held(plain)[:, column])) > 4]
    words = np.delete(held(drawn), varies, axis=1)
    assert {row.tobytes() for row in words} == {row.tobytes() for row in np.delete(held(plain), varies, axis=1)}


@pytest.mark.parametrize("option", ["oversample", "undersample", "smote"])
def test_rows_that_stay_in_a_file_are_drawn_by_number(option: str, csv_folder: Any, node: Node) -> None:
    lines = [f"{row % 7},{row},{'rare' if row % 9 == 0 else 'often'}" for row in range(180)]
    csv_folder.write("\n".join(["a,b,kind", *lines, ""]))
    data = load(csv_folder.node(stream=True), csv_folder.catalog)
    spec = {
        "preprocess": node("preprocess", "none"),
        "sampling": node("sampling", option),
        "seed": 0,
        "model": node("model", "mlp"),
    }
    rows = split_rows(data, node("split", "holdout"), csv_folder.catalog)
    if option == "smote":
        with pytest.raises(DataError, match="must be another where rows stay in a file"):
            prepare(spec, csv_folder.catalog, data, rows)
        return
    train = prepare(spec, csv_folder.catalog, data, rows).train
    assert isinstance(train.x, Stored)
    assert train.y.mean() == 0.5
    assert ((train.x[:][:, 1] % 9 == 0) == (train.y[:, 0] == 1)).all()


@pytest.mark.parametrize(
    ("data", "option", "says"),
    [
        ("diabetes", "oversample", "sampling must be none for task regression: its rows have no classes to draw by"),
        ("digits", "smote", "got samples of shape 8x8x1. Type sampling=oversample."),
    ],
)
def test_wrong_sampling_is_told_before_anything_is_loaded(
    data: str, option: str, says: str, catalog: Catalog, node: Node
) -> None:
    spec = {"data": node("data", data), "sampling": node("sampling", option)}
    assert says in "\n".join(map(str, check(spec, catalog)))


def test_smote_without_its_library_names_the_extra(
    catalog: Catalog, node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "imblearn" else sys)
    spec = {"data": node("data", "wine"), "sampling": node("sampling", "smote")}
    (problem,) = check(spec, catalog)
    assert "pip install 'dlrun[imbalance]'" in str(problem)
