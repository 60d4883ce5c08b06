"""Sets of TensorFlow Datasets: what is said without it or them; with it, that a set is what was written."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dlrun.config.catalog import Catalog
from dlrun.config.roots import Roots
from dlrun.data import tfds_sets
from dlrun.data.declare import Declaration, declare
from dlrun.data.load import load


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tfds_sets, "_LIBRARY", "json")


@pytest.fixture
def declared(work: Path, node: Any) -> Any:
    def of(**values: Any) -> Declaration:
        return declare(node("data", "tfds", **values), Catalog(Roots.of(work)))

    return of


def describe(work: Path, image: dict[str, Any], label: dict[str, Any], name: str = "mine/1.0.0") -> Path:
    """What TensorFlow Datasets writes about a set."""
    folder = work / ".dlrun" / "datasets" / "tfds" / name
    folder.mkdir(parents=True)
    splits = [{"name": "train", "shardLengths": ["5", "3"]}, {"name": "test", "shardLengths": ["2"]}]
    keys = {"tuple": {"items": [{"featureKey": "image"}, {"featureKey": "label"}]}}
    (folder / "dataset_info.json").write_text(json.dumps({"splits": splits, "supervisedKeys": keys}))
    features = {"image": image, "label": label}
    (folder / "features.json").write_text(json.dumps({"featuresDict": {"features": features}}))
    return folder


IMAGE = {"image": {"shape": {"dimensions": ["4", "5", "3"]}}, "pythonClassName": "a.Image"}
LABEL = {"classLabel": {"numClasses": "3"}}


def test_without_the_library_the_extra_is_named(declared: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tfds_sets, "_LIBRARY", "a_library_that_nobody_has")
    (problem,) = declared(name="mnist").problems
    assert str(problem) == (
        "data must find TensorFlow Datasets, which is an extra; got none. Install it: pip install 'dlrun[tfds]'"
    )


@pytest.mark.usefixtures("installed")
def test_a_set_that_is_not_there_says_how_to_fetch_it(declared: Any, work: Path) -> None:
    (problem,) = declared(name="mnist").problems
    assert f"'mnist', which is not in {work}/.dlrun/datasets/tfds" in str(problem)
    assert "download_and_prepare()" in str(problem)
    for name in ("../../..", "", "/etc"):
        assert declared(name=name).problems


@pytest.mark.usefixtures("installed")
def test_what_a_set_declares(declared: Any, work: Path) -> None:
    folder = describe(work, IMAGE, LABEL)
    describe(work, IMAGE, {"tensor": {"shape": {}}}, "mine/10.0.0")
    (folder / "label.labels.txt").write_text("a\nb\nc\n")
    found = declared(name="mine:1.0.0")
    assert (found.task, found.classes, found.samples, found.shape) == ("multiclass", 3, 10, (4, 5, 3))
    assert found.given == {"parts"}
    assert declared(name="mine").task == "regression"  # version 10 is newer than 1


@pytest.mark.usefixtures("installed")
def test_what_is_not_read_is_told(declared: Any, work: Path) -> None:
    describe(work, {"image": {"shape": {"dimensions": ["-1", "-1", "3"]}}, "pythonClassName": "a.Image"}, LABEL)
    assert "'image' of mine: Image" in str(declared(name="mine").problems[0])
    assert "Did you mean label?" in str(declared(name="mine", y="lable").problems[0])
    describe(work, IMAGE, {"tensor": {"shape": {"dimensions": ["2"]}}}, "rows/1.0.0")
    assert "must be a class or a number" in str(declared(name="rows").problems[0])
    (describe(work, IMAGE, LABEL, "torn/1.0.0") / "features.json").write_text("{")
    assert "data.name must be whole" in str(declared(name="torn").problems[0])


@pytest.mark.skipif(importlib.util.find_spec("tensorflow_datasets") is None, reason="the extra tfds is not installed")
def test_a_set_that_was_made_is_read(work: Path, node: Any, declared: Any) -> None:
    import tensorflow as tf
    import tensorflow_datasets as tfds

    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (12, 4, 5, 3)).astype(np.uint8)
    labels = np.arange(12) % 3

    def part(rows: slice) -> Any:
        return tf.data.Dataset.from_tensor_slices({"image": pixels[rows], "label": labels[rows]})

    tfds.dataset_builders.store_as_tfds_dataset(
        name="mine",
        version="1.0.0",
        features=tfds.features.FeaturesDict(
            {
                "image": tfds.features.Image(shape=(4, 5, 3)),
                "label": tfds.features.ClassLabel(names=["a", "b", "c"]),
            }
        ),
        split_datasets={"train": part(slice(0, 9)), "test": part(slice(9, 12))},
        data_dir=str(work / ".dlrun" / "datasets" / "tfds"),
    )
    found = declared(name="mine", x="image", y="label")
    assert found.problems == []
    dataset = load(node("data", "tfds", name="mine", x="image", y="label"), Catalog(Roots.of(work)))
    assert (dataset.task, dataset.classes, dataset.samples) == ("multiclass", ("a", "b", "c"), 12)
    assert dataset.parts is not None
    assert dataset.parts.tolist() == [0] * 9 + [2] * 3
    written = sorted((tuple(x.reshape(-1)), int(y)) for x, y in zip(pixels, labels, strict=True))
    assert (
        sorted((tuple(x.astype(int).reshape(-1)), int(y)) for x, y in zip(dataset.x, dataset.y, strict=True)) == written
    )
