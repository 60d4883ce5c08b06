"""What every option in conf/ keeps, found by walking the folder: nothing here lists them.

It says what it is, composes, passes the checks, builds, trains a step, and comes back from what was saved of it. The
words that an option needs are read off its rules and facts, so that a new file is held to the contract by being there.
"""

from __future__ import annotations

import itertools
import json
import re
import struct
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
from dlrun.config.sniff import masked_crc
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
    "data/images": {"path": "photos"},
    "data/images_table": {"path": "labels.csv"},
    "data/masks": {"path": "shapes"},
    "data/texts": {"path": "texts"},
    "data/npz": {"path": "table.npz"},
    "data/npy": {"path": "x.npy", "labels": "y.npy"},
    "data/tfrecord": {"path": "table.tfrecord"},
    "data/parquet": {"path": "table.parquet"},
    "data/jsonl": {"path": "table.jsonl"},
    "data/series": {"window": 4},  # so that 40 rows leave some for every part
    "layer/group_normalization": {"groups": 2},  # divides the channels, of which there are two here
    "metric/top_k": {"k": 2},  # less than the number of classes: the smallest data has three
}
MASKS = ["data=masks", "data.path=shapes"]
WITH_DATA = {  # what only some data has: groups, times, files given apart, columns between whose values something lies
    "split/grouped": ["data=csv", "data.path=table.csv", "data.group=height"],
    "split/time": ["data=csv", "data.path=table.csv", "data.time=width"],
    "split/files": ["data=images", "data.path=apart"],
    "sampling/smote": ["data=wine"],
    "data/masks": ["model=fcn"],  # a class for each pixel asks for a model that keeps them
}
# what wants a way to another machine has tests of its own: data/test_keras_sets.py and data/test_tfds_sets.py
FETCHED = {name for name in CATALOG.names("data") if "keras_sets" in str(CATALOG.get("data", name).target())} | {"tfds"}
IN_THE_MODEL = {"data", "preprocess", "augment", "layer", "model"}
IN_THE_MODEL |= {"activation", "initializer", "regularizer", "constraint"}
CSV = "width,height,kind\n" + "".join(f"{i},{i % 5},{'ab'[i % 2]}\n" for i in range(40))
FORMULA = re.compile(r"[a-z]+\(|[a-z] [-+*/] ")


@pytest.fixture(scope="module")
def planner(tmp_path_factory: pytest.TempPathFactory) -> Planner:
    """One planner for all: each option file is read once."""
    folder = tmp_path_factory.mktemp("work")
    (folder / "table.csv").write_text(CSV, encoding="utf-8")
    write_folders(folder)
    write_numbers(folder)
    return Planner(folder)


def write_numbers(folder: Path) -> None:
    """The table in other formats."""
    import pandas as pd

    table = pd.read_csv(folder / "table.csv")
    table.to_parquet(folder / "table.parquet")
    table.to_json(folder / "table.jsonl", orient="records", lines=True)
    x, y = table[["width", "height"]].to_numpy(np.float32), table["kind"].to_numpy(str)
    np.savez(folder / "table.npz", x=x, y=y)
    np.save(folder / "x.npy", x)
    np.save(folder / "y.npy", y)
    (folder / "table.tfrecord").write_bytes(b"".join(map(record, x, y)))


def record(row: np.ndarray, label: str) -> bytes:
    """A tf.train.Example in a TFRecord file, written without TensorFlow, which is set up later."""

    def field(number: int, content: bytes) -> bytes:
        return bytes([number << 3 | 2, len(content)]) + content

    numbers = field(1, b"x") + field(2, field(2, field(1, row.astype("<f4").tobytes())))
    name = field(1, b"label") + field(2, field(1, field(1, label.encode())))
    content = field(1, field(1, numbers) + field(1, name))
    length = struct.pack("<Q", len(content))
    return length + struct.pack("<I", masked_crc(length)) + content + struct.pack("<I", masked_crc(content))


def write_folders(folder: Path) -> None:
    """Images and texts of two classes, images given apart to train and to test on, a table that names them, masks."""
    from PIL import Image

    names = [f"{name}/{number}" for name in ("cat", "dog") for number in range(8)]
    for place, name in enumerate(names):
        for kind in ("photos", "texts", "apart/train", "apart/test"):
            (folder / kind / name).parent.mkdir(parents=True, exist_ok=True)
        image = Image.new("RGB", (8, 8), (place * 9, 255 - place * 9, place))
        for kind in ("photos", "apart/train", "apart/test"):
            image.save(folder / kind / f"{name}.png")
        (folder / "texts" / f"{name}.txt").write_text(f"a {name[:3]} runs {place}", encoding="utf-8")
    rows = [f"photos/{name}.png,{name[:3]}" for name in names]
    (folder / "labels.csv").write_text("\n".join(["file,kind", *rows, ""]), encoding="utf-8")
    for place in range(8):
        for kind, shade in (("images", 20 * place), ("masks", 0)):
            (folder / "shapes" / kind).mkdir(parents=True, exist_ok=True)
            image = Image.new("L", (16, 16), shade)
            image.paste(255, (place, 2, place + 6, 9))
            image.save(folder / "shapes" / kind / f"{place}.png")


@cache
def smallest(task: str | None = None) -> list[list[str]]:
    """Words for the data options that need no values of their own, those with the fewest samples first.

    Where a choice of a key gives samples of another shape, with that choice too: images read as sequences.
    """
    found = []
    for name in CATALOG.names("data"):
        option = CATALOG.get("data", name)
        if MISSING not in option.defaults.values() and name not in FETCHED:
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
        if own := WITH_DATA.get(f"{group}/{name}"):
            data = [own]
        if task == "segmentation":
            data = [[*MASKS, *([] if group == "model" else ["model=fcn"])]]
        if group == "augment" and ("channels" in option.facts or task == "binary"):
            data = [["data=images", "data.path=photos"]]  # the only colours, and two classes of images, at hand
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
    raw = prepared.front.raw(ready.dataset.x[:ROWS], ready.dataset.texts)
    rows = next(iter(raw.values())) if len(raw) == 1 else raw
    return {**parts, "model": saving.assemble(model, prepared), "rows": rows}


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
    if (group, name) == ("data", "tfds"):
        pytest.skip("a set must have been fetched")
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

    if group == "data" and name in FETCHED:
        pytest.skip("a set must have been fetched")
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
