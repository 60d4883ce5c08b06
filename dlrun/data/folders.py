"""Folders of files as data: what lies in them, in which class and which part, and what keeps them from being read.

A walk goes through sub-folders and links; it never goes round in a loop, and tells the files that it cannot reach.
"""

from __future__ import annotations

import os
import time
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Member", "Obstacle", "Walk", "as_shown", "walk"]

_PASSED_OVER = frozenset({"thumbs.db", "desktop.ini"})
_LONG = 0.05  # seconds: what took as long to look at is remembered for a while
_FRESH = 20  # times as long as it took
_MOST_REMEMBERED = 8


@dataclass(frozen=True)
class Member:
    """A file in a folder.

    Attributes:
        name: seen from the folder, its parts joined by `/`.
        state: size, time of the last change in nanoseconds, inode: a file that has none changed is the same.
    """

    name: str
    state: tuple[int, int, int]


@dataclass(frozen=True)
class Obstacle:
    """What a walk cannot pass.

    Attributes:
        kind: `loop` (a link to a folder that it lies in), `denied`, `name` (no UTF-8), `link` (to nothing) or `device`.
        name: as of a `Member`.
    """

    kind: str
    name: str


@dataclass(frozen=True)
class Walk:
    """What lies in a folder, sorted by name; what begins with a dot is left out.

    Attributes:
        folders: names of all folders.
    """

    root: Path
    members: tuple[Member, ...]
    folders: tuple[str, ...]
    obstacles: tuple[Obstacle, ...]

    def files(self) -> dict[str, Path]:
        """Where the files lie, by name."""
        return {member.name: self.root / member.name for member in self.members}


_REMEMBERED: OrderedDict[Path, tuple[float, Walk]] = OrderedDict()


def walk(folder: Path) -> Walk:
    """Look through a folder. One of very many files is looked through again after a while only.

    Raises:
        OSError: the folder itself cannot be read.
    """
    began = time.monotonic()
    until, found = _REMEMBERED.get(folder, (0.0, None))
    if found is not None and began < until:
        return found
    members: list[Member] = []
    folders: list[str] = []
    obstacles: list[Obstacle] = []
    for each in _below(folder, "", (_identity(folder),)):
        if isinstance(each, Member):
            members.append(each)
        elif isinstance(each, Obstacle):
            obstacles.append(each)
        else:
            folders.append(each)
    members.sort(key=lambda member: member.name)
    obstacles.sort(key=lambda obstacle: (obstacle.kind, obstacle.name))
    found = Walk(folder, tuple(members), tuple(sorted(folders)), tuple(obstacles))
    _remember(folder, found, began)
    return found


def as_shown(name: str) -> str:
    """A name as messages show it, whatever bytes it is made of."""
    text = os.fsencode(name).decode("utf-8", "backslashreplace")
    return "".join(each if each.isprintable() else f"\\x{ord(each):02x}" for each in text)


def _remember(folder: Path, found: Walk, began: float) -> None:
    took = time.monotonic() - began
    if took > _LONG:
        _REMEMBERED[folder] = (began + (1 + _FRESH) * took, found)
        while len(_REMEMBERED) > _MOST_REMEMBERED:
            _REMEMBERED.popitem(last=False)


def _below(folder: Path, prefix: str, above: tuple[tuple[int, int], ...]) -> Iterator[Member | Obstacle | str]:
    """Files, obstacles, and the names of folders."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(".") or entry.name.lower() in _PASSED_OVER:
                continue
            name = prefix + entry.name
            if not _is_utf8(entry.name):
                yield Obstacle("name", name)
            elif _is_folder(entry):
                yield name
                yield from _inside(Path(entry.path), f"{name}/", above)
            else:
                yield _file(entry, name)


def _inside(folder: Path, prefix: str, above: tuple[tuple[int, int], ...]) -> Iterator[Member | Obstacle | str]:
    try:
        identity = _identity(folder)
        if identity in above:
            yield Obstacle("loop", prefix[:-1])
            return
        yield from _below(folder, prefix, (*above, identity))
    except PermissionError:
        yield Obstacle("denied", prefix[:-1])


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _file(entry: os.DirEntry[str], name: str) -> Member | Obstacle:
    try:
        status = entry.stat()
    except OSError:
        return Obstacle("link", name)
    if not entry.is_file():
        return Obstacle("device", name)
    if not os.access(entry.path, os.R_OK):
        return Obstacle("denied", name)
    return Member(name, (status.st_size, status.st_mtime_ns, status.st_ino))


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino


def _is_utf8(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
