"""Splits by groups, by time, by files, in repeats and nested: what must never be cut is not, bad calls are told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlrun.config.catalog import Catalog
from dlrun.data.dataset import Dataset
from dlrun.data.splits.files import Files
from dlrun.data.splits.grouped import Grouped
from dlrun.data.splits.holdout import Holdout
from dlrun.data.splits.in_time import InTime
from dlrun.data.splits.kfold import KFold, RepeatedKFold
from dlrun.data.splits.nested import Nested
from dlrun.data.splits.split import Split, Splitter, check, split_rows
from dlrun.data.splits.whole import AllRows
from dlrun.errors import DataError

Node = Callable[..., dict[str, Any]]
MANY = settings(max_examples=60, deadline=None)


def classes(labels: np.ndarray | list[int], **more: Any) -> Dataset:
    y = np.asarray(labels, np.int64)
    names = tuple(map(str, range(max(2, int(y.max()) + 1))))
    task = "binary" if len(names) == 2 else "multiclass"
    return Dataset(np.zeros((len(y), 1), np.float32), y, task, names, ("a",), "0" * 64, **more)


def values(targets: np.ndarray) -> Dataset:
    y = np.asarray(targets, np.float32)[:, np.newaxis]
    return Dataset(np.zeros((len(y), 1), np.float32), y, "regression", (), ("a",), "0" * 64)


def assert_disjoint(split: Split, samples: int, left_out: int | None = 0) -> None:
    parts = (split.train, split.validation, split.test)
    for part in parts:
        assert part.dtype == np.int64
        assert len(part) > 0
        assert (np.diff(part) > 0).all()
    together = np.concatenate(parts)
    assert len(np.unique(together)) == len(together)
    if left_out is not None:
        assert samples - len(together) == left_out


GROUPS = st.lists(st.integers(1, 12), min_size=8, max_size=30)
SEED = st.integers(0, 2**32 - 1)


def grouped(sizes: list[int], seed: int) -> Dataset:
    draw = np.random.default_rng(seed)
    groups = draw.permutation(np.repeat(np.arange(len(sizes)), sizes))
    return classes(draw.integers(0, 2, len(groups)), groups=groups)


@given(sizes=GROUPS, seed=SEED, test=st.floats(0.1, 0.4), validation=st.floats(0.1, 0.4))
@MANY
def test_held_out_groups_are_whole(sizes: list[int], seed: int, test: float, validation: float) -> None:
    data = grouped(sizes, seed)
    splitter = Grouped(test, validation, None, 0, seed, "auto")
    if min(test, validation) * data.samples < 1:
        return
    split = splitter.rows(data)
    assert_disjoint(split, data.samples)
    assert data.groups is not None
    parts = [set(data.groups[part]) for part in (split.train, split.validation, split.test)]
    assert not parts[0] & parts[1] | parts[0] & parts[2] | parts[1] & parts[2]
    again = splitter.rows(data)
    assert all(np.array_equal(getattr(split, part), getattr(again, part)) for part in ("train", "validation", "test"))


@given(sizes=GROUPS, seed=SEED, folds=st.integers(2, 6), stratify=st.sampled_from(["auto", False]))
@MANY
def test_folds_of_groups_test_every_row_once(sizes: list[int], seed: int, folds: int, stratify: Any) -> None:
    data = grouped(sizes, seed)
    splits = [Grouped("auto", 0.3, folds, fold, seed, stratify).rows(data) for fold in range(folds)]
    assert data.groups is not None
    for split in splits:
        assert_disjoint(split, data.samples)
        parts = [set(data.groups[part]) for part in (split.train, split.validation, split.test)]
        assert not parts[0] & parts[1] | parts[0] & parts[2] | parts[1] & parts[2]
    assert np.array_equal(np.sort(np.concatenate([split.test for split in splits])), np.arange(data.samples))


def test_groups_are_chosen_so_that_classes_keep_their_proportions() -> None:
    draw = np.random.default_rng(0)
    groups = np.repeat(np.arange(60), 10)
    rare = np.repeat(draw.random(60) < 0.2, 10).astype(int)  # a class that whole groups are of
    data = classes(rare, groups=groups)

    def off(stratify: Any) -> float:
        shares = [rare[Grouped(0.3, 0.2, None, 0, seed, stratify).rows(data).test].mean() for seed in range(20)]
        return float(np.abs(np.array(shares) - rare.mean()).mean())

    assert off("auto") < 0.03 < off(False)  # a group is 0.05 of the part


TIMES = st.lists(st.integers(0, 40), min_size=30, max_size=120)


@given(times=TIMES, test=st.floats(0.1, 0.4), validation=st.floats(0.1, 0.4), gap=st.integers(0, 4))
@MANY
def test_past_is_before_future(times: list[int], test: float, validation: float, gap: int) -> None:
    when = np.asarray(times, float)
    data = classes(np.arange(len(when)) % 2, times=when)
    try:
        split = InTime(test, validation, gap, None, 0, "time").rows(data)
    except DataError as error:
        assert "must hold rows" in str(error)  # too many samples of one moment
        return
    assert_disjoint(split, data.samples, 2 * gap)
    assert when[split.train].max() < when[split.validation].min()
    assert when[split.validation].max() < when[split.test].min()
    assert when[split.test].max() == when.max()


@given(samples=st.integers(60, 200), folds=st.integers(2, 6), gap=st.integers(0, 2))
@MANY
def test_expanding_folds_test_every_later_row_once(samples: int, folds: int, gap: int) -> None:
    when = np.random.default_rng(samples).permutation(samples).astype(float)
    data = classes(np.arange(samples) % 2, times=when)
    splits = [InTime("auto", 0.3, gap, folds, fold, "time").rows(data) for fold in range(folds)]
    for split in splits:
        assert_disjoint(split, samples, None)
        assert when[split.train].max() + gap < when[split.validation].min()
        assert when[split.validation].max() + gap < when[split.test].min()
    lengths = [len(split.train) for split in splits]
    assert lengths == sorted(lengths)
    tested = np.concatenate([split.test for split in splits])
    assert len(np.unique(tested)) == len(tested) == folds * (samples // (folds + 1))
    assert when[tested].max() == samples - 1


@given(samples=st.integers(120, 200), window=st.integers(1, 10), folds=st.sampled_from([None, 2]))
@MANY
def test_no_window_reaches_over_a_border(samples: int, window: int, folds: int | None) -> None:
    first = np.arange(samples)
    spans = np.stack([first, first + window - 1], axis=1)
    data = classes(first % 2, times=first.astype(float), spans=spans)
    split = InTime("auto", 0.3, 0, folds, 0, "time").rows(data)
    rows = [{row for sample in part for row in range(spans[sample, 0], spans[sample, 1] + 1)} for part in
            (split.train, split.validation, split.test)]  # fmt: skip
    assert not rows[0] & rows[1] | rows[0] & rows[2] | rows[1] & rows[2]
    if folds is None:
        assert_disjoint(split, samples, 2 * (window - 1))  # and no more is left out than must be


def test_rows_in_order_are_a_time_of_their_own() -> None:
    split = InTime(0.2, 0.2, 0, None, 0, "rows").rows(classes([0, 1] * 50))
    assert (split.train.max(), split.validation.min(), split.test.min()) == (59, 60, 80)


def test_sample_without_a_time_is_named() -> None:
    when = np.arange(50.0)
    when[7] = np.nan
    with pytest.raises(DataError, match="none in 1 of 50 samples, the first is sample 8"):
        InTime(0.2, 0.2, 0, None, 0, "time").rows(classes([0, 1] * 25, times=when))


@pytest.mark.parametrize(
    "splitter",
    [Holdout(0.2, 0.2, 0, "auto"), KFold(5, 0, 0.2, 0, "auto"), RepeatedKFold(5, 2, 0, 0.2, 0, "auto")],
    ids=lambda splitter: type(splitter).__name__,
)
def test_windows_that_overlap_are_not_split_at_random(splitter: Splitter) -> None:
    first = np.arange(100)
    data = classes(first % 2, spans=np.stack([first, first + 3], axis=1))
    with pytest.raises(DataError, match="must keep windows that overlap in one part"):
        splitter.rows(data)
    apart = replace(data, spans=np.stack([first * 4, first * 4 + 3], axis=1))
    assert_disjoint(splitter.rows(apart), 100)


@given(seed=SEED, folds=st.integers(2, 5), repeats=st.integers(1, 4))
@settings(max_examples=20, deadline=None)
def test_each_repeat_tests_every_row_once_and_otherwise(seed: int, folds: int, repeats: int) -> None:
    data = classes(np.random.default_rng(seed).integers(0, 3, 90))
    splits = [RepeatedKFold(folds, repeats, fold, 0.2, seed, "auto").rows(data) for fold in range(folds * repeats)]
    for repeat in range(repeats):
        tested = np.concatenate([split.test for split in splits[repeat * folds : (repeat + 1) * folds]])
        assert np.array_equal(np.sort(tested), np.arange(90))
    assert len({split.test.tobytes() for split in splits}) == folds * repeats


@given(seed=SEED, folds=st.integers(2, 4), inner=st.integers(2, 4))
@settings(max_examples=20, deadline=None)
def test_inner_folds_validate_on_all_that_the_outer_leaves(seed: int, folds: int, inner: int) -> None:
    data = classes(np.random.default_rng(seed).integers(0, 2, 80))
    for fold in range(folds):
        splits = [Nested(folds, fold, inner, each, seed, "auto").rows(data) for each in range(inner)]
        assert len({split.test.tobytes() for split in splits}) == 1
        rest = np.setdiff1d(np.arange(80), splits[0].test)
        assert np.array_equal(np.sort(np.concatenate([split.validation for split in splits])), rest)
        for split in splits:
            assert_disjoint(split, 80)


def test_files_are_the_parts() -> None:
    data = classes([0, 1] * 50, parts=np.repeat([0, 1, 2], [60, 20, 20]))
    split = Files("auto", 0, "auto").rows(data)
    assert (split.train.tolist(), split.validation.tolist()) == (list(range(60)), list(range(60, 80)))
    data = classes([0, 1] * 50, parts=np.repeat([0, 2], [80, 20]))
    split = Files(0.25, 0, "auto").rows(data)
    assert_disjoint(split, 100)
    assert (len(split.train), len(split.validation), split.test.tolist()) == (60, 20, list(range(80, 100)))
    assert data.y[split.validation].mean() == 0.5


@pytest.mark.parametrize(
    ("parts", "validation", "says"),
    [
        ([80, 0, 0], "auto", "the test part must hold rows"),
        ([0, 0, 80], "auto", "the train part must hold rows"),
        (
            [40, 20, 20],
            0.3,
            "split.validation must be auto where a file to validate on is given: it has 20 rows; got 0.3",
        ),
        ([3, 0, 20], "auto", "split.validation must leave one row or more in the part; got 0.2 of 3 rows"),
    ],
)
def test_files_that_lack_a_part_are_told(parts: list[int], validation: Any, says: str) -> None:
    data = classes(np.arange(sum(parts)) % 2, parts=np.repeat([0, 1, 2], parts))
    with pytest.raises(DataError) as raised:
        Files(validation, 0, "auto").rows(data)
    assert says in str(raised.value)


def test_quantiles_of_a_regression_are_kept_even() -> None:
    target = np.random.default_rng(0).lognormal(size=200)
    data = values(target)
    quantile = np.searchsorted(np.quantile(target, np.linspace(0, 1, 11)[1:-1]), target)
    split = Holdout(0.2, 0.2, 3, 10).rows(data)
    assert_disjoint(split, 200)
    for part, share in ((split.test, 4), (split.validation, 4), (split.train, 12)):
        assert np.abs(np.bincount(quantile[part], minlength=10) - share).max() <= 1
    assert KFold(5, 0, 0.2, 0, 5).rows(data).test.tolist() != KFold(5, 0, 0.2, 0, "auto").rows(data).test.tolist()
    with pytest.raises(DataError, match="must have a row for each quantile in every part"):
        Holdout(0.2, 0.2, 3, 100).rows(data)


RANDOM = [
    Holdout(0.2, 0.2, 0, "auto"), KFold(5, 0, 0.2, 0, "auto"), RepeatedKFold(5, 2, 0, 0.2, 0, "auto"),
    Nested(5, 0, 4, 0, 0, "auto"),
]  # fmt: skip


@pytest.mark.parametrize("splitter", RANDOM, ids=lambda splitter: type(splitter).__name__)
def test_random_splits_refuse_data_that_brings_its_own_borders(splitter: Splitter) -> None:
    with pytest.raises(DataError, match="split must be grouped where samples belong together"):
        splitter.rows(classes([0, 1] * 50, groups=np.arange(100) // 5))
    assert_disjoint(splitter.rows(classes([0, 1] * 50, times=np.arange(100.0))), 100)


@pytest.mark.parametrize(
    "splitter",
    [*RANDOM, AllRows(), InTime("auto", 0.2, 0, None, 0, "rows"), Grouped("auto", 0.2, None, 0, 0, "auto")],
    ids=lambda splitter: type(splitter).__name__,
)
def test_all_but_files_refuse_files_given_apart(splitter: Splitter) -> None:
    data = classes([0, 1] * 50, parts=np.arange(100) % 3, groups=np.arange(100) // 5)
    with pytest.raises(DataError, match="split must be files where the data's files are given apart"):
        splitter.rows(data)


FAULTS: list[tuple[str, dict[str, Any], str]] = [
    ("grouped", {}, "split must be another where the data does not tell which samples belong together; got grouped. "
        "Name the column that tells them apart: data.group=COLUMN."),
    ("grouped", {"test": 0.9}, "split.test must leave rows to train on"),
    ("grouped", {"fold": 1}, "split.fold must be 0 where split.folds is null; got 1. Write split.folds=5"),
    ("grouped", {"folds": 3, "test": 0.2}, "split.test must be auto beside split.folds"),
    ("grouped", {"folds": 3, "fold": 3}, "split.fold must be below split.folds, which is 3"),
    ("time", {}, "split.order must be rows where the data does not tell when its samples are from; got time. "
        "Name the column that tells it: data.time=COLUMN."),
    ("time", {"order": "rows", "fold": 2}, "split.fold must be 0 where split.folds is null"),
    ("time", {"order": "rows", "folds": 5, "test": 0.2}, "split.test must leave rows to train on before the first"),
    ("time", {"order": "rows", "folds": 5, "fold": 5}, "split.fold must be below split.folds, which is 5"),
    ("time", {"order": "rows", "folds": 500}, "split.folds must leave one row or more in each fold; got 500 folds"),
    ("files", {}, "split must be another where the data is not given as files to train and to test on; got files"),
    ("repeated", {"fold": 50}, "split.fold must be below split.folds times split.repeats, which is 50"),
    ("repeated", {"folds": 200}, "split.folds must leave one row or more in each fold; got 200 folds of 150 rows"),
    ("nested", {"fold": 5}, "split.fold must be below split.folds, which is 5"),
    ("nested", {"inner_fold": 4}, "split.inner_fold must be below split.inner_folds, which is 4"),
    ("nested", {"inner_folds": 121}, "split.inner_folds must leave one row or more in each fold; got 121 folds of 120"),
    ("holdout", {"stratify": 4}, "split.stratify must be auto, true or false for task multiclass"),
]  # fmt: skip


@pytest.mark.parametrize(("option", "changed", "says"), FAULTS)
def test_what_cannot_be_split_is_told_before_anything_is_loaded(
    option: str, changed: dict[str, Any], says: str, catalog: Catalog, node: Node
) -> None:
    spec = {"data": node("data", "iris"), "split": node("split", option, **changed)}
    assert says in "\n".join(str(problem) for problem in check(spec, catalog))


def test_too_few_groups_are_told() -> None:
    with pytest.raises(DataError, match="must be of 3 groups or more"):
        Grouped("auto", 0.2, None, 0, 0, "auto").rows(classes([0, 1] * 10, groups=np.arange(20) % 2))
    with pytest.raises(DataError, match="must be of 6 groups or more"):
        Grouped("auto", 0.2, 6, 0, 0, "auto").rows(classes([0, 1] * 10, groups=np.arange(20) % 5))


def test_gap_that_leaves_nothing_is_told() -> None:
    with pytest.raises(DataError, match="the validation part must hold rows"):
        InTime(0.2, 0.2, 20, None, 0, "rows").rows(classes([0, 1] * 50))


def test_trials_share_a_split_that_nobody_can_change(catalog: Catalog, node: Node) -> None:
    data = classes([0, 1] * 50)
    first = split_rows(data, node("split", "holdout"), catalog)
    assert split_rows(data, node("split", "holdout"), catalog) is first
    assert split_rows(data, node("split", "holdout", seed=1), catalog) is not first
    with pytest.raises(ValueError, match="read-only"):
        first.train[0] = 1
