"""Conditions that choose runs."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest

from analysis.synthetic import Project
from dlrun.analysis.runs import RunRecord, read_runs
from dlrun.analysis.where import KEYS, matching, values_of
from dlrun.errors import UserError
from dlrun.tracking.journal import Journal


@pytest.fixture
def runs(project: Project) -> list[RunRecord]:
    """Runs a to e: two learning rates, a failed one, another model, and one of an hour ago with a tag."""
    facts = {"best_epoch": 3, "epochs_run": 5, "parameters": 4000}
    project.run({"optimizer.learning_rate": 0.001}, {"test_accuracy": 0.9, "loss": 0.3}, id="a" * 16, **facts)
    project.run(
        {"optimizer.learning_rate": 0.01, "seed": 1},
        {"test_accuracy": 0.95, "loss": 0.5, "restored_loss": 0.1},
        id="b" * 16,
    )
    project.run({"model.dropout": 0.5}, {}, "failed", id="c" * 16, cause={"kind": "nan", "message": "loss at 2"})
    project.run({"model": {"option": "cnn", "filters": [8, 16]}, "name": "deep"}, {}, id="d" * 16)
    project.run({"tags": {"idea": "old", "x": "1"}}, {}, id="e" * 16, started=time.time() - 3600)
    with Journal(project.work / "runs" / ("e" * 16) / "journal.jsonl") as journal:
        journal.append("labels", tags={"idea": "new"}, note="Try wider", archived=True)
    return read_runs(project.work)


def chosen(runs: Sequence[RunRecord], *conditions: str) -> str:
    return "".join(sorted(run.id[0] for run in matching(runs, conditions)))


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("learning_rate>0.001", "b"),
        ("learning_rate = 1e-2", "b"),
        ("optimizer.learning_rate=0.01,0.1", "b"),
        ("learning_rate!=0.01", "acde"),
        ("status=failed", "c"),
        ("status==finished,failed", "abcde"),
        ("test_accuracy>=0.9", "ab"),
        ("loss<0.2", "b"),  # of the restored epoch
        ("train_loss<=0.3", "ab"),
        ("loss=sparse_categorical_crossentropy", "abcde"),
        ("model=mlp", "abce"),
        ("model~nn", "d"),
        ("hidden=[64,64]", "abce"),
        ("filters=[8, 16]", "d"),
        ("dropout>0", "c"),  # cnn has none
        ("seed=0", "acde"),  # not split.seed
        ("tag.idea=new", "e"),
        ("tag.x=1", "e"),
        ("note~WIDER", "e"),
        ("archived=true", "e"),
        ("name~rate=0.01", "b"),
        ("experiment=deep", "d"),
        ("id=CCC", "c"),
        ("cause~nan", "c"),
        ("epochs_run>4", "a"),
        ("best_epoch=3", "a"),
        ("parameters<1e4", "a"),
        ("age<2h", "e"),
        ("age>=59min", "abcde"),
        ("started>2026-01-02T00:00:00", "e"),
        ("started<2026-01-02", "abcd"),
        ("started=2026", "abcde"),
    ],
)
def test_a_condition(runs: list[RunRecord], condition: str, expected: str) -> None:
    assert chosen(runs, condition) == expected


def test_all_of_several_must_hold(runs: list[RunRecord]) -> None:
    assert chosen(runs, "model=mlp", "learning_rate<0.01", "status=finished") == "ae"
    assert chosen(runs) == "abcde"
    assert matching([], ["no condition at all"]) == []


@pytest.mark.parametrize(
    ("condition", "says"),
    [
        ("learning_rat>1", r"got learning_rat\. Did you mean --where 'learning_rate>1'\?"),
        ("lr=3", r"Did you mean --where 'learning_rate=3'\?"),
        ("test_acuracy>0.5", r"Did you mean --where 'test_accuracy>0.5'\?"),
        ("status=faild", r"got status=faild\. Did you mean --where 'status=failed'\?"),
        ("status=done", r"Choose one of queued, running, finished, "),
        ("tag.idee=x", r"Did you mean tag.idea=x\?"),
        ("tag.qqq=x", r"The tags are idea, x\."),
        ("learning_rate", r"must be KEY OP VALUE in one word.* a shell takes < and > for itself"),
        ("=3", r"must be KEY OP VALUE"),
        ("learning_rate>high", r"must compare with a number behind >; .*learning_rate=high"),
        ("age<2", r"such as 30min, 2h, 3d or 1w; got age<2\."),
        ("age=2h", r"must compare age by < or >"),
        ("started>yesterday", r"a date such as 2026-01-31 .*got started>yesterday"),
        ("option=mlp", r"must name a key"),
        ("{0}=3", r"got \{0\}\."),
    ],
)
def test_a_wrong_one_is_told(runs: list[RunRecord], condition: str, says: str) -> None:
    with pytest.raises(UserError, match=says):
        matching(runs, [condition])


def test_what_is_wrong_is_told_at_once(runs: list[RunRecord]) -> None:
    with pytest.raises(UserError) as told:
        matching(runs, ["learning_rat>1", "model=mlp", "age<2"])
    assert [text.split("; got ")[1].split(".")[0] for text in str(told.value).split("\n\n")] == [
        "learning_rat",
        "age<2",
    ]


def test_a_short_key_is_the_one_that_varies_and_must_be_one(project: Project) -> None:
    for rate in (0.1, 0.2):
        project.run({"layer.dense.dropout": 0.5, "model.dropout": rate}, {})
    runs = read_runs(project.work)
    assert len(matching(runs, ["dropout=0.1"])) == 1
    project.run({"layer.dense.dropout": 0.9, "model.dropout": 0.1}, {})
    says = (
        r"dropout may be model.dropout or layer.dense.dropout\. Write one of them in full: --where 'model.dropout=0.1'"
    )
    with pytest.raises(UserError, match=says):
        matching(read_runs(project.work), ["dropout=0.1"])


def test_what_the_values_are(runs: list[RunRecord]) -> None:
    assert values_of(runs, "learning_rate>1") == "0.001 or 0.01"
    assert values_of(runs, "model=x") == "mlp or cnn"
    assert values_of(runs, "age<1s") == ""


def test_every_own_key_can_be_asked_for(runs: list[RunRecord]) -> None:
    read = {key: {str(of(run)) for run in runs} for key, of in KEYS.items()}
    assert all(len(values) > 1 for values in read.values()), read


def test_a_whole_number_is_that_number(project: Project) -> None:
    largest = 2**32 - 1
    for offset in (0, 1, 2**31):
        project.run({"seed": largest - offset}, {})
    project.run({"seed": 2**60 + 1}, {})
    found = read_runs(project.work)

    def seeds(condition: str) -> list[int]:
        return [run.spec["seed"] for run in matching(found, [condition])]

    assert seeds(f"seed={largest}") == [largest]
    assert seeds(f"seed={largest},{largest - 1}") == [largest, largest - 1]
    assert seeds(f"seed={2**60}") == []
    assert seeds(f"seed={2**60 + 1}") == [2**60 + 1]
    assert seeds(f"seed={2**60 + 1}.0") == []  # as a float it is 2**60
    assert seeds(f"seed>{2**60}") == [2**60 + 1]
    assert seeds("seed=4294967295.0") == [largest]
    assert seeds(f"seed<{'9' * 400}") == [run.spec["seed"] for run in found]


def test_a_number_is_as_near_as_its_text(project: Project) -> None:
    for rate in (0.1 + 0.2, 0.3001, 0.302):
        project.run({"optimizer.learning_rate": rate}, {})
    found = read_runs(project.work)
    assert [run.spec["optimizer.learning_rate"] for run in matching(found, ["learning_rate=0.3"])] == [0.1 + 0.2]


def test_null_is_a_value_and_no_key_is_none(project: Project) -> None:
    project.run({"optimizer.momentum": None}, {}, id="a" * 16)
    project.run({"optimizer.momentum": 0.9}, {"loss": 0.5}, id="b" * 16)
    project.run({}, {}, id="c" * 16)
    found = read_runs(project.work)
    assert chosen(found, "momentum=null") == "a"
    assert chosen(found, "momentum!=null") == "bc"
    assert chosen(found, "momentum~n") == ""
    assert chosen(found, "loss=null") == ""
    assert values_of(found, "momentum=1") == "0.9"
