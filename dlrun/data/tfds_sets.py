"""Data sets of TensorFlow Datasets, once they were fetched: looked at by the files that describe them, read by it."""

from __future__ import annotations

import importlib.util
import json
import math
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dlrun.config.roots import Roots
from dlrun.config.suggest import did_you_mean
from dlrun.data.declare import Declaration
from dlrun.data.fetched import folder_of
from dlrun.data.tables.kept import cache_of
from dlrun.errors import DataError, Problem

__all__ = ["files", "inspect", "read"]

_LIBRARY = "tensorflow_datasets"
_PARTS = {"train": 0, "validation": 1, "test": 2}
_ABOUT, _FEATURES = "dataset_info.json", "features.json"
_BATCH = 256


@dataclass(frozen=True)
class _Set:
    """A set that is there.

    Attributes:
        folder: where it lies.
        samples: of each part, by the part's name.
        features: what TensorFlow Datasets has written of each.
        keys: the names of the features to learn from and to predict.
    """

    folder: Path
    samples: Mapping[str, int]
    features: Mapping[str, Any]
    keys: tuple[str, str]

    @property
    def shape(self) -> tuple[int, ...] | None:
        """Of a sample; None where it differs among them."""
        feature = self.features[self.keys[0]]
        kinds = [feature[kind] for kind in ("image", "tensor") if kind in feature]
        shape = tuple(int(size) for kind in kinds for size in kind.get("shape", {}).get("dimensions", []))
        return shape if shape and all(size > 0 for size in shape) else None

    @property
    def classes(self) -> tuple[str, ...]:
        """Of the target; () where it is a number."""
        label = self.features[self.keys[1]].get("classLabel")
        if label is None:
            return ()
        names = self.folder / f"{self.keys[1]}.labels.txt"
        if names.is_file():
            return tuple(names.read_text(encoding="utf-8").splitlines())
        return tuple(map(str, range(int(label["numClasses"]))))


def files(values: Mapping[str, Any], roots: Roots) -> dict[str, Path]:
    """The files that say which version of a set is there; see `_files_`."""
    folder = _folder(str(values["name"]), folder_of(cache_of(roots)))
    return {} if folder is None else {name: folder / name for name in (_ABOUT, _FEATURES)}


def inspect(values: Mapping[str, Any], roots: Roots) -> Declaration:
    """What a set that is there declares; see `declare.Inspect`."""
    found = _look_at(values, folder_of(cache_of(roots)))
    if isinstance(found, Problem):
        return Declaration(None, None, [found])
    given = frozenset({"parts"} if "train" in found.samples and len(found.samples) > 1 else ())
    task = {0: "regression", 2: "binary"}.get(len(found.classes), "multiclass")
    return Declaration(task, len(found.classes) or None, [], sum(found.samples.values()), found.shape, given)


def read(cache: str, **values: Any) -> Any:
    """The samples and labels of a set, all its parts one after another.

    Args:
        cache: see `fetched.folder_of`.
        values: of conf/data/tfds.yaml.

    Raises:
        DataError: it is not there, or is of a kind that is not read.
    """
    import numpy as np
    import tensorflow_datasets as tfds

    from dlrun.data.dataset import Content

    found = _look_at(values, folder_of(cache))
    if isinstance(found, Problem):
        raise DataError([found])
    builder = tfds.builder_from_directory(str(found.folder))
    pieces, parts = [], []
    for name, samples in found.samples.items():
        for batch in tfds.as_numpy(builder.as_dataset(split=name, batch_size=_BATCH, shuffle_files=False)):
            pieces.append(tuple(batch[key] for key in found.keys))
        parts += [_PARTS[name]] * samples
    x, y = map(np.concatenate, zip(*pieces, strict=True))
    has_parts = len(found.samples) > 1
    return Content(x, y, found.classes, parts=np.array(parts) if has_parts else None)


def _look_at(values: Mapping[str, Any], datasets: Path) -> _Set | Problem:
    """The set that the config names, or why it cannot be had."""
    name = str(values["name"])
    if importlib.util.find_spec(_LIBRARY) is None:
        rule = "must find TensorFlow Datasets, which is an extra"
        return Problem("data", rule, got="none", mend="Install it: pip install 'dlrun[tfds]'")
    if (folder := _folder(name, datasets)) is None:
        make = f"import {_LIBRARY} as t; t.builder('{name}', data_dir='{datasets / 'tfds'}').download_and_prepare()"
        got = f"'{name}', which is not in {datasets / 'tfds'}"
        mend = f"Fetch it once, it may be large: python -c {shlex.quote(make)}"
        return Problem("data.name", "must be a data set that is there", got, mend)
    try:
        about = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
        features = json.loads((folder / _FEATURES).read_text(encoding="utf-8"))["featuresDict"]["features"]
        samples = {split["name"]: sum(map(int, split["shardLengths"])) for split in about["splits"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        mend = f"Remove it, and fetch it again: rm -r {folder}"
        return Problem("data.name", "must be whole", type(error).__name__, mend, str(folder))
    items = about.get("supervisedKeys", {}).get("tuple", {}).get("items", [])
    usual = [item.get("featureKey") for item in items] if len(items) == 2 else [None, None]
    keys = tuple(values[key] or usual[place] for place, key in enumerate(("x", "y")))
    for key, feature in zip(("x", "y"), keys, strict=True):
        if feature not in features:
            mend = " ".join(filter(None, [did_you_mean(str(feature), features), f"It has: {', '.join(features)}."]))
            return Problem(f"data.{key}", f"must name a feature of {name}", str(feature), mend)
    kept = {part: samples[part] for part in _PARTS if part in samples}
    return _judged(_Set(folder, kept, features, (str(keys[0]), str(keys[1]))), name)


def _judged(found: _Set, name: str) -> _Set | Problem:
    if not found.samples:
        return Problem("data.name", "must have a part train, validation or test", f"none in {name}")
    if found.shape is None or not math.prod(found.shape):
        kind = str(found.features[found.keys[0]].get("pythonClassName", "")).rpartition(".")[2]
        rule = "must be an image or an array of one size in all samples"
        return Problem("data.x", rule, f"'{found.keys[0]}' of {name}: {kind or 'another kind'}")
    target = found.features[found.keys[1]]
    if "classLabel" not in target and target.get("tensor", {}).get("shape", {}).get("dimensions", []):
        return Problem("data.y", "must be a class or a number", f"'{found.keys[1]}' of {name}")
    return found


def _folder(name: str, datasets: Path) -> Path | None:
    """Where the newest version of a set lies; `NAME/CONFIG` and `NAME:VERSION` are as TensorFlow Datasets has them."""
    plain, _, version = name.partition(":")
    if not plain or ".." in plain.split("/"):
        return None
    found = [path.parent for path in (datasets / "tfds" / plain).glob(f"{version or '*'}/{_ABOUT}")]
    found += [path.parent for path in (datasets / "tfds" / plain).glob(f"*/{version or '*'}/{_ABOUT}")]
    return max(found, key=_version, default=None)


def _version(folder: Path) -> tuple[int, ...]:
    return tuple(int(part) if part.isdecimal() else 0 for part in folder.name.split("."))
