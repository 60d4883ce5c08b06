"""Which runs are the same run: properties of the ids, on specs as the planner makes them."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dlrun.config.catalog import Catalog
from dlrun.config.identity import run_and_trial_id, run_id, sweep_id
from dlrun.config.roots import Roots
from dlrun.config.spec import REPLICATE_KEYS, Spec, flatten
from dlrun.planning import PlannedRun, Planner

Plan = Callable[..., PlannedRun]

# As the design has it, and said here once more: what is left out by mistake makes two runs one.
LEFT_OUT = {"tracking", "launcher", "search", "lab", "name", "tags", "checkpoint", "preflight"}
LEFT_OUT_OF_TRAINER = {"engine", "threads", "device", "lr_finder"}

TABLE = "a,b,kind\n" + "".join(f"{i},{i * 0.5},{'yes' if i % 2 else 'no'}\n" for i in range(10))


@pytest.fixture
def plan(work: Path) -> Plan:
    """`plan("seed=1", ...)`: the run, by a planner of its own, as another command would have it."""

    def one(*words: str) -> PlannedRun:
        (run,) = Planner(work).plan(words, sweep=False).runs
        return run

    return one


@pytest.fixture(scope="module")
def default(tmp_path_factory: pytest.TempPathFactory) -> tuple[Spec, Catalog]:
    planner = Planner(tmp_path_factory.mktemp("work"))
    words = ["split=kfold", "callback=[early_stopping]", "regularizer=l2", "schedule=cosine"]
    return planner.plan(words, sweep=False).runs[0].spec, planner.catalog


def test_the_same_words_are_the_same_run(plan: Plan) -> None:
    first, second = plan("model=cnn", "seed=3"), plan("model=cnn", "seed=3")
    assert first.id == second.id
    assert len(first.id) == 16
    assert int(first.id, 16) >= 0


WORDS = ["seed=3", "model.dropout=0.5", "optimizer=sgd", "optimizer.momentum=0.9", "data=iris", "callback=[]"]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.permutations(WORDS))
def test_the_order_of_words_does_not_matter(plan: Plan, words: list[str]) -> None:
    assert plan(*words).id == plan(*WORDS).id


@pytest.mark.parametrize(
    "word",
    [
        "tracking=none",
        "tracking.experiment=other",
        "name=mine",
        "+tags.note=x",
        "lab={question: why}",
        "trainer.engine=fit",
        "trainer.threads=2",
        "trainer.device=cpu",
        "trainer.lr_finder=true",
    ],
)
def test_how_a_run_is_recorded_and_scheduled_does_not_matter(word: str, plan: Plan) -> None:
    assert plan("data=iris", word).id == plan("data=iris").id


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("optimizer.learning_rate=1", "optimizer.learning_rate=1.0"),
        ("optimizer.learning_rate=1e-2", "optimizer.learning_rate=0.01"),
        ("optimizer.clipnorm=2", "optimizer.clipnorm=2.0"),
        ("model.dropout=0", "model.dropout=0.0"),
        ("optimizer=adam", "seed=0"),
        ("loss=auto", "loss=sparse_categorical_crossentropy"),
        ("metric=[auto]", "metric=[accuracy]"),
        ("callback=[]", "~callback.early_stopping"),
    ],
)
def test_what_means_the_same_is_the_same_run(one: str, other: str, plan: Plan) -> None:
    assert plan(one).id == plan(other).id


def changed(key: str, value: Any, catalog: Catalog) -> Any:
    """Another value for a key of a spec."""
    if key.endswith(".option"):
        return next((name for name in catalog.names(key.split(".")[0]) if name != value), value)
    if isinstance(value, bool):
        return not value
    if isinstance(value, Mapping):
        return {**value, "more": 1}
    if isinstance(value, list):
        return [*value, 1]
    return f"{value}x" if isinstance(value, str) else (value or 0) + 1


def with_value(spec: Mapping[str, Any], key: str, value: Any) -> dict[str, Any]:
    first, _, rest = key.partition(".")
    return {**spec, first: with_value(spec[first], rest, value) if rest else value}


def is_identity(key: str) -> bool:
    group, _, name = key.partition(".")
    return group not in LEFT_OUT and not (group == "trainer" and name in LEFT_OUT_OF_TRAINER)


def test_every_key_of_a_spec_counts_but_the_ones_that_are_named(default: tuple[Spec, Catalog]) -> None:
    spec, catalog = default
    before = run_id(spec, catalog)
    keys = {key: value for key, value in flatten(spec).items() if changed(key, value, catalog) != value}
    assert len(keys) > 50
    counted = set()
    for key, value in keys.items():
        other = Spec(with_value(spec, key, changed(key, value, catalog)))
        if run_id(other, catalog) != before:
            counted.add(key)
    assert counted == {key for key in keys if is_identity(key)}


def test_a_trial_is_the_runs_that_differ_in_replicate_keys_only(default: tuple[Spec, Catalog]) -> None:
    spec, catalog = default
    before = run_and_trial_id(spec, catalog)[1]
    for key, value in flatten(spec).items():
        other = Spec(with_value(spec, key, changed(key, value, catalog)))
        repeats = key in REPLICATE_KEYS or not is_identity(key) or other == spec
        assert (run_and_trial_id(other, catalog)[1] == before) is repeats, key
    assert set(REPLICATE_KEYS) - {"split.inner_fold"} <= set(flatten(spec))


def test_a_trial_is_told_without_changing_the_spec(default: tuple[Spec, Catalog]) -> None:
    spec, catalog = default
    before = spec.to_json()
    run_and_trial_id(spec, catalog)[1]
    assert spec.to_json() == before


def test_a_sweep_is_its_runs_in_any_order() -> None:
    assert sweep_id(["a", "b"]) == sweep_id(["b", "a"]) == sweep_id({"b", "a"})
    assert sweep_id(["a", "b"]) != sweep_id(["a", "c"])


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_a_file_counts_by_its_content(plan: Plan, work: Path) -> None:
    write(work / "a.csv", TABLE)
    before = plan("data=csv", "data.path=a.csv").id
    assert str(work) not in plan("data=csv", f"data.path={work / 'a.csv'}").id
    assert plan("data=csv", f"data.path={work / 'a.csv'}").id == before
    write(work / "deep" / "b.csv", TABLE)
    assert plan("data=csv", "data.path=deep/b.csv").id == before, "the same content in another place"
    os.utime(work / "a.csv", (1, 1))
    assert plan("data=csv", "data.path=a.csv").id == before, "the same content at another time"
    write(work / "a.csv", TABLE.replace("4.5", "4.6"))
    assert plan("data=csv", "data.path=a.csv").id != before, "other content"


def test_generated_data_counts_by_its_version(work: Path) -> None:
    planner = Planner(work)
    (run,) = planner.plan(["data=moons"], sweep=False).runs
    assert run_id(run.spec, planner.catalog) == run.id
    moons = planner.catalog.get("data", "moons")
    assert moons.facts["version"] == 1
    newer = replace(moons, facts={**moons.facts, "version": 2})
    planner.catalog._options["data", "moons"] = newer
    assert run_id(run.spec, planner.catalog) != run.id


def test_the_order_of_keys_in_a_spec_does_not_matter(default: tuple[Spec, Catalog]) -> None:
    spec, catalog = default

    def reversed_keys(node: Any) -> Any:
        if isinstance(node, Mapping):
            return {key: reversed_keys(node[key]) for key in reversed(list(node))}
        return node

    assert run_id(Spec(reversed_keys(spec)), catalog) == run_id(spec, catalog)
    assert list(reversed_keys(spec)) != list(spec)


def test_a_component_of_ones_own_counts_by_its_source(plan: Plan, work: Path) -> None:
    write(work / "conf" / "project.yaml", "")
    write(
        work / "conf" / "optimizer" / "mine.yaml",
        "# Mine\n_target_: mine.rules.Rule\nlearning_rate: 0.1   # (0, inf): step size\n",
    )
    write(work / "mine" / "rules.py", "def Rule(learning_rate): ...\n")
    write(work / "mine" / "other.py", "")
    before = plan("optimizer=mine").id
    packaged_before = plan("optimizer=sgd").id
    write(work / "mine" / "other.py", "changed = True\n")
    assert plan("optimizer=mine").id == before, "a module that nothing chosen is built from"
    write(work / "mine" / "rules.py", "def Rule(learning_rate):\n    changed = True\n")
    assert plan("optimizer=mine").id != before
    assert plan("optimizer=sgd").id == packaged_before


def test_a_component_counts_where_it_is_nested(work: Path, plan: Plan) -> None:
    write(work / "conf" / "project.yaml", "")
    write(
        work / "conf" / "metric" / "mine.yaml", "# Mine\n_target_: mine.Metric\n_goal_: max\nname: mine   # str: name\n"
    )
    write(work / "mine.py", "def Metric(name): ...\n")
    before = plan("metric=[mine]").id
    write(work / "mine.py", "def Metric(name):\n    changed = True\n")
    assert plan("metric=[mine]").id != before


def by_the_book(spec: Spec, catalog: Catalog, without: tuple[str, ...] = ()) -> str:
    """A run's id as the documentation has it, of data without files outside a project."""
    kept: dict[str, Any] = {key: node for key, node in spec.items() if key not in LEFT_OUT and key not in without}
    kept["trainer"] = {key: value for key, value in spec["trainer"].items() if key not in LEFT_OUT_OF_TRAINER}
    kept["split"] = {key: value for key, value in spec["split"].items() if f"split.{key}" not in without}
    kept["components"] = []
    for group, node in kept.items():
        if isinstance(node, Mapping) and "version" in (
            facts := catalog.get(group, node["option"]).facts if "option" in node else {}
        ):
            kept[group] = node | {"version": facts["version"]}
    kept["data"] = {key: value for key, value in kept["data"].items() if key != "stream"}
    text = json.dumps(kept, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def test_ids_are_what_the_documentation_says_for_each_run_of_a_sweep(work: Path) -> None:
    planner = Planner(work)
    words = ["optimizer=adam,sgd", "optimizer.learning_rate=1,0.1", "split=kfold", "split.fold=0,1", "seed=0,1"]
    for more in (["data=moons"], ["data=digits", "name=mine", "trainer.threads=2", "callback=[]"]):
        for run in planner.plan([*words, *more], sweep=True).runs:
            assert run.id == by_the_book(run.spec, planner.catalog)
            assert run.trial == by_the_book(run.spec, planner.catalog, without=REPLICATE_KEYS)


def test_ids_are_of_content_and_not_of_where_dlrun_lies(default: tuple[Spec, Catalog], tmp_path: Path) -> None:
    spec, catalog = default
    assert run_id(spec, Catalog(Roots.of(tmp_path))) == run_id(spec, catalog)


def test_a_layer_named_inside_a_model_counts_by_its_file_its_module_and_what_that_imports(
    plan: Plan, work: Path
) -> None:
    write(work / "conf" / "project.yaml", "")
    write(work / "conf" / "layer" / "outer.yaml", "# A block\nunits: 8   # [1, inf): width\nlayers: [inner: $units]\n")
    write(
        work / "conf" / "layer" / "inner.yaml",
        "# A layer\n_target_: mine.layers.Inner\nunits: ???   # int [1, inf): width\nscale: 1.0   # (0, inf): factor\n",
    )
    write(work / "mine" / "layers.py", "from mine import maths\n\n\ndef Inner(units, scale, **kwargs): ...\n")
    write(work / "mine" / "maths.py", "ONE = 1\n")
    words = ("data=iris", "model=linear", "model.layers=[flatten,outer]")
    ids = [plan(*words).id]
    for file, old, new in (
        ("conf/layer/outer.yaml", "units: 8", "units: 9"),
        ("conf/layer/inner.yaml", "scale: 1.0", "scale: 2.0"),
        ("mine/layers.py", ": ...", ":\n    x = 1"),
        ("mine/maths.py", "ONE = 1", "ONE = 2"),
    ):
        path = work / file
        path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
        ids.append(plan(*words).id)
    assert len(set(ids)) == 5
