"""Look at a folder of texts before anything heavy is imported: its classes, and all that is wrong with it, at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from dlrun.config.roots import Roots
from dlrun.data.classes import ByClass, Kind, by_class, several
from dlrun.data.declare import Declaration
from dlrun.data.folders import Walk, as_shown
from dlrun.data.place import folder_at, shown_path
from dlrun.data.tables.csv_text import in_utf8
from dlrun.errors import Problem

__all__ = ["LONGEST", "Look", "inspect", "look_at", "text_of"]

LONGEST = 16_000_000
"""Bytes of a text; a book has a million."""

KIND = Kind("text", "texts", frozenset({".txt", ".text", ".md"}), "")
_MOST = 2**24  # texts: beyond it float32, which they are numbered in, does not tell neighbours apart
_SKIP = "or pass over such files: data.unreadable=skip"
_RULES = {
    "empty": "must hold text",
    "binary": "must be text",
    "encoding": "must be UTF-8 text",
    "large": f"must have {LONGEST:,} bytes or fewer",
    "denied": "must be readable",
}


@dataclass(frozen=True)
class Look:
    """What a folder holds, as the config wants it read.

    Attributes:
        files: those that are texts.
        bytes: of all of these.
        skipped: how many files were passed over.
    """

    files: ByClass
    bytes: int
    skipped: int
    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class _Fault:
    path: Path
    kind: str
    got: str
    mend: str


def inspect(values: Mapping[str, Any], roots: Roots) -> Declaration:
    """What the folder that `values` name declares; see `declare.Inspect`."""
    found = folder_at(str(values["path"]), roots, "data.path")
    if isinstance(found, Problem):
        return Declaration(None, None, [found])
    classes = values["classes"]
    seen = look_at(found, None if classes is None else tuple(map(str, classes)), values["unreadable"] == "skip")
    given = frozenset({"parts"} if seen.files.parts else ())
    samples = len(seen.files.names)
    return Declaration(seen.files.task, len(seen.files.classes) or None, list(seen.problems), samples, (1,), given)


@lru_cache(maxsize=8)
def look_at(found: Walk, classes: tuple[str, ...] | None, skips: bool) -> Look:
    """Read a folder of texts once; an unchanged one is not read again."""
    files = by_class(found, classes, KIND)
    sizes = {member.name: member.state[0] for member in found.members}
    judged = {place: _fault(found.root / name, sizes[name]) for place, name in enumerate(files.names)}
    faults = {place: fault for place, fault in judged.items() if fault is not None}
    readable = files.only([place for place in range(len(files.names)) if place not in faults])
    problems = list(files.problems)
    if len(readable.names) > _MOST:
        problems.append(Problem("data.path", f"must hold {_MOST:,} texts or fewer", got=f"{len(readable.names):,}"))
    if not skips:
        problems += _problems(list(faults.values()), shown_path(found.root))
    elif lost := [files.classes[label] for label in sorted(set(files.labels) - set(readable.labels))]:
        rule, got = "must hold texts of each class that can be read", f"none in {', '.join(map(as_shown, lost))}"
        mend = "data.unreadable=refuse names the files."
        problems.append(Problem("data.path", rule, got, mend, shown_path(found.root)))
    total = sum(sizes[name] for name in readable.names)
    return Look(readable, total, len(faults), tuple(problems))


def text_of(path: Path) -> str:
    """The text in a file of UTF-8, with or without a byte order mark; every line end is a newline.

    Raises:
        OSError, UnicodeDecodeError: it cannot be read.
    """
    return path.read_text(encoding="utf-8-sig")


def _fault(path: Path, size: int) -> _Fault | None:
    if size > LONGEST:
        return _Fault(path, "large", f"{size:,} bytes", f"Cut it into several files, {_SKIP}")
    try:
        content = path.read_bytes()
    except OSError as error:
        return _Fault(path, "denied", error.strerror or str(error), "Give yourself the permission to read it.")
    try:
        if content.decode("utf-8-sig").strip() and b"\0" not in content:
            return None
    except UnicodeDecodeError as error:
        return _undecodable(path, content, error)
    if b"\0" in content:
        return _binary(path, f"a zero at byte {content.index(0):,}")
    return _Fault(path, "empty", f"{size} bytes" if size else "an empty file", f"Remove it, {_SKIP}")


def _undecodable(path: Path, content: bytes, error: UnicodeDecodeError) -> _Fault:
    is_wide = content[:2] in (b"\xff\xfe", b"\xfe\xff")  # what opens a file that Windows calls "Unicode"
    if not is_wide and b"\0" in content:
        return _binary(path, f"a zero at byte {content.index(0):,}")
    encoding = "UTF-16" if is_wide else "WINDOWS-1252"
    converting = in_utf8(as_shown(shown_path(path)), encoding)
    mend = f"It may be {encoding}: {converting}, {_SKIP}"
    return _Fault(path, "encoding", f"byte 0x{content[error.start]:02x} at offset {error.start:,}", mend)


def _binary(path: Path, got: str) -> _Fault:
    return _Fault(path, "binary", got, f"Remove the file, {_SKIP}")


def _problems(faults: Sequence[_Fault], folder: str) -> Iterator[Problem]:
    for kind, rule in _RULES.items():
        yield from several([fault for fault in faults if fault.kind == kind], _problem_of(rule), folder)


def _problem_of(rule: str) -> Callable[[_Fault], Problem]:
    def problem(fault: _Fault) -> Problem:
        return Problem("data.path", rule, got=fault.got, mend=fault.mend, place=as_shown(shown_path(fault.path)))

    return problem
