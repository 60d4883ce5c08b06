"""What every option in conf/ keeps, found by walking the folder: nothing here lists them.

It says what it is, composes, passes the checks, builds, trains a step, and comes back from what was saved of it. The
words that an option needs are read off its rules and facts, so that a new file is held to the contract by being there.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dlrun.config.catalog import LIST_GROUPS, Catalog, Option
from dlrun.config.identity import run_id
from dlrun.config.roots import Roots
from dlrun.config.rules import MISSING, Rule
from dlrun.config.spec import Spec
from dlrun.config.yamlfile import read_yaml
from dlrun.data.declare import declare
from dlrun.errors import ConfigError
from dlrun.planning import PlannedRun, Planner

CATALOG = Catalog(Roots.of(Path("/")))
EVERY = [(group, name) for group in CATALOG.groups for name in CATALOG.names(group)]
every_option = pytest.mark.parametrize(("group", "name"), EVERY, ids=[f"{group}/{name}" for group, name in EVERY])

SMALL = ["trainer.epochs=1", "trainer.batch_size=8", "trainer.device=cpu"]
BITS = ["data=truth_table", "data.inputs=8"]  # whole numbers, as an embedding wants them, in 2 ** 3 columns
ROWS = 3  # an odd number, so that two classes never balance: a model of zeros would have no gradient then
RESHAPED: dict[int, list[Any]] = {1: [], 2: [{"reshape": [4, 2]}], 3: [{"reshape": [2, 2, 2]}]}
VALUES = (4, 0.5, [-1, 2], "text")  # for parameters without a default: the first that the rule takes
FITTING: dict[str, dict[str, Any]] = {
    "layer/group_normalization": {"groups": 2},  # divides the channels, of which there are two here
    "metric/top_k": {"k": 2},  # less than the number of classes: the smallest data has three
}
IN_THE_MODEL = {"data", "preprocess", "augment", "layer", "model"}
IN_THE_MODEL |= {"activation", "initializer", "regularizer", "constraint"}
CSV = "width,height,kind\n" + "".join(f"{i},{i % 5},{'ab'[i % 2]}\n" for i in range(40))
FORMULA = re.compile(r"[a-z]+\(|[a-z] [-+*/] ")


@pytest.fixture(scope="module")
def planner(tmp_path_factory: pytest.TempPathFactory) -> Planner:
    """One planner for all: each option file is read once."""
    folder = tmp_path_factory.mktemp("work")
    (folder / "table.csv").write_text(CSV, encoding="utf-8")
    return Planner(folder)


@cache
def smallest(task: str | None = None) -> list[list[str]]:
    """Words for the data options that need no values of their own, those with the fewest samples first.

    Where a choice of a key gives samples of another shape, with that choice too: images read as sequences.
    """
    found = []
    for name in CATALOG.names("data"):
        option = CATALOG.get("data", name)
        if MISSING not in option.defaults.values():
            declared = declare({"option": name, **option.defaults}, CATALOG)
            if task in (None, declared.task):
                found += [(declared.samples or 0, [f"data={name}", *words]) for words in ([], *reshaped(option))]
    return [words for _, words in sorted(found)]


def reshaped(option: Option) -> Iterator[list[str]]:
    """The choices of a data option's keys that give samples of another number of dimensions."""
    node = {"option": option.name, **option.defaults}
    usual = declare(node, CATALOG).shape
    for key, parameter in option.parameters.items():
        for choice in parameter.rule.choices:
            shape = declare({**node, key: choice}, CATALOG).shape
            if shape is not None and usual is not None and len(shape) != len(usual):
                yield [f"data.{key}={choice}"]


def word(value: Any) -> str:
    """A value in the grammar of the command line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {word(item)}" for key, item in value.items()) + "}"
    return "[" + ", ".join(map(word, value)) + "]" if isinstance(value, list) else str(value)


def value_for(rule: Rule) -> Any:
    return "table.csv" if rule.is_path else next(value for value in VALUES if rule.accepts(value))


def needed(option: Option) -> dict[str, Any]:
    """The parameters that an option must be given."""
    given = {name: value_for(p.rule) for name, p in option.parameters.items() if p.default == MISSING}
    return given | FITTING.get(f"{option.group}/{option.name}", {})


def item_of(option: Option) -> dict[str, Any]:
    """A layer option as an item of a model."""
    if option.facts.get("call") == "list":
        return {"branches": [[], []], "merge": {option.name: needed(option)}}
    return {option.name: needed(option)}


def branch_of(option: Option) -> list[Any]:
    """Layers that lead from a row of eight numbers through the option's layer to a row again."""
    return [*RESHAPED[option.facts.get("rank", 3)], item_of(option), "flatten"]


def chosen(option: Option) -> list[str]:
    """The words that choose an option and give it what it must be given."""
    if option.group == "layer":
        return [f"model.layers={word(branch_of(option))}"]
    is_listed = option.group in LIST_GROUPS
    prefix = f"{option.group}.{option.name}" if is_listed else option.group
    value = f"[{option.name}]" if is_listed else option.name
    looked_at = option.facts.get("looks_at", [])[:1]
    words = [f"activation={name}" for name in looked_at]
    return [
        *words,
        f"{option.group}={value}",
        *(f"{prefix}.{key}={word(value)}" for key, value in needed(option).items()),
    ]


def plans(group: str, name: str, planner: Planner) -> Iterator[PlannedRun]:
    """A checked run with the option, for each task that it says it is for."""
    if group == "experiment":
        yield from planner.plan([f"experiment={name}"], sweep=False).runs
        return
    option = CATALOG.get(group, name)
    tasks = option.facts.get("tasks", list(option.facts.get("by_task", [None])))
    for task in tasks:
        data = [[]] if group == "data" else [BITS] if group == "layer" else smallest(task)
        yield first_fitting(data, [*SMALL, *chosen(option)], planner)


def first_fitting(data: list[list[str]], words: list[str], planner: Planner) -> PlannedRun:
    """The run on the first data that the words can be used with: a model of images wants images."""
    refused = None
    for each in data:
        try:
            (run,) = planner.plan([*each, *words], sweep=False).runs
            return run
        except ConfigError as error:
            refused = error
    assert refused is not None
    raise refused


def one_step(
    run: PlannedRun, catalog: Catalog, folder: Path, with_callbacks: bool = False, eagerly: bool = True
) -> dict[str, Any]:
    """Build what a run says and train a step; the model from raw rows and all that has a config of its own."""
    import keras

    from dlrun import pipeline
    from dlrun.training import saving
    from dlrun.training.objective import Horizon, build_callbacks, build_objective

    ready = pipeline.make_ready(run.spec, catalog)
    prepared, model = ready.prepared, ready.model
    scale = None if prepared.target is None else prepared.target.scale
    objective = build_objective(run.spec, catalog, Horizon(1, 1), scale)
    model.compile(objective.optimizer, objective.loss, metrics=objective.metrics, run_eagerly=eagerly)
    keras.utils.set_random_seed(run.spec["seed"])
    before = model.get_weights()
    x, y = prepared.train.x[:ROWS], prepared.train.y[:ROWS]
    if with_callbacks:
        callbacks = build_callbacks(run.spec, catalog, folder)
        model.fit(x, y, batch_size=ROWS, validation_data=(x, y), callbacks=callbacks, verbose=0)
    else:
        assert np.isfinite(model.train_on_batch(x, y)).all()
    assert int(model.optimizer.iterations) == 1
    assert all(np.isfinite(weights).all() for weights in model.get_weights())
    assert any((old != new).any() for old, new in zip(before, model.get_weights(), strict=True)), "nothing was learned"
    parts = {"optimizer": objective.optimizer, "loss": objective.loss, "metric": objective.metrics}
    return {**parts, "model": saving.assemble(model, prepared), "rows": ready.dataset.x[:ROWS]}


@every_option
def test_it_says_what_it_is(group: str, name: str) -> None:
    path = CATALOG.roots.find(group, name)
    assert path is not None
    description = next(iter(read_yaml(path).header), "")
    assert description[:1].isupper() or FORMULA.match(description), f"{path}: {description!r}"
    if group != "experiment":
        option = CATALOG.get(group, name)
        assert [p.place for p in option.parameters.values() if not p.meaning] == []


@every_option
def test_it_composes_and_is_checked(group: str, name: str, planner: Planner) -> None:
    for run in plans(group, name, planner):
        spec = run.spec
        again = Spec(json.loads(spec.to_json()))
        assert again == spec
        assert run_id(again, planner.catalog) == run.id
        follows_the_task = group != "experiment" and "by_task" in CATALOG.get(group, name).facts
        if group in spec and not follows_the_task:
            assert (spec[group][name] if group in LIST_GROUPS else spec[group])["option"] == name


@pytest.fixture(scope="module")
def tensorflow() -> None:
    """TensorFlow as a run sets it up."""
    from dlrun.training import process

    process.configure({**CATALOG.get("trainer", "default").defaults, "device": "cpu"})


@every_option
def test_it_trains_a_step_and_comes_back(
    group: str, name: str, planner: Planner, tmp_path: Path, tensorflow: None
) -> None:
    import keras

    for run in plans(group, name, planner):
        made = one_step(run, planner.catalog, tmp_path, with_callbacks=group == "callback")
        for part in (made["optimizer"], made["loss"], *made["metric"]):
            again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(part))
            assert type(again) is type(part)
            assert again.get_config() == part.get_config()
        if group not in IN_THE_MODEL:
            continue
        made["model"].save(tmp_path / "model.keras")
        loaded = keras.models.load_model(tmp_path / "model.keras")
        assert loaded.to_json() == made["model"].to_json()
        answers = [model(made["rows"], training=False) for model in (made["model"], loaded)]
        np.testing.assert_array_equal(*answers)


def test_all_that_models_are_made_of_trains_in_one_graph(planner: Planner, tmp_path: Path, tensorflow: None) -> None:
    """The step above is taken eagerly; here every layer, and every option that goes into one, is traced."""
    branches = [branch_of(CATALOG.get("layer", name)) for name in CATALOG.names("layer")]
    branches += [["flatten", {"dense": 2}, {"activation": name}] for name in CATALOG.names("activation")]
    for group in ("initializer", "regularizer", "constraint"):
        key = f"kernel_{group}"
        branches += [["flatten", {"dense": {"units": 2, key: name}}] for name in CATALOG.names(group)]
    layers = word([{"branches": branches, "merge": "concatenate"}])
    (run,) = planner.plan([*BITS, *SMALL, f"model.layers={layers}"], sweep=False).runs
    one_step(run, planner.catalog, tmp_path, eagerly=False)


def test_the_walk_finds_every_file() -> None:
    packaged = CATALOG.roots.folders("")[-1]
    files = {(path.parent.name, path.stem) for path in packaged.glob("*/*.yaml") if path.stem != "base"}
    files |= {("experiment", path.stem) for path in CATALOG.roots.folders("experiment")[-1].glob("*.yaml")}
    assert files == set(EVERY)
    assert len(EVERY) == len(set(EVERY)) > 100


def test_nothing_is_told_twice() -> None:
    """Two options of a group with one description are one option, or one of them is described wrongly."""
    described = [(group, CATALOG.get(group, name).description) for group, name in EVERY if group != "experiment"]
    repeated = [pair for pair, same in itertools.groupby(sorted(described)) if len(list(same)) > 1]
    assert repeated == []
