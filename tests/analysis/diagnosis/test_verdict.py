"""A model that never says a class is told, however few the epochs; one that finds it is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dlrun.analysis.diagnosis.curves import Curves
from dlrun.analysis.diagnosis.diagnose import diagnose
from dlrun.analysis.diagnosis.finding import Finding
from dlrun.analysis.diagnosis.mends import Mends
from dlrun.planning import Planner

Found = Callable[..., list[Finding]]
SHARES = {"train": 0.71, "validation": 0.697, "test": 0.7107}
OVERFITTED = {
    "loss": [0.65 - 0.035 * epoch for epoch in range(11)],
    "val_loss": [0.611 + 0.03 * epoch for epoch in range(11)],
}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    planner = Planner(tmp_path_factory.mktemp("plan"))

    def diagnosed(words: str = "data=moons", **facts: Any) -> list[Finding]:
        (run,) = planner.plan(words.split(), sweep=False).runs
        given: dict[str, Any] = {
            "status": "finished",
            "guess": {"loss": 0.6, "accuracy": SHARES},
            "samples": {"train": 1000, "validation": 363, "test": 363},
            "parameters": 5000,
            "kept_epoch": 1,
            "names": ("ja", "nein", "macro", "weighted"),
            "metrics": {"loss": [0.6, 0.58, 0.57], "val_loss": [0.61, 0.6, 0.6]},
        }
        return diagnose(Curves(run.spec, **given | facts), Mends(run.spec, planner.catalog))

    return diagnosed


@pytest.mark.parametrize("metrics", [{"loss": [0.6], "val_loss": [0.6]}, OVERFITTED])
def test_one_class_for_every_row_is_told_with_its_name(metrics: dict[str, list[float]], found: Found) -> None:
    (one,) = found(metrics=metrics, confusion=[[0, 105], [0, 258]])
    assert one.kind == "one_class"
    assert "'nein'" in one.finding
    assert "363 of 363" in one.evidence
    assert "metric=[accuracy,balanced_accuracy]" in one.evidence
    assert one.attempt == "trainer.class_weight=balanced"


def test_a_rare_class_that_is_found_is_no_fault(found: Found) -> None:
    assert found(confusion=[[5, 0], [0, 358]]) == []
    assert [each.kind for each in found(confusion=[[0, 5], [0, 358]])] == ["one_class"]


def test_time_to_learn_is_advised_where_weights_are_there_already(found: Found) -> None:
    (one,) = found("data=moons trainer.class_weight=balanced", confusion=[[105, 0], [258, 0]])
    assert "'ja'" in one.finding
    assert one.attempt == "trainer.epochs=20"


def test_few_rows_are_not_judged(found: Found) -> None:
    assert found(confusion=[[0, 2], [0, 2]], samples={"train": 12, "validation": 4, "test": 4}) == []


def test_an_accuracy_that_a_guess_has_is_told_without_the_confusion(found: Found) -> None:
    scores = {"restored_val_accuracy": 0.697, "test_accuracy": 0.7}
    (one,) = found(scores=scores)
    assert one.kind == "no_better_than_guess"
    assert "0.7 in test, where the guess has 0.711" in one.evidence
    assert [each.kind for each in found(scores=scores | {"test_accuracy": 0.725})] == ["no_better_than_guess"]
    assert found(scores=scores | {"test_accuracy": 0.75}) == []
    assert found("data=moons trainer.class_weight=balanced", scores=scores) == [], "weights cost accuracy"
