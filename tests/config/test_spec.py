"""Specs: what is resolved, what stays as written, and in which form."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from dlrun.config.catalog import Catalog
from dlrun.config.spec import Spec, flatten, follow_task, normalised, plain
from dlrun.data.dataset import TASKS
from dlrun.planning import Planner


def test_interpolations_are_resolved_and_the_environment_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLRUN_TEST_KEY", "hush")
    config = OmegaConf.create(
        {"a": 1, "b": "${a}", "c": ["${b}", {"d": "x${a}"}], "need": "???"}
        | {"tracking": {"key": "${oc.env:DLRUN_TEST_KEY}"}}
    )
    values, problems = plain(config)
    expected = {"a": 1, "b": 1, "c": [1, {"d": "x1"}], "tracking": {"key": "${oc.env:DLRUN_TEST_KEY}"}, "need": "???"}
    assert values == expected
    assert problems == []


@pytest.mark.parametrize(
    ("text", "says"),
    [("${nothing}", "'nothing' not found"), ("${oc.env:DLRUN_NONE}", "'DLRUN_NONE' not found")],
)
def test_what_does_not_resolve_is_a_problem_at_its_key(text: str, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DLRUN_NONE", raising=False)
    values, (problem,) = plain(OmegaConf.create({"a": {"b": [text]}}))
    assert values == {"a": {"b": [text]}}
    assert (problem.key, problem.got) == ("a.b.0", f"'{text}'")
    assert says in problem.rule


@pytest.mark.parametrize("call", ["${nope:1}", "${oc.${name}:DLRUN_NONE}", "${oc.env:DLRUN_NONE,${nope:1}}"])
def test_a_resolver_of_nobody_is_not_called(call: str) -> None:
    values, (problem,) = plain(OmegaConf.create({"name": "env", "a": [call], "b": "${a}"}))
    assert values == {}, "what refers to it would call it"
    assert (problem.key, problem.got) == ("a.0", f"'{call}'")


SECRETS = [
    "${oc.env:DLRUN_CANARY}",
    "${tracking.uri}",
    "x${tracking.uri}y",
    "${a.chain}",
    "${oc.select:tracking.uri}",
    "${oc.decode:${oc.env:DLRUN_CANARY}}",
    "${oc.decode:'${tracking.uri}'}",
    "${oc.create:{x: '${tracking.uri}'}}",
    "${oc.dict.values:tracking}",
    "${tracking}",
]


@pytest.mark.parametrize("text", SECRETS)
def test_a_secret_stays_where_it_was_put(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLRUN_CANARY", "hush")
    config = {"tracking": {"uri": "http://me:${oc.env:DLRUN_CANARY}@x"}, "a": {"chain": "${tracking.uri}"}, "b": text}
    values, problems = plain(OmegaConf.create(config))
    assert "hush" not in str(values) + str(problems)
    assert values["tracking"] == config["tracking"]
    assert {problem.key for problem in problems} >= {"a.chain"}
    assert any(problem.key.startswith("b") for problem in problems)


def test_a_secret_is_written_by_name_and_used_by_value(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLRUN_TEST_STORE", "http://user:hush@127.0.0.1:1")
    (run,) = Planner(work).plan(["tracking.uri=${oc.env:DLRUN_TEST_STORE}"], sweep=False).runs
    assert "hush" not in run.spec.to_json()
    assert run.spec["tracking"]["uri"] == "${oc.env:DLRUN_TEST_STORE}"
    assert run.spec.with_secrets()["tracking"]["uri"] == "http://user:hush@127.0.0.1:1"
    path = work / "spec.json"
    path.write_text(run.spec.to_json(), encoding="utf-8")
    assert Spec.read(path) == run.spec


def test_auto_follows_the_task(catalog: Catalog) -> None:
    draft = {"loss": {"option": "auto"}, "metric": {"auto": {"option": "auto"}}, "seed": 3}
    found = {}
    for task in TASKS:
        followed = follow_task(draft, catalog, task)
        found[task] = (followed["loss"]["option"], sorted(followed["metric"]))
        assert all(node["option"] == entry for entry, node in followed["metric"].items())
        assert followed["metric"]["accuracy"]["name"] == "accuracy" if "accuracy" in followed["metric"] else True
    assert found == {
        "binary": ("binary_crossentropy", ["accuracy"]),
        "multiclass": ("sparse_categorical_crossentropy", ["accuracy"]),
        "regression": ("mean_squared_error", ["mean_absolute_error", "r2"]),
        "segmentation": ("sparse_categorical_crossentropy", ["accuracy", "mean_iou"]),
    }
    assert follow_task(draft, catalog, None) == draft
    assert draft["loss"] == {"option": "auto"}, "what was given is left as it was"


def test_what_is_set_beside_auto_goes_to_what_it_becomes(catalog: Catalog) -> None:
    draft: dict[str, Any] = {
        "loss": {"option": "auto", "label_smoothing": 0.1},
        "metric": {"auto": {"option": "auto"}, "accuracy": {"name": "acc"}, "f1": {"option": "f1", "name": "f1"}},
    }
    followed = follow_task(draft, catalog, "binary")
    assert followed["loss"] == {"option": "binary_crossentropy", "label_smoothing": 0.1}
    assert followed["metric"]["accuracy"] == {"option": "accuracy", "name": "acc"}
    assert set(followed["metric"]) == {"accuracy", "f1"}
    draft["metric"] = dict(reversed(draft["metric"].items()))
    assert follow_task(draft, catalog, "binary")["metric"] == followed["metric"], "in any order"


def test_values_have_one_form(catalog: Catalog) -> None:
    nodes = {
        "seed": 3,
        "optimizer": {"option": "sgd", "learning_rate": 1, "clipnorm": None},
        "metric": {"precision": {"option": "precision", "thresholds": 1}},
        "model": {"option": "mlp", "dropout": "$0.5", "hidden": [3]},
    }
    assert repr(normalised(nodes, catalog)) == repr(
        {
            "seed": 3,
            "optimizer": {"option": "sgd", "learning_rate": 1.0, "clipnorm": None},
            "metric": {"precision": {"option": "precision", "thresholds": 1.0}},
            "model": {"option": "mlp", "dropout": "$0.5", "hidden": [3]},
        }
    )


NESTED = st.recursive(
    st.integers() | st.none() | st.lists(st.integers(), max_size=2),
    lambda inner: st.dictionaries(st.text("abc", min_size=1, max_size=2), inner, max_size=3),
)


@given(st.dictionaries(st.text("abc", min_size=1, max_size=2), NESTED, max_size=4))
def test_flat_keys_lead_to_their_values(values: dict[str, Any]) -> None:
    flat = flatten(values)
    for key, value in flat.items():
        node: Any = values
        for part in key.split("."):
            node = node[part]
        assert node == value
        assert not value or not isinstance(value, dict)
