"""Load the dataset that a config names, checked so far that training cannot trip over it."""

from __future__ import annotations

import hashlib
import json
import pkgutil
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from dlrun.config.build import build
from dlrun.config.catalog import Catalog, Option
from dlrun.config.digest import content_digest, digest_of_files, memory_of
from dlrun.data.columns import numeric
from dlrun.data.dataset import Content, Dataset
from dlrun.data.declare import Declaration, declare
from dlrun.data.stored import Stored
from dlrun.data.tables.kept import cache_of
from dlrun.errors import DataError, Problem, TrainingProblem

__all__ = ["data_digest", "load"]

_KEPT: OrderedDict[tuple[str, str, str], Dataset] = OrderedDict()
_AS_GIVEN = ("texts", "groups", "times", "spans", "parts", "resizing", "levels", "notes", "naive", "files")
_MOST_KEPT = 4  # a sweep's trials share their dataset; a sweep over datasets mostly goes through them in turn


def load(node: Mapping[str, Any], catalog: Catalog, to_train: bool = True) -> Dataset:
    """Load a dataset, or hand out the one loaded before: the same node and the same content are the same dataset.

    Args:
        node: the config's `data` node.
        catalog: where the option is looked up; its roots are where files are looked for.
        to_train: whether it must do to train on; else a run is evaluated on it, and a single row will do.

    Raises:
        DataError: the data cannot be used: all problems.
    """
    option = catalog.get("data", node["option"])
    declaration = declare(node, catalog)
    if problems := [each for each in declaration.problems if to_train or not isinstance(each, TrainingProblem)]:
        raise DataError(problems)
    digest = data_digest(node, catalog)
    key = (str(option.path), json.dumps(dict(node), sort_keys=True), digest)
    if key not in _KEPT:
        names = {"cache": str(cache_of(catalog.roots))}
        content = build(catalog, "data", {**node, **_files(option, node, catalog)}, names)
        _KEPT[key] = _checked(content, declaration, option, digest)
    _KEPT.move_to_end(key)
    while len(_KEPT) > _MOST_KEPT:
        _KEPT.popitem(last=False)
    return _KEPT[key]


def data_digest(node: Mapping[str, Any], catalog: Catalog) -> str:
    """The identity of a dataset's content: 64 hex characters.

    For an option that reads one file it is the sha256 of the file, wherever that lies; for one that names what it reads
    in `_files_`, of the names and contents of these; for generated and bundled data
    the sha256 of the option's name, its parameters and its `_version_`. Imports nothing heavy.

    Raises:
        OSError: a file that the node names cannot be read.
    """
    option = catalog.get("data", node["option"])
    if "files" in option.facts:
        several = pkgutil.resolve_name(option.facts["files"])(option.defaults | dict(node), catalog.roots)
        return digest_of_files(several, memory_of(catalog.roots.work))
    files = {name: content_digest(Path(file)) for name, file in _files(option, node, catalog).items()}
    if len(files) == 1:
        return next(iter(files.values()))
    identity = {**option.defaults, **node, **files, "version": option.facts.get("version")}
    return hashlib.sha256(json.dumps(identity, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _files(option: Option, node: Mapping[str, Any], catalog: Catalog) -> dict[str, str]:
    """Where the files lie that the node's paths name."""
    values = option.defaults | dict(node)
    names = (name for name, parameter in option.parameters.items() if parameter.rule.is_path)
    return {name: str(catalog.roots.file(values[name])) for name in names if values[name] is not None}


def _checked(content: Content, declaration: Declaration, option: Option, digest: str) -> Dataset:
    """The content in its final types; arrays are locked, because they are shared.

    Raises:
        DataError: all that keeps it from being trained on, or that its option declares otherwise.
    """
    with np.errstate(over="ignore"):  # what float32 does not hold becomes infinite, which is looked for below
        x = content.x if isinstance(content.x, Stored) else np.ascontiguousarray(content.x, dtype=np.float32)
        y = _targets(content.y, declaration)
    task = declaration.task
    assert task is not None  # a declaration without problems has a task
    columns = content.columns or (numeric(content.features) if x.ndim == 2 else ())
    features = tuple(column.name for column in columns) or content.features
    more = {name: getattr(content, name) for name in _AS_GIVEN}
    dataset = Dataset(x, y, task, content.classes, features, digest, columns, **more)
    if problems := [*_disagreements(dataset, declaration, option), *_unusable(dataset)]:
        raise DataError([replace(problem, place=problem.place or str(option.path)) for problem in problems])
    for array in (x, y):
        if isinstance(array, np.ndarray):
            array.flags.writeable = False
    return dataset


def _targets(y: np.ndarray, declaration: Declaration) -> np.ndarray:
    if declaration.task == "regression":
        return np.ascontiguousarray(y, dtype=np.float32).reshape(len(y), -1)
    return np.ascontiguousarray(y, dtype=np.int64)


def _disagreements(dataset: Dataset, declaration: Declaration, option: Option) -> Iterator[Problem]:
    """What the option's file declares otherwise than its source delivers: checks before training relied on it."""
    delivered = {
        "classes": len(dataset.classes) or None,
        "samples": dataset.samples,
        "shape": dataset.input_shape,
    }
    declared = {"classes": declaration.classes, "samples": declaration.samples, "shape": declaration.shape}
    for name, value in delivered.items():
        if declared[name] != value and not (declared[name] is None and name != "classes"):
            mend = f"Mend _{name}_ in the option's file, or what its _target_ returns."
            yield Problem(f"data/{option.name}", f"must have {declared[name]} {name}", got=str(value), mend=mend)
    if len(dataset.y) != dataset.samples:
        got = f"{len(dataset.y)} labels for {dataset.samples} samples"
        yield Problem(f"data/{option.name}", "must have a label for each sample", got=got)


def _unusable(dataset: Dataset) -> Iterator[Problem]:
    x = dataset.x
    may_miss = x.ndim < 4  # tables and sequences: what stands in for a missing value is the preprocessing's
    if isinstance(x, np.ndarray) and (wrong := np.isinf(x) if may_miss else ~np.isfinite(x)).any():
        where = np.argwhere(wrong)[0]  # a file's cells are judged before they are read
        name = f" in column '{dataset.features[where[-1]]}'" if dataset.features else ""
        got = f"{x[tuple(where)]} in sample {where[0] + 1}{name}, {wrong.sum()} such values"
        yield Problem("data", "must hold finite numbers", got=got, mend="Leave out these samples or columns.")
    if dataset.task == "regression" and not np.isfinite(dataset.y).all():
        row = int(np.argwhere(~np.isfinite(dataset.y))[0][0])
        mend = "Leave out these samples."
        yield Problem("data", "must have a finite target", got=f"{dataset.y[row]} in sample {row + 1}", mend=mend)
    if dataset.task != "regression" and dataset.y.size:
        yield from _label_problems(dataset.y, dataset.classes)
    if dataset.samples == 0:
        yield Problem("data", "must hold samples", got="none", mend="Choose other data: dlrun ls data.")


def _label_problems(y: np.ndarray, classes: tuple[str, ...]) -> Iterator[Problem]:
    low, high = int(y.min()), int(y.max())
    if low < 0 or high >= len(classes):
        rule = f"must have labels from 0 to {len(classes) - 1}, one for each of its {len(classes)} classes"
        yield Problem("data", rule, got=f"labels from {low} to {high}", mend="Number the classes from 0.")
        return
    counts = np.bincount(y.reshape(-1), minlength=len(classes))
    if empty := [name for name, count in zip(classes, counts, strict=True) if count == 0]:
        mend = "Use more samples, or fewer classes."
        yield Problem("data", "must have a sample of each class", got=f"none of {', '.join(empty)}", mend=mend)
