"""Identical, within tolerance, or diverged: what two histories come to."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dlrun.analysis.repetition import History, judge

EPOCHS = {epoch: {"loss": 1 / epoch, "val_loss": 2 / epoch} for epoch in (1, 2, 3)}
THEN = History(EPOCHS, {"test_loss": 0.5, "test_accuracy": None}, "f" * 64, "finished")


def with_epoch(epoch: int, **metrics: float) -> History:
    return replace(THEN, epochs={**EPOCHS, epoch: {**EPOCHS.get(epoch, {}), **metrics}})


def test_the_same_is_identical() -> None:
    found = judge(THEN, with_epoch(3))
    assert (found.verdict, found.largest, found.same_weights, found.compared) == ("identical", None, True, 3)


def test_no_number_equals_no_number() -> None:
    nan = with_epoch(2, loss=math.nan)
    assert judge(nan, with_epoch(2, loss=math.nan)).verdict == "identical"
    assert judge(THEN, nan, 0.99).verdict == "diverged"
    assert judge(with_epoch(2, loss=math.inf), with_epoch(2, loss=math.inf)).verdict == "identical"


def test_one_bit_is_a_difference() -> None:
    found = judge(THEN, with_epoch(2, loss=float(np.nextafter(0.5, 1.0))), 0.0)
    assert found.verdict == "diverged"
    assert found.at is not None
    assert (found.at.epoch, found.at.metric) == (2, "loss")


def test_other_weights_are_not_identical() -> None:
    found = judge(THEN, replace(THEN, fingerprint="0" * 64))
    assert (found.verdict, found.largest, found.same_weights) == ("within tolerance", None, False)
    assert judge(replace(THEN, fingerprint=None), THEN).verdict == "identical"


@pytest.mark.parametrize(("by", "tolerance", "verdict"), [(0.04, 0.05, "within tolerance"), (0.06, 0.05, "diverged")])
def test_the_tolerance_is_relative(by: float, tolerance: float, verdict: str) -> None:
    now = with_epoch(2, val_loss=1.0 * (1 - by))
    found = judge(replace(THEN), now, tolerance)
    assert found.verdict == verdict
    assert found.largest is not None
    assert found.largest.relative == pytest.approx(by)
    assert found.first is found.largest


def test_it_diverges_where_it_is_first_beyond_the_tolerance() -> None:
    now = replace(THEN, epochs={1: EPOCHS[1], 2: {"loss": 0.5001, "val_loss": 1.0}, 3: {"loss": 9.0, "val_loss": 9.0}})
    found = judge(THEN, now)
    assert found.at is not None
    assert found.first is not None
    assert (found.verdict, found.at.epoch, found.first.epoch) == ("diverged", 3, 2)


@pytest.mark.parametrize(
    "now",
    [
        replace(THEN, epochs={1: EPOCHS[1], 2: EPOCHS[2]}),
        replace(THEN, epochs={**EPOCHS, 4: {"loss": 0.1}}),
        replace(THEN, scores={"test_loss": 0.5}),
        replace(THEN, scores={"test_loss": 0.6, "test_accuracy": None}),
        replace(THEN, status="diverged"),
    ],
    ids=["fewer epochs", "more epochs", "a score less", "another score", "another end"],
)
def test_what_else_makes_it_diverge(now: Any) -> None:
    found = judge(THEN, now)
    assert found.verdict == "diverged"


def test_where_the_first_journal_is_lost_the_scores_are_compared() -> None:
    found = judge(replace(THEN, epochs={}), THEN)
    assert (found.verdict, found.compared) == ("identical", 0)


def test_where_nothing_is_left_nothing_is_the_same() -> None:
    nothing = History({}, {}, None, "finished")
    found = judge(nothing, THEN)
    assert (found.verdict, found.same_weights, found.compared) == ("nothing to compare", None, 0)
    assert judge(replace(nothing, epochs={1: {}}), THEN).verdict == "nothing to compare"
    assert judge(replace(nothing, fingerprint=THEN.fingerprint), replace(THEN, scores={})).verdict == "identical"
