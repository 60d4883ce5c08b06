"""The rules of the diagnosis at their edges, on curves made by hand; what it reads from a journal; what it advises."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dlrun.analysis.diagnosis.curves import Curves, curves_of
from dlrun.analysis.diagnosis.diagnose import diagnose
from dlrun.analysis.diagnosis.finding import Finding
from dlrun.analysis.diagnosis.mends import Mends
from dlrun.planning import Planner
from dlrun.tracking.journal import Event

Tries = Callable[..., list[str]]
Kinds = Callable[..., list[str]]
LN10 = math.log(10)


@pytest.fixture(scope="module")
def planner(tmp_path_factory: pytest.TempPathFactory) -> Planner:
    return Planner(tmp_path_factory.mktemp("plan"))


@pytest.fixture
def findings(planner: Planner) -> Callable[..., list[Finding]]:
    """What is found for curves, of a run that words make."""

    def found(words: str = "data=digits", **facts: Any) -> list[Finding]:
        (run,) = planner.plan(words.split(), sweep=False).runs
        given = {"status": "finished", "guess": {"loss": LN10}, "samples": {"train": 1000}, "parameters": 5000, **facts}
        return diagnose(Curves(run.spec, **given), Mends(run.spec, planner.catalog))

    return found


@pytest.fixture
def kinds(findings: Callable[..., list[Finding]]) -> Kinds:
    """The kinds of the findings."""
    return lambda *words, **facts: [each.kind for each in findings(*words, **facts)]


@pytest.fixture
def tries(findings: Callable[..., list[Finding]]) -> Tries:
    """What is advised."""
    return lambda *words, **facts: [each.attempt for each in findings(*words, **facts)]


def falling(begin: float, end: float, epochs: int = 20) -> list[float]:
    return [end + (begin - end) * 0.7**epoch for epoch in range(epochs)]


def metrics(loss: list[float], validation: list[float] | None = None, **more: list[float]) -> dict[str, list[float]]:
    return {"loss": loss, "val_loss": validation or loss, **more}


def test_a_falling_curve_is_healthy(kinds: Kinds) -> None:
    assert kinds(metrics=metrics(falling(2.3, 0.1))) == []


def test_validation_better_than_training_is_healthy(kinds: Kinds) -> None:
    assert kinds("model.dropout=0.5", metrics=metrics(falling(2.3, 0.5), falling(2.0, 0.1))) == []


@pytest.mark.parametrize(("last", "expected"), [(0.5, []), (1.5, ["overfitting"])])
def test_overfitting_is_rising_far_while_training_falls(last: float, expected: list[str], kinds: Kinds) -> None:
    validation = [*falling(2.3, 0.4, 10), *(0.4 + (last - 0.4) * step / 10 for step in range(1, 11))]
    assert kinds(metrics=metrics(falling(2.3, 0.01), validation)) == expected


def test_overfitting_is_told_of_a_long_run_that_ends_at_a_small_loss(
    findings: Callable[..., list[Finding]],
) -> None:
    validation = [*falling(2.3, 0.128, 50), *(0.128 + (0.4706 - 0.128) * step / 500 for step in range(1, 501))]
    validation[500] = 1.48  # a spike
    (found,) = findings("data=digits callback=[]", metrics=metrics(falling(2.3, 7e-8, 550), validation))
    assert found.kind == "overfitting"
    assert "0.128 in epoch 50 and 0.471 in epoch 550" in found.evidence


WINE = [1.97, 0.82, 0.08]  # of the validation part, at a rate of 0.1


@pytest.mark.parametrize(
    ("later", "expected"),
    [
        ([1.95], []),
        ([0.5, 1.2], []),
        ([0.6, 1.0, 1.4], ["overfitting"]),
        ([1.95, 0.5, 1.8, 0.6], []),  # to and fro
        ([0.6, 1.0, 0.1], []),  # back
    ],
)
def test_overfitting_takes_several_epochs_that_stay_above_the_best(
    later: list[float], expected: list[str], kinds: Kinds
) -> None:
    validation = [*WINE, *later]
    loss = falling(2.0, 0.01, len(validation))
    assert kinds("data=wine callback=[]", guess={"loss": math.log(3)}, metrics=metrics(loss, validation)) == expected


def test_where_the_training_loss_came_from_is_told_as_it_was(findings: Callable[..., list[Finding]]) -> None:
    loss = [2.0, 1.0, 0.3, 0.1, 0.15, 0.163]  # lower once, and below that of the best epoch at the end
    validation = [2.0, 1.0, 0.4, 1.0, 1.4, 1.8]
    (found,) = findings(metrics=metrics(loss, validation))
    assert found.kind == "overfitting"
    assert found.evidence.endswith("while the training loss went from 0.3 to 0.163")


SLOW = [2.30 - 0.012 * epoch for epoch in range(8)]


def test_a_rate_that_is_too_low_is_raised_tenfold_at_most(tries: Tries) -> None:
    slow = metrics(SLOW)
    assert tries("data=digits optimizer=sgd", metrics=slow) == ["optimizer.learning_rate=0.1"]
    flat = metrics([2.30 - 1e-4 * epoch for epoch in range(8)])
    assert tries("data=digits optimizer=sgd", metrics=flat) == ["optimizer.learning_rate=0.1"]
    assert tries("data=digits optimizer.learning_rate=1e-5", metrics=flat) == ["optimizer.learning_rate=0.0001"]
    far = "data=digits optimizer.learning_rate=1e-7"
    assert tries(far, metrics=flat) == ["trainer.lr_finder=true"], "from so far below it is looked for"


def test_a_model_that_learned_its_training_rows_has_begun_to_learn(kinds: Kinds) -> None:
    falls_evenly = [1.9 - 0.09 * epoch for epoch in range(8)]
    assert kinds(metrics=metrics(falls_evenly, [2.5 - 0.05 * epoch for epoch in range(8)])) == []
    assert kinds(metrics=metrics(SLOW, [2.5 - 0.05 * epoch for epoch in range(8)])) == ["learning_rate_too_low"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("data=digits optimizer.learning_rate=1e6", "optimizer.learning_rate=0.001"),
        ("data=digits optimizer=sgd optimizer.learning_rate=1e6", "optimizer.learning_rate=0.01"),
        ("data=digits optimizer=sgd optimizer.learning_rate=1", "optimizer.learning_rate=0.01"),
        ("data=digits optimizer.learning_rate=0.05", "optimizer.learning_rate=0.0005"),
    ],
)
def test_a_rate_that_is_far_too_high_becomes_the_options_own(words: str, expected: str, tries: Tries) -> None:
    assert tries(words, metrics=metrics([100.0] * 8)) == [expected]
    if "1e6" in words:
        assert tries(words, metrics=metrics([2.3, 1e21]), status="diverged") == [expected]


STUCK = [2.297, 2.318, 2.286, 2.304, 2.321, 2.314, 2.313, 2.314]


def test_stuck_is_stuck_where_one_epoch_dipped_in_validation(kinds: Kinds) -> None:
    chance = [2.31] * 8
    assert kinds(metrics=metrics(STUCK, [*chance[:2], 2.0586, *chance[3:]])) == ["stuck_at_chance"]
    assert kinds(metrics=metrics(STUCK, [*chance[:2], *[2.0] * 6])) == [], "validation learns: dropout, for one"
    assert kinds(metrics=metrics(STUCK, [*chance[:6], 2.0, 1.9])) == [], "it begins to"


def test_a_spike_that_training_recovers_from_is_no_finding(kinds: Kinds) -> None:
    assert kinds(metrics=metrics([100.0, *falling(2.3, 0.05)])) == []
    assert kinds(metrics=metrics([100.0, *falling(2.5, 2.4)])) == ["learning_rate_too_high"]


def test_a_large_loss_at_the_start_is_not_blamed_on_the_rate_where_something_else_makes_it(kinds: Kinds) -> None:
    thrown = metrics([100.0, *falling(2.5, 2.4)])
    for words in ("regularizer=l2", "initializer=random_normal", "data=wine preprocess=none"):
        assert "learning_rate_too_high" not in kinds(words, metrics=thrown)


def test_the_loss_of_unweighted_guesses_is_no_yardstick_under_class_weights(kinds: Kinds) -> None:
    flat = metrics([LN10] * 20)
    assert kinds(metrics=flat) == ["stuck_at_chance"]
    assert kinds("trainer.class_weight=balanced", metrics=flat) == []
    assert kinds(metrics=flat, guess={"loss": None}) == []


def test_a_cross_entropy_of_no_probabilities_stays_high(kinds: Kinds) -> None:
    assert kinds(metrics=metrics([14.5] * 12)) == ["head_loss_mismatch"]


def test_probabilities_that_are_squashed_again_stay_at_their_floor(kinds: Kinds) -> None:
    floor = math.log(1 + 9 / math.e)  # 1.461: softmax of a one-hot answer
    sure = {"accuracy": [0.99] * 12, "val_accuracy": [0.98] * 12}
    assert kinds(metrics=metrics(falling(2.3, floor + 0.01, 12), **sure)) == ["head_loss_mismatch"]
    assert kinds(metrics=metrics(falling(2.3, 0.05, 12), **sure)) == []


def test_the_majority_class(kinds: Kinds) -> None:
    guess = {"loss": 0.5, "accuracy": {"train": 0.8, "validation": 0.78}}
    curves = {**metrics(falling(0.6, 0.45)), "accuracy": [0.8] * 20}
    assert kinds("data=moons", guess=guess, metrics={**curves, "val_accuracy": [0.78] * 20}) == ["majority_class"]
    better = {**curves, "accuracy": [0.85] * 20, "val_accuracy": [0.84] * 20}
    assert kinds("data=moons", guess=guess, metrics=better) == []


def test_the_first_epoch_was_the_best(kinds: Kinds) -> None:
    rising = [1.0 + 0.001 * epoch for epoch in range(15)]
    assert kinds(metrics=metrics(falling(1.5, 0.95, 15), rising)) == ["best_was_first"]


def test_gradients_that_fade_harm_only_where_little_is_learned(kinds: Kinds) -> None:
    fading = {"gradient_norm": {epoch: {"first": 1e-5, "middle": 1e-3, "last": 1.0} for epoch in range(20)}}
    assert "vanishing_gradients" in kinds(metrics=metrics([LN10] * 20), probes=fading)
    assert kinds(metrics=metrics(falling(2.3, 0.1)), probes=fading) == []


def test_dead_units_of_half_a_layer(kinds: Kinds) -> None:
    flat = metrics([LN10] * 20)
    for share, expected in ((0.3, False), (0.6, True)):
        probes = {"dead_units": {20: {"a": 0.1, "b": share}}}
        assert ("dead_units" in kinds(metrics=flat, probes=probes)) is expected


def test_what_did_not_end_of_itself_is_not_judged(kinds: Kinds) -> None:
    for status in ("pruned", "interrupted", "failed", "running"):
        assert kinds(status=status, metrics=metrics([LN10] * 20)) == []
    assert kinds(metrics={}) == []


def events(*found: tuple[str, dict[str, Any]]) -> list[Event]:
    return [Event(seq, float(seq), name, fields) for seq, (name, fields) in enumerate(found)]


def test_curves_are_those_of_the_last_attempt(planner: Planner) -> None:
    (run,) = planner.plan(["+probe@probe.mine=gradient_norm"], sweep=False).runs
    told = events(
        ("start", {"attempt": 1, "epochs": 3}),
        ("epoch", {"epoch": 1, "metrics": {"loss": 9.0}}),
        ("start", {"attempt": 2, "epochs": 3}),
        ("data", {"guess": {"loss": 2.0}, "samples": {"train": 7}}),
        ("model", {"parameters": 5}),
        ("probe", {"epoch": 0, "probe": "mine", "values": {"a": 1.0}}),
        ("epoch", {"epoch": 1, "metrics": {"loss": 1.0}}),
        ("probe", {"epoch": 1, "probe": "mine", "values": {"a": 0.5}}),
        ("epoch", {"epoch": 2, "metrics": {"loss": 0.5}}),
        ("end", {"status": "finished", "cause": None}),
    )
    curves = curves_of(told, run.spec)
    assert (curves.status, curves.planned, curves.parameters, curves.samples) == ("finished", 3, 5, {"train": 7})
    assert curves.metrics == {"loss": [1.0, 0.5]}
    assert curves.probes == {"gradient_norm": {0: {"a": 1.0}, 1: {"a": 0.5}}}, "by option, whatever it is called"
    assert curves.explained(0.5) == 0.75


@pytest.mark.parametrize(
    ("words", "changes", "expected"),
    [
        ("", [("model.dropout", 0.5)], "model.dropout=0.5"),
        ("model.dropout=0.5", [("model.dropout", 0.5), ("regularizer", "l2")], "regularizer=l2"),  # changes nothing
        ("model=linear", [("model.dropout", 0.5), ("model.batch_norm", True)], ""),  # a linear model reads neither
        ("model=linear", [("activation", "relu"), ("model", "mlp")], "model=mlp"),
        (
            "regularizer=l2 regularizer.l2=0.3",
            [("regularizer", "none"), ("regularizer.l2", 1e-4)],
            "regularizer.l2=0.0001",
        ),
        ("callback=[]", [("callback", ["early_stopping"])], "callback=[early_stopping]"),
        ("schedule=polynomial schedule.end_learning_rate=0.0005", [("optimizer.learning_rate", 1e-4)], ""),
        ("trainer.epochs=50", [("trainer.epochs", 150)], "trainer.epochs=150"),
        ("", [("trainer.nonsense", 1), ("nonsense", "x"), ("trainer.lr_finder", True)], "trainer.lr_finder=true"),
    ],
)
def test_advice_is_what_the_run_would_accept(
    words: str, changes: list[tuple[str, Any]], expected: str, planner: Planner
) -> None:
    (run,) = planner.plan(words.split(), sweep=False).runs
    assert Mends(run.spec, planner.catalog).first(*changes) == expected
    if expected:
        planner.plan([*words.split(), expected], sweep=False)


def test_rates_are_round(planner: Planner, tmp_path: Path) -> None:
    (run,) = planner.plan(["optimizer.learning_rate=0.003"], sweep=False).runs
    mends = Mends(run.spec, planner.catalog)
    assert mends.first(mends.learning_rate(0.1)) == "optimizer.learning_rate=0.0003"
    assert mends.wider() == ("model.hidden", [128, 128])


def test_a_forecast_that_needs_no_model_must_be_beaten(kinds: Kinds) -> None:
    """The least of the naive forecasts counts, on the validation part."""
    naive = {"last value": {"train": 0.1, "validation": 0.4}, "value of a season before": {"validation": 0.2}}
    guess = {"loss": 1.0, "naive": naive}
    for least, expected in ((0.25, ["no_better_than_naive"]), (0.15, [])):
        curve = [least + 0.5 * 0.5**epoch for epoch in range(30)]
        metrics = {"loss": curve, "val_loss": [least, *curve[1:]]}
        found = kinds("data=diabetes", guess=guess, metrics=metrics)
        assert ("no_better_than_naive" in found) == bool(expected), found
