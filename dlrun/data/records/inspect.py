"""Look at TFRecord files without TensorFlow: how many records, what the first one holds, what the labels are."""

from __future__ import annotations

import glob
import io
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from dlrun.config.roots import Roots
from dlrun.config.suggest import did_you_mean
from dlrun.data.arrays.labels import Labels, judge
from dlrun.data.declare import Declaration
from dlrun.data.file_at import file_at
from dlrun.data.records.example import Feature, NoExample, features_in
from dlrun.data.records.framing import Damaged, Record, records
from dlrun.errors import Problem

__all__ = ["Field", "Records", "files", "inspect", "look_at", "matching"]

_FEWEST = 3  # one each to train, validate and test on
_DTYPES = {"float32": "float", "int64": "int", "image": "bytes", "uint8": "bytes"}
_BY_KIND = {"float": "float32", "int": "int64", "bytes": "image"}


@dataclass(frozen=True)
class Field:
    """A feature to learn from.

    Attributes:
        dtype: `float32` or `int64` for lists of numbers, `image` for an encoded one, `uint8` for bytes as they are.
        shape: of one.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Records:
    """What the files hold, as the config wants them read."""

    fields: tuple[Field, ...] = ()
    labels: Labels = Labels(None)  # noqa: RUF009 - it is frozen
    target: Feature | None = None
    samples: int = 0
    problems: tuple[Problem, ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        """Of a sample: that of the one feature, or a row of all numbers."""
        if len(self.fields) == 1:
            return self.fields[0].shape
        return (sum(_size(field.shape) for field in self.fields),)


def matching(path: Path) -> list[Path]:
    """The files that a path leads to: itself, those in a folder, or those that match a pattern; sorted."""
    if path.is_file():
        return [path]
    pattern = str(Path(glob.escape(str(path))) / "*.tfrecord*") if path.is_dir() else str(path)
    found = map(Path, glob.glob(pattern))  # noqa: PTH207 - a pattern may begin at the root
    return sorted(each for each in found if each.is_file())


def files(values: Mapping[str, Any], roots: Roots) -> dict[str, Path]:
    """The files that count for a run's identity, by name; see `_files_`."""
    return {path.name: path for path in matching(roots.file(str(values["path"])))}


def inspect(values: Mapping[str, Any], roots: Roots) -> Declaration:
    """What the files that `values` name declare; see `declare.Inspect`."""
    given = str(values["path"])
    found = matching(roots.file(given)) if "://" not in given else []
    if not found:
        missing = file_at(given, roots, "data.path", [".tfrecord", ".tfrecords"])
        rule = "must lead to TFRecord files"
        problem = missing if isinstance(missing, Problem) else Problem("data.path", rule, f"'{given}'")
        return Declaration(None, None, [problem])
    try:
        looked = look_at(found, values["target"], values["features"], values["classes"], values["task"])
    except OSError as error:
        return Declaration(
            None, None, [Problem("data.path", "must be readable", f"{error.filename}: {error.strerror}")]
        )
    if looked.problems:
        return Declaration(looked.labels.task, None, list(looked.problems))
    return Declaration(looked.labels.task, len(looked.labels.classes) or None, [], looked.samples, looked.shape)


def look_at(paths: Sequence[Path], target: str, features: Mapping[str, Any] | None, classes: Any, task: str) -> Records:
    """Look at the files; those that have not changed are not read again.

    Args:
        target: the feature to predict.
        features: those to learn from, as conf/data/tfrecord.yaml has them; None for all, as the first record has them.
        classes: how many, or their names; None reads them off all records.
        task: what the config wants to predict, or `auto`.
    """
    states = tuple((path, path.stat().st_size, path.stat().st_mtime_ns) for path in paths)
    return _look_at(states, target, repr(features), repr(classes), task)


@lru_cache(maxsize=16)
def _look_at(states: tuple[tuple[Path, int, int], ...], target: str, features: str, classes: str, task: str) -> Records:
    import ast

    paths = [path for path, *_ in states]
    wanted, known = ast.literal_eval(features), ast.literal_eval(classes)
    file = _shown(paths[0])
    try:
        samples = sum(1 for path in paths for _ in _records_of(path))
        if samples < _FEWEST:
            rule = f"must hold {_FEWEST} records or more: to train, to validate and to test on"
            return Records(problems=(Problem("data.path", rule, str(samples), place=file),))
        first = next(features for path in paths for _, features in _features_of(path))
        fields, problems = _fields(first, target, wanted, file)
        if problems:
            return Records(problems=tuple(problems))
        labels = _known(known, first[target], task) if known is not None else _read(paths, target, task, file)
    except _Told as told:
        return Records(problems=(told.problem,))
    return Records(fields, labels, first[target], samples, labels.problems)


class _Told(Exception):
    """Ends looking with a problem."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def _records_of(path: Path) -> Iterator[Record]:
    with path.open("rb") as stream:
        head = stream.read(2)
    if head == b"\x1f\x8b":
        mend = f"Unpack it: gunzip -k {_shown(path)}"
        raise _Told(Problem("data.path", "must not be compressed", "a gzip file", mend, _shown(path)))
    try:
        yield from records(path)
    except Damaged as damage:
        what = "is it a TFRecord file?" if damage.offset == 0 else "fetch or write it again."
        mend = what[0].upper() + what[1:]
        raise _Told(Problem("data.path", "must hold whole records", str(damage), mend, _shown(path))) from damage


def _features_of(path: Path) -> Iterator[tuple[Record, dict[str, Feature]]]:
    with path.open("rb") as file:
        for record in _records_of(path):
            file.seek(record.offset)
            try:
                yield record, features_in(file.read(record.length))
            except NoExample as error:
                rule, got = "must hold a tf.train.Example in each record", f"something else in record {record.number}"
                raise _Told(Problem("data.path", rule, got, place=_shown(path))) from error


def _fields(
    first: Mapping[str, Feature], target: str, wanted: Mapping[str, Any] | None, file: str
) -> tuple[tuple[Field, ...], list[Problem]]:
    """The features to learn from, and what is wrong with them."""
    problems = list(_unknown(first, target, wanted, file))
    if problems:
        return (), problems
    names = sorted(set(first) - {target}) if wanted is None else list(wanted)
    fields = []
    for name in names:
        given = {} if wanted is None else dict(wanted[name] or {})
        dtype = given.get("dtype") or _BY_KIND[first[name].kind]
        shape = given.get("shape")
        fields.append(Field(name, dtype, tuple(shape) if shape else _shape_of(first[name], dtype) or ()))
    problems = [problem for field in fields for problem in _field_problems(field, first[field.name], file)]
    pictured = [field.name for field in fields if len(field.shape) > 1]
    if not problems and (not fields or (pictured and len(fields) > 1)):
        rule = "must be numbers, or one image or array" if fields else "must leave something to learn from"
        mend = f"Such as 'data.features={{{pictured[0]}: {{}}}}'." if pictured else None
        problems.append(Problem("data.features", rule, ", ".join(field.name for field in fields) or "none", mend, file))
    return tuple(fields), problems


def _unknown(
    first: Mapping[str, Feature], target: str, wanted: Mapping[str, Any] | None, file: str
) -> Iterator[Problem]:
    has = f"The first record has: {', '.join(sorted(first))}."
    for key, name in [("data.target", target), *(("data.features", name) for name in wanted or ())]:
        if name not in first:
            mend = " ".join(filter(None, [did_you_mean(name, first), has]))
            yield Problem(key, f"must name a feature of {file}", f"'{name}'", mend)
        elif key == "data.features" and name == target:
            yield Problem(key, "must not hold the target", f"'{name}'")
    for name, given in (wanted or {}).items():
        if given is not None and (not isinstance(given, Mapping) or set(given) - {"dtype", "shape"}):
            mend = f"Such as 'data.features={{{name}: {{dtype: float32, shape: [4]}}}}'."
            yield Problem("data.features", f"must say dtype and shape of '{name}', or nothing", str(given), mend)
        elif given and given.get("dtype", "image") not in _DTYPES:
            yield Problem("data.features", f"must be {', '.join(_DTYPES)} in '{name}'", str(given["dtype"]))


def _field_problems(field: Field, feature: Feature, file: str) -> Iterator[Problem]:
    if _DTYPES[field.dtype] != feature.kind:
        rule, got = f"must fit '{field.name}' of {file}", f"{field.dtype} for a list of {feature.kind}s"
        yield Problem("data.features", rule, got, f"Its dtype is {_BY_KIND[feature.kind]}.")
    elif not field.shape:
        what = "bytes that are no image" if field.dtype == "image" else "bytes"
        mend = f"Say what it is: 'data.features={{{field.name}: {{dtype: uint8, shape: [28, 28, 1]}}}}'."
        yield Problem("data.features", f"must say the shape of '{field.name}'", what, mend, file)
    elif field.dtype != "image":
        values = len(feature.values[0]) if field.dtype == "uint8" else len(feature.values)
        if _size(field.shape) != values:
            rule = f"must have the size of '{field.name}' in {file}"
            got = f"shape {list(field.shape)} for {values} numbers"
            yield Problem("data.features", rule, got)


def _shape_of(feature: Feature, dtype: str) -> tuple[int, ...] | None:
    if dtype in ("float32", "int64"):
        return (len(feature.values),)
    if dtype != "image" or not feature.values:
        return None
    from PIL import Image

    try:
        with Image.open(io.BytesIO(feature.values[0])) as image:
            channels = {"L": 1, "1": 1, "I;16": 1}.get(image.mode, 3)
            return (image.height, image.width, channels)
    except (OSError, ValueError, Image.DecompressionBombError):
        return None


def _known(classes: Any, target: Feature, task: str) -> Labels:
    """The labels that the config tells of."""
    names = tuple(map(str, range(classes) if isinstance(classes, int) else classes))
    values = tuple(name.encode() for name in names) if target.kind == "bytes" else tuple(range(len(names)))
    pairs = sorted(zip(values, names, strict=True))
    told = "binary" if len(names) == 2 and task != "multiclass" else "multiclass"
    return Labels(told, tuple(name for _, name in pairs), tuple(value for value, _ in pairs))


def _read(paths: Sequence[Path], target: str, task: str, file: str) -> Labels:
    """The labels in all records."""
    import numpy as np

    found: list[Any] = []
    length = None
    for path in paths:
        for record, features in _features_of(path):
            values = features[target].values if target in features else ()
            length = len(values) if length is None else length
            if len(values) != length or not values:
                rule = f"must have a label '{target}' of the same length in each record"
                raise _Told(
                    Problem("data.path", rule, f"{len(values)} values in record {record.number}", place=_shown(path))
                )
            found.append(values[0] if length == 1 else values)
    return judge(np.array(found), task, "data.target", file)


def _size(shape: Sequence[int]) -> int:
    size = 1
    for each in shape:
        size *= each
    return size


def _shown(path: Path) -> str:
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)
