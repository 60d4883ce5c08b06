"""Look at arrays that NumPy has saved: samples by their headers alone, labels by their values."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from dlrun.config.roots import Roots
from dlrun.config.suggest import nearest
from dlrun.data.arrays.headers import Faulty, Header, npy_array, npy_header, npz_array, npz_headers
from dlrun.data.arrays.labels import Labels, judge
from dlrun.data.declare import Declaration
from dlrun.data.file_at import file_at
from dlrun.data.room import available_bytes
from dlrun.errors import Problem

__all__ = ["Arrays", "Pair", "inspect_npy", "inspect_npz", "look_at_npy", "look_at_npz"]

_FEWEST = 3  # one each to train, validate and test on
_PARTS = {"train": 0, "val": 1, "valid": 1, "validation": 1, "test": 2}
_KINDS = {
    "O": (
        "Python objects, which are pickled: reading them may run code",
        "Save plain numbers: numpy.asarray(x, float).",
    ),
    "c": ("complex numbers", "Save both parts: numpy.stack([x.real, x.imag], -1)."),
    "U": ("text", "Number the words, or bring a table: data=csv."),
    "S": ("text", "Number the words, or bring a table: data=csv."),
    "M": ("dates", "Save numbers, such as x.astype('datetime64[s]').astype(float)."),
    "m": ("spans of time", "Save numbers, such as x / numpy.timedelta64(1, 's')."),
    "V": ("records", "Save one array of numbers: numpy.lib.recfunctions.structured_to_unstructured(x)."),
}


@dataclass(frozen=True)
class Pair:
    """Samples and their labels in a file.

    Attributes:
        x: the name of the samples' array; empty in a .npy file.
        y: of the labels'.
        header: of the samples.
        part: as `Content.parts` has it; None where the file has no parts.
    """

    x: str
    y: str
    header: Header
    part: int | None = None


@dataclass(frozen=True)
class Arrays:
    """What the files hold, as the config wants them read."""

    pairs: tuple[Pair, ...] = ()
    labels: Labels = field(default_factory=lambda: Labels(None))
    problems: tuple[Problem, ...] = ()

    @property
    def samples(self) -> int:
        """Of all pairs."""
        return sum(pair.header.shape[0] for pair in self.pairs)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of a sample."""
        return self.pairs[0].header.shape[1:]


def inspect_npz(values: Mapping[str, Any], roots: Roots) -> Declaration:
    """What the file that `values` name declares; see `declare.Inspect`."""
    path = file_at(str(values["path"]), roots, "data.path", [".npz"])
    if isinstance(path, Problem):
        return Declaration(None, None, [path])
    return _declared(look_at_npz(path, values["x"], values["y"], values["task"]))


def inspect_npy(values: Mapping[str, Any], roots: Roots) -> Declaration:
    """What the files that `values` name declare; see `declare.Inspect`."""
    given = {"path": values["path"], "labels": values["labels"]}
    paths = {name: file_at(str(path), roots, f"data.{name}", [".npy"]) for name, path in given.items()}
    if problems := [path for path in paths.values() if isinstance(path, Problem)]:
        return Declaration(None, None, problems)
    x, y = (path for path in paths.values() if isinstance(path, Path))
    return _declared(look_at_npy(x, y, values["task"]))


def look_at_npz(path: Path, x: str, y: str, task: str) -> Arrays:
    """Look at the arrays of a .npz file; one that has not changed is not read again.

    Args:
        x: the name of the samples' array, as the config has it, and `y` of the labels'. Where they are not there but
            `x_train` and such are, the file has parts.
        task: what the config wants to predict, or `auto`.
    """
    return _npz(path, _state(path), x, y, task)


def look_at_npy(x: Path, y: Path, task: str) -> Arrays:
    """Look at a .npy file of samples and one of labels."""
    return _npy(x, y, (_state(x), _state(y)), task)


def _state(path: Path) -> tuple[int, int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns, status.st_ino


def _shown(path: Path) -> str:
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)


def _declared(found: Arrays) -> Declaration:
    if found.problems:
        return Declaration(found.labels.task, None, list(found.problems))
    classes = len(found.labels.classes) or None
    given = frozenset({"parts"} if found.pairs[0].part is not None else ())
    return Declaration(found.labels.task, classes, [], found.samples, found.shape, given)


@lru_cache(maxsize=32)
def _npz(path: Path, _state: tuple[int, int, int], x: str, y: str, task: str) -> Arrays:
    import numpy as np

    file = _shown(path)
    try:
        headers = npz_headers(path)
        names = _names(x, y, headers)
        if problems := list(_unknown(x, y, headers, file)) if not names else []:
            return Arrays(problems=tuple(problems))
        pairs = tuple(Pair(x, y, headers[x], part) for x, y, part in names)
        problems = [each for p in pairs for each in _pair_problems(p, headers[p.y], (p.x, p.y), (file, file))]
        if problems := problems or list(_parts_problems(pairs, file)):
            return Arrays(problems=tuple(problems))
        labels = [npz_array(path, pair.y) for pair in pairs]
        return _judged(pairs, np.concatenate(labels), task, f"data.{'y' if len(pairs) == 1 else 'path'}", file)
    except Faulty as fault:
        return Arrays(problems=(Problem("data.path", fault.rule, fault.got, fault.mend, file),))


@lru_cache(maxsize=32)
def _npy(x: Path, y: Path, _state: tuple[tuple[int, int, int], ...], task: str) -> Arrays:
    found: dict[str, Header] = {}
    problems = []
    for key, path in {"data.path": x, "data.labels": y}.items():
        try:
            found[key] = npy_header(path)
        except Faulty as fault:
            problems.append(Problem(key, fault.rule, fault.got, fault.mend, _shown(path)))
    if problems:
        return Arrays(problems=tuple(problems))
    pair = Pair("", "", found["data.path"])
    if problems := list(_pair_problems(pair, found["data.labels"], ("x", "y"), (_shown(x), _shown(y)))):
        return Arrays(problems=tuple(problems))
    return _judged((pair,), npy_array(y), task, "data.labels", _shown(y))


def _judged(pairs: tuple[Pair, ...], y: Any, task: str, key: str, file: str) -> Arrays:
    labels = judge(y, task, key, file)
    return Arrays(pairs, labels, labels.problems)


def _names(x: str, y: str, headers: Mapping[str, Header]) -> list[tuple[str, str, int | None]]:
    """The names of samples and labels, of each part where the file has parts."""
    if x in headers and y in headers:
        return [(x, y, None)]
    if x in headers or y in headers:
        return []
    named = [(f"{x}_{name}", f"{y}_{name}", part) for name, part in _PARTS.items()]
    found = [each for each in named if each[0] in headers and each[1] in headers]
    return [*found] if any(part == 0 for *_, part in found) else []


def _unknown(x: str, y: str, headers: Mapping[str, Header], file: str) -> Iterator[Problem]:
    for key, name in {"data.x": x, "data.y": y}.items():
        if name not in headers:
            right = nearest(name, headers)
            hint = f"Did you mean {key}={right}? " if right else ""
            shown = ", ".join(f"{name} {header.shape}" for name, header in headers.items())
            yield Problem(key, f"must name an array of {file}", f"'{name}'", f"{hint}It holds {shown}.")


def _pair_problems(pair: Pair, y: Header, names: tuple[str, str], files: tuple[str, str]) -> Iterator[Problem]:
    """What the headers of samples and labels say that cannot be trained on."""
    header, (of_x, of_y), (file_x, file_y) = pair.header, names, files
    shape = header.shape
    if header.dtype.kind not in "biuf":
        got, mend = _KINDS[header.dtype.kind]
        yield Problem("data.path", f"must hold numbers in '{of_x}'", got, mend, file_x)
    if y.dtype.kind == "O":
        got, mend = _KINDS["O"][0], "Save numbers or text: numpy.asarray(y, int), numpy.asarray(y, str)."
        yield Problem("data.path", f"must hold numbers or text in '{of_y}'", got, mend, file_y)
    if len(shape) < 2:
        rule, mend = f"must hold samples in '{of_x}', each of one number or more", "Save x.reshape(-1, 1)."
        yield Problem("data.path", rule, f"shape {shape}", mend if len(shape) == 1 else None, file_x)
    elif 0 in shape[1:] or shape[0] < (1 if pair.part is not None else _FEWEST):
        rule = f"must hold {_FEWEST} samples or more in '{of_x}'"
        yield Problem("data.path", rule, f"shape {shape}", place=file_x)
    elif not y.shape or y.shape[0] != shape[0]:
        rule = "must have a label for each sample"
        labels = y.shape[0] if y.shape else "one"
        yield Problem("data.path", rule, f"{labels} in '{of_y}' for {shape[0]} in '{of_x}'", place=file_y)
    available = available_bytes()
    if available is not None and y.nbytes > available:
        rule = f"must hold labels in '{of_y}' that fit in memory"
        yield Problem("data.path", rule, f"{y.nbytes / 1e9:.1f} GB", "Is it the right array?", file_y)


def _parts_problems(pairs: tuple[Pair, ...], file: str) -> Iterator[Problem]:
    if len({pair.header.shape[1:] for pair in pairs}) > 1:
        got = ", ".join(f"{pair.x} {pair.header.shape}" for pair in pairs)
        yield Problem("data.path", "must hold samples of one shape in all parts", got, place=file)
