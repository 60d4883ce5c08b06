"""Splits: disjoint, complete, even, the same for ever; and what cannot be split."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlrun.config.catalog import Catalog
from dlrun.data.dataset import Dataset
from dlrun.data.load import load
from dlrun.data.splits.holdout import Holdout
from dlrun.data.splits.kfold import KFold
from dlrun.data.splits.split import Split, check, split_rows
from dlrun.errors import DataError

Node = Callable[..., dict[str, Any]]

# Rows of iris under these settings, for ever: another split under the same id would be another experiment.
GOLDEN: list[tuple[str, dict[str, Any], str]] = [
    ("holdout", {}, "fdc290f8d3f84c1e"),
    ("holdout", {"seed": 1}, "76daa59838db1d50"),
    ("holdout", {"test": 0.1, "validation": 0.3, "stratify": False}, "15e0b6683707850d"),
    ("kfold", {}, "60c18efccb771afd"),
    ("kfold", {"fold": 4, "seed": 7, "stratify": False}, "767b829ec8050d41"),
    ("none", {}, "585a724739aac83a"),
]


def dataset(labels: list[int] | np.ndarray, task: str = "multiclass") -> Dataset:
    y = np.asarray(labels)
    classes = () if task == "regression" else tuple(map(str, range(int(y.max()) + 1)))
    y = y.astype(np.float32)[:, np.newaxis] if task == "regression" else y.astype(np.int64)
    return Dataset(np.zeros((len(y), 1), np.float32), y, task, classes, ("a",), "0" * 64)


def assert_partition(split: Split, samples: int) -> None:
    parts = (split.train, split.validation, split.test)
    for part in parts:
        assert part.dtype == np.int64
        assert len(part) > 0
        assert (np.diff(part) > 0).all()
    np.testing.assert_array_equal(np.sort(np.concatenate(parts)), np.arange(samples))


@pytest.mark.parametrize(("option", "values", "digest"), GOLDEN)
def test_rows_stay_the_same(option: str, values: dict[str, Any], digest: str, catalog: Catalog, node: Node) -> None:
    split = split_rows(load(node("data", "iris"), catalog), node("split", option, **values), catalog)
    rows = b"|".join(part.astype("<i8").tobytes() for part in (split.train, split.validation, split.test))
    assert hashlib.sha256(rows).hexdigest()[:16] == digest


LABELS = st.integers(2, 6).flatmap(
    lambda classes: st.lists(st.integers(10, 60), min_size=classes, max_size=classes).flatmap(
        lambda counts: st.permutations([label for label, count in enumerate(counts) for _ in range(count)])
    )
)


@given(labels=LABELS, test=st.floats(0.1, 0.4), validation=st.floats(0.1, 0.4), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_holdout_is_even(labels: list[int], test: float, validation: float, seed: int) -> None:
    data = dataset(labels)
    split = Holdout(test, validation, seed, "auto").rows(data)
    assert_partition(split, data.samples)
    assert len(split.test) == int(data.samples * test + 1e-9)
    assert len(split.validation) == int(data.samples * validation + 1e-9)
    counts = np.bincount(data.y)
    for part, fraction in ((split.test, test), (split.validation, validation), (split.train, 1 - test - validation)):
        # each part is cut from whole rows, the second from what the first left: two roundings of at most a row each
        assert np.abs(np.bincount(data.y[part], minlength=len(counts)) - counts * fraction).max() < 2


@given(labels=LABELS, folds=st.integers(2, 6), validation=st.floats(0.1, 0.5), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_folds_test_every_row_once(labels: list[int], folds: int, validation: float, seed: int) -> None:
    data = dataset(labels)
    splits = [KFold(folds, fold, validation, seed, "auto").rows(data) for fold in range(folds)]
    for split in splits:
        assert_partition(split, data.samples)
    tested = np.concatenate([split.test for split in splits])
    np.testing.assert_array_equal(np.sort(tested), np.arange(data.samples))
    counts = np.bincount(data.y)
    for split in splits:
        assert np.abs(np.bincount(data.y[split.test], minlength=len(counts)) - counts / folds).max() <= 1


def test_regression_and_rare_classes_are_split_all_the_same() -> None:
    for data in (dataset(list(range(30)), "regression"), dataset([0] * 20 + [1])):
        assert_partition(Holdout(0.2, 0.2, 0, "auto").rows(data), data.samples)
        assert_partition(KFold(3, 0, 0.2, 0, "auto").rows(data), data.samples)


def test_none_is_all_rows_three_times(catalog: Catalog, node: Node) -> None:
    split = split_rows(load(node("data", "truth_table"), catalog), node("split", "none"), catalog)
    for part in (split.train, split.validation, split.test):
        assert part.tolist() == [0, 1, 2, 3]


def test_seed_and_fold_change_the_rows() -> None:
    data = dataset([0, 1] * 50)
    assert (
        Holdout(0.2, 0.2, 0, "auto").rows(data).test.tolist() != Holdout(0.2, 0.2, 1, "auto").rows(data).test.tolist()
    )
    first, second = (KFold(5, fold, 0.2, 0, "auto").rows(data) for fold in (0, 1))
    assert not set(first.test) & set(second.test)


FAULTS: list[tuple[str, str, dict[str, Any], str, str]] = [
    ("digits", "holdout", {"test": 0.6, "validation": 0.5}, "split.test", "got 0.6 and 0.5"),
    ("truth_table", "holdout", {}, "split.test", "got 0.2 of 4 rows. Use more rows, or split=none"),
    ("truth_table", "holdout", {}, "split.validation", "got 0.2 of 4 rows"),
    ("digits", "kfold", {"fold": 5}, "split.fold", "must be below split.folds, which is 5"),
    ("truth_table", "kfold", {}, "split.folds", "got 5 folds of 4 rows"),
    ("truth_table", "kfold", {"folds": 2}, "split.validation", "got 0.2 of the rest of 4 rows"),
    ("diabetes", "holdout", {"stratify": True}, "split.stratify", "must be auto or false for a regression"),
    ("diabetes", "kfold", {"stratify": True}, "split.stratify", "must be auto or false for a regression"),
]


@pytest.mark.parametrize(("data", "option", "values", "key", "says"), FAULTS)
def test_impossible_split_is_told_before_and_refused_after(
    data: str, option: str, values: dict[str, Any], key: str, says: str, catalog: Catalog, node: Node
) -> None:
    spec = {"data": node("data", data), "split": node("split", option, **values)}
    (problem,) = [problem for problem in check(spec, catalog) if problem.key == key]
    assert says in str(problem)
    assert problem.mend
    with pytest.raises(DataError, match=key):
        split_rows(load(spec["data"], catalog), spec["split"], catalog)


@pytest.mark.parametrize(
    ("labels", "splitter", "says"),
    [
        (
            [0] * 20 + [1],
            Holdout(0.2, 0.2, 0, True),
            "must have 2 rows or more of each class to keep even; got 1 of class '1'",
        ),
        (list(range(20)) * 2, Holdout(0.1, 0.2, 0, True), "got a part of 4 rows for 20 classes"),
        ([0] * 20 + [1] * 4, KFold(5, 0, 0.2, 0, True), "must have 5 rows or more of each class to keep even; got 4"),
    ],
)
def test_class_too_rare_to_be_kept_even_is_named(labels: list[int], splitter: Holdout | KFold, says: str) -> None:
    data = dataset(labels)
    with pytest.raises(DataError) as raised:
        splitter.rows(data)
    assert says in str(raised.value)
    assert_partition(replace(splitter, stratify="auto").rows(data), data.samples)


@pytest.mark.parametrize("option", ["digits", "iris", "wine", "breast_cancer", "diabetes", "moons", "circles", "blobs"])
@pytest.mark.parametrize("split", ["holdout", "kfold", "none"])
def test_defaults_go_together(option: str, split: str, catalog: Catalog, node: Node) -> None:
    spec = {"data": node("data", option), "split": node("split", split)}
    assert check(spec, catalog) == []
    rows = split_rows(load(spec["data"], catalog), spec["split"], catalog)
    if split != "none":
        assert_partition(rows, load(spec["data"], catalog).samples)
