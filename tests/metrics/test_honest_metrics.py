"""Metrics that a rare class cannot fool: scikit-learn's numbers, whatever the batches."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from sklearn import metrics

from dlrun.metrics.balanced_accuracy import BalancedAccuracy
from dlrun.metrics.brier import BrierScore
from dlrun.metrics.matthews import MatthewsCorrelation
from dlrun.metrics.specificity import Specificity

DRAW = np.random.default_rng(0)
RARE = (DRAW.random(3000) < 0.03).astype(np.int64)
CHANCE = np.clip(0.4 * RARE + 0.6 * DRAW.random(3000), 0, 1).astype(np.float32)
LABELS = DRAW.choice(4, 3000, p=[0.9, 0.06, 0.03, 0.01])
SHARES = DRAW.dirichlet(np.ones(4), 3000).astype(np.float32)
SHARES[np.arange(3000), LABELS] += 0.7
SHARES /= SHARES.sum(axis=1, keepdims=True)
WEIGHT = DRAW.random(3000).astype(np.float32)


def measured(
    metric: keras.metrics.Metric, y: np.ndarray, p: np.ndarray, batch: int, weight: np.ndarray | None
) -> float:
    for begin in range(0, len(y), batch):
        part = slice(begin, begin + batch)
        metric.update_state(y[part], p[part], None if weight is None else weight[part])
    return float(metric.result())


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
@pytest.mark.parametrize("batch", [3000, 17])
def test_numbers_are_those_of_scikit_learn(batch: int, weight: np.ndarray | None) -> None:
    y, p, called = RARE[:, None].astype(np.float32), CHANCE[:, None], CHANCE > 0.5
    named, how = SHARES.argmax(axis=1), {"sample_weight": weight}
    one_hot = np.eye(4)[LABELS]
    expected: list[tuple[keras.metrics.Metric, np.ndarray, np.ndarray, float]] = [
        (BalancedAccuracy(2), y, p, metrics.balanced_accuracy_score(RARE, called, **how)),
        (BalancedAccuracy(4), LABELS, SHARES, metrics.balanced_accuracy_score(LABELS, named, **how)),
        (MatthewsCorrelation(2), y, p, metrics.matthews_corrcoef(RARE, called, **how)),
        (MatthewsCorrelation(4), LABELS, SHARES, metrics.matthews_corrcoef(LABELS, named, **how)),
        (Specificity(), y, p, metrics.recall_score(RARE, called, pos_label=0, **how)),
        (Specificity(0.7), y, p, metrics.recall_score(RARE, CHANCE > 0.7, pos_label=0, **how)),
        (BrierScore(2), y, p, metrics.brier_score_loss(RARE, CHANCE, **how)),
        (BrierScore(4), LABELS, SHARES, np.average(((SHARES - one_hot) ** 2).sum(axis=1), weights=weight)),
    ]
    for metric, true, predicted, wanted in expected:
        assert measured(metric, true, predicted, batch, weight) == pytest.approx(wanted, abs=2e-6), metric.name


@pytest.mark.parametrize("metric", [BalancedAccuracy(2), MatthewsCorrelation(2), Specificity(), BrierScore(2)])
def test_one_class_alone_is_no_error(metric: keras.metrics.Metric) -> None:
    metric.reset_state()
    metric.update_state(np.ones((5, 1), np.float32), np.full((5, 1), 0.9, np.float32))
    assert np.isfinite(float(metric.result()))
    assert float(BalancedAccuracy(2).result()) == 0.0


def test_naming_the_frequent_class_is_seen_through() -> None:
    never = np.zeros((3000, 1), np.float32)
    y = RARE[:, None].astype(np.float32)
    assert 1 - RARE.mean() > 0.96  # the accuracy that would be told
    assert measured(BalancedAccuracy(2), y, never, 100, None) == 0.5
    assert measured(MatthewsCorrelation(2), y, never, 100, None) == 0.0


@pytest.mark.parametrize("kind", [BalancedAccuracy, MatthewsCorrelation, BrierScore])
def test_it_comes_back_from_its_config(kind: type) -> None:
    again = keras.metrics.deserialize(keras.metrics.serialize(kind(4, name="mine")))
    assert (type(again), again.classes, again.name) == (kind, 4, "mine")
