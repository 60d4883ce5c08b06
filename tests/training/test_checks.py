"""Contradictions are found without TensorFlow, all at once, each with its mend."""

import subprocess
import sys

import pytest

from dlrun.training.checks import check

FIT = {"epochs": 10}
STOP = "early_stopping"
RULES = [
    # what is chosen, the keys complained about, a word of the message
    ({"loss": "mean_squared_error"}, ["loss"], "multiclass"),
    ({"task": "regression", "loss": "binary_crossentropy"}, ["loss"], "mean_absolute_error"),
    ({"metric": ["accuracy", "r2"]}, ["metric.r2"], "accuracy"),
    ({"metric": {"top_k": {"option": "top_k", "k": 3}}}, ["metric.top_k.k"], "number of classes, 3"),
    (
        {"metric": {"a": {"option": "accuracy"}, "b": {"option": "accuracy"}}},
        ["metric.a.name", "metric.b.name"],
        "no other metric",
    ),
    ({"metric": {"a": {"option": "accuracy", "name": "val_a"}}}, ["metric.a.name"], "val_"),
    ({"metric": {"a": {"option": "accuracy", "name": "loss"}}}, ["metric.a.name"], "must not be loss"),
    ({"optimizer": {"option": "adam", "clipnorm": 1.0, "clipvalue": 0.5}}, ["optimizer.clipvalue"], "clipnorm"),
    ({"optimizer": {"option": "sgd", "nesterov": True}}, ["optimizer.nesterov"], "momentum=0.9"),
    ({"schedule": {"option": "cosine", "warmup_epochs": 10.0}}, ["schedule.warmup_epochs"], "10 epochs"),
    (
        {"schedule": {"option": "polynomial", "end_learning_rate": 0.5}},
        ["schedule.end_learning_rate"],
        "optimizer.learning_rate, 0.001",
    ),
    ({"schedule": "cosine", "callback": ["reduce_lr_on_plateau"]}, ["callback.reduce_lr_on_plateau"], "constant"),
    (
        {"callback": {"p": {"option": "reduce_lr_on_plateau", "min_lr": 0.1}}},
        ["callback.p.min_lr"],
        "smaller than optimizer.learning_rate",
    ),
    (
        {"callback": {STOP: {"option": STOP, "monitor": "val_acuracy"}}, "metric": ["accuracy"]},
        ["callback.early_stopping.monitor"],
        "callback.early_stopping.monitor=val_accuracy",
    ),
    ({"trainer": {**FIT, "monitor": "val_auc"}}, ["trainer.monitor"], "There are: loss, val_loss"),
    (
        {"callback": {STOP: {"option": STOP, "monitor": "val_accuracy", "mode": "min"}}, "metric": ["accuracy"]},
        ["callback.early_stopping.mode"],
        "max",
    ),
    (
        {"callback": {STOP: {"option": STOP, "start_from_epoch": 10}}},
        ["callback.early_stopping.start_from_epoch"],
        "never acts",
    ),
    (
        {
            "callback": {STOP: {"option": STOP}, "checkpoint": {"option": "checkpoint", "monitor": "val_accuracy"}},
            "metric": ["accuracy"],
        },
        ["callback.checkpoint.monitor"],
        "both keep",
    ),
]


@pytest.mark.parametrize(("chosen", "keys", "word"), RULES)
def test_a_contradiction_is_told_with_its_mend(chosen, keys, word, make_spec, catalog):
    problems = check(make_spec(**{"trainer": FIT, **chosen}), catalog)
    assert [problem.key for problem in problems] == keys
    assert word in str(problems[0])
    assert all(problem.rule.startswith("must") and problem.mend for problem in problems)


def test_all_contradictions_come_at_once(make_spec, catalog):
    spec = make_spec(
        loss="mean_squared_error",
        optimizer={"option": "sgd", "nesterov": True},
        schedule={"option": "cosine", "warmup_epochs": 999.0},
        trainer={"monitor": "val_auc"},
    )
    keys = {problem.key for problem in check(spec, catalog)}
    assert keys == {"loss", "optimizer.nesterov", "schedule.warmup_epochs", "trainer.monitor"}


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_what_follows_the_task_contradicts_nothing(task, make_spec, catalog):
    metrics = catalog.get("metric", "auto").facts["by_task"][task]
    spec = make_spec(task, metric=metrics, callback=["early_stopping", "checkpoint", "reduce_lr_on_plateau"])
    assert check(spec, catalog) == []


def test_the_checks_need_no_tensorflow():
    code = (
        "import sys, dlrun.training.checks, dlrun.training.rundir, dlrun.training.environment, dlrun.training.process;"
    )
    code += "print([m for m in ('tensorflow', 'keras', 'mlflow', 'pandas', 'sklearn') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
