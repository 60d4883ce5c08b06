"""Thresholds: the best one there is, found on validation rows alone; and what is told of each class."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

import dlrun
from dlrun.training.by_class import verdicts_of
from dlrun.training.threshold import best_threshold, check_threshold, scores_at

SCORES: dict[str, Any] = {
    "accuracy": metrics.accuracy_score,
    "balanced_accuracy": metrics.balanced_accuracy_score,
    "f1": metrics.f1_score,
    "matthews": metrics.matthews_corrcoef,
    "precision": lambda truth, called: metrics.precision_score(truth, called, zero_division=0),
    "recall": metrics.recall_score,
}
ROWS = st.lists(st.tuples(st.booleans(), st.integers(0, 20)), min_size=2, max_size=60)


@given(rows=ROWS, by=st.sampled_from(["f1", "balanced_accuracy", "matthews"]))
@settings(max_examples=150, deadline=None)
def test_no_threshold_is_better_than_the_one_found(rows: list[tuple[bool, int]], by: str) -> None:
    truth, probability = np.array([yes for yes, _ in rows], float), np.array([p / 20 for _, p in rows], np.float32)
    if len(set(truth)) < 2:
        return
    found = best_threshold(truth, probability, by)
    called = probability > found
    best = max(SCORES[by](truth, probability > cut) for cut in np.append([0, 1], np.arange(0.5, 20) / 20))
    assert SCORES[by](truth, called) == pytest.approx(best, abs=1e-9)


def test_of_equally_good_ones_the_nearest_to_a_half_is_taken() -> None:
    truth, probability = np.array([0.0, 0.0, 1.0, 1.0]), np.array([0.1, 0.2, 0.7, 0.9], np.float32)
    assert best_threshold(truth, probability, "f1") == pytest.approx(0.45)


@given(rows=ROWS, threshold=st.floats(0.01, 0.99))
@settings(max_examples=60, deadline=None)
def test_scores_are_those_of_scikit_learn(rows: list[tuple[bool, int]], threshold: float) -> None:
    truth, probability = np.array([yes for yes, _ in rows], float), np.array([p / 20 for _, p in rows])
    if len(set(truth)) < 2:
        return
    for name, value in scores_at(truth, probability, threshold).items():
        assert value == pytest.approx(SCORES[name](truth, probability > threshold), abs=1e-9), name


def part(y: np.ndarray, p: np.ndarray) -> SimpleNamespace:
    return SimpleNamespace(x=p[:, None], y=y[:, None].astype(np.float32), samples=len(y))


def test_test_rows_have_no_say_in_the_threshold() -> None:
    draw = np.random.default_rng(0)
    y, p = (draw.random(400) < 0.1).astype(float), draw.random(400).astype(np.float32)
    validation = part(y[:200], p[:200])
    found = {
        verdicts_of(
            lambda rows, training: rows,
            SimpleNamespace(task="binary", classes=("no", "yes"), validation=validation, test=test),  # type: ignore[arg-type]
            "f1", False, lambda *_, **__: None,
        ).threshold
        for test in (part(y[200:], p[200:]), part(1 - y[200:], p[200:]), part(y[200:250], p[200:250]))
    }  # fmt: skip
    assert found == {best_threshold(y[:200], p[:200], "f1")}


def test_a_validation_part_of_one_class_is_told() -> None:
    told: list[str] = []
    one = part(np.zeros(20), np.full(20, 0.2, np.float32))
    data = SimpleNamespace(task="binary", classes=("no", "yes"), validation=one, test=one)
    found = verdicts_of(lambda rows, training: rows, data, "f1", True, lambda _, fields: told.append(fields["text"]))  # type: ignore[arg-type]
    assert (found.threshold, found.metrics) == (0.5, {})
    assert told == ["no threshold can be found on the validation part: its rows are of one class. It stays 0.5."]


@pytest.mark.parametrize("chosen", ["f1", 0.3])
def test_threshold_is_for_two_classes(chosen: Any) -> None:
    spec = {"task": "multiclass", "trainer": {"threshold": chosen}}
    (problem,) = check_threshold(spec)
    assert "trainer.threshold must be 0.5 for task multiclass: one probability" in str(problem)
    assert not list(check_threshold({**spec, "task": "binary"}))


def test_a_run_keeps_threshold_classes_and_split(work: Path) -> None:
    result = dlrun.run(
        ["data=breast_cancer", "trainer.epochs=3", "trainer.threshold=balanced_accuracy", "tracking=none"]
    )
    assert result.path is not None
    kept = json.loads((result.path / "result.json").read_text())
    threshold = kept["threshold"]
    assert 0 < threshold < 1
    assert threshold != 0.5
    assert json.loads((result.path / "signature.json").read_text())["threshold"] == threshold
    with np.load(result.path / "split.npz") as parts:
        rows = {name: parts[name] for name in ("train", "validation", "test")}
    assert {name: len(each) for name, each in rows.items()} == kept["samples"]
    assert np.array_equal(np.sort(np.concatenate(list(rows.values()))), np.arange(569))
    confusion = np.array(kept["confusion"])
    assert confusion.sum(axis=1).tolist() == [row["rows"] for row in kept["per_class"][:2]]
    assert np.trace(confusion) / confusion.sum() == pytest.approx(kept["metrics"]["test_accuracy_at_threshold"])
    macro = next(row for row in kept["per_class"] if row["class"] == "macro")
    assert macro["recall"] == pytest.approx(kept["metrics"]["test_balanced_accuracy_at_threshold"])


def test_a_sweep_looks_at_no_class_unless_a_threshold_is_looked_for(work: Path) -> None:
    words = ["data=breast_cancer", "trainer.epochs=1", "trainer.threshold=0.5,f1", "tracking=none"]
    plain, sought = dlrun.run(words, sweep=True).results
    for result in (plain, sought):
        assert result.per_class == []
        assert (result.path / "split.npz").is_file()
    assert (plain.threshold, "test_f1_at_threshold" in plain.metrics) == (0.5, False)
    assert (sought.threshold != 0.5, "test_f1_at_threshold" in sought.metrics) == (True, True)
