"""The sha256 of a file's content, or of many files', computed once for files that have not changed."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections import OrderedDict
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path

__all__ = ["content_digest", "digest_of_files", "memory_of"]

_MANY = 2**24  # bytes: digests that cost as much are remembered for the next command
_THREADS = 2  # a file is hashed without Python's lock
_MOST_KEPT = 8

_State = tuple[int, int, int]
_KEPT: OrderedDict[tuple[tuple[str, str, _State], ...], str] = OrderedDict()


def content_digest(path: Path) -> str:
    """The sha256 of a file's content, hex."""
    return _digest(path, *_state(path))


def memory_of(work: Path) -> Path:
    """The file in which digests of many files are remembered, of a working directory; it need not exist."""
    return work / ".dlrun" / "cache" / "digests.json"


def digest_of_files(files: Mapping[str, Path], memory: Path) -> str:
    """The sha256, hex, of many files: of their names and contents, wherever they lie.

    Args:
        files: where they lie, by the names that they count by.
        memory: see `memory_of`.

    Raises:
        OSError: one of them cannot be read.
    """
    states = {name: (str(path.absolute()), _state(path)) for name, path in sorted(files.items())}
    key = tuple((name, path, state) for name, (path, state) in states.items())
    if key not in _KEPT:
        digests = _digests(dict(states.values()), memory)
        pairs = [[name, digests[path]] for name, (path, _) in states.items()]
        _KEPT[key] = hashlib.sha256(json.dumps(pairs).encode()).hexdigest()
        while len(_KEPT) > _MOST_KEPT:
            _KEPT.popitem(last=False)
    return _KEPT[key]


def _digests(states: Mapping[str, _State], memory: Path) -> dict[str, str]:
    """The digest of each file, by its path: remembered, or computed."""
    known = _recalled(memory)
    found = {path: str(known[path][3]) for path, state in states.items() if known.get(path, ())[:3] == [*state]}
    new = [path for path in states if path not in found]
    with ThreadPoolExecutor(_THREADS) as pool:
        found |= dict(zip(new, pool.map(_hashed, new), strict=True))
    if sum(states[path][0] for path in new) >= _MANY:
        _remember(memory, known | {path: [*state, found[path]] for path, state in states.items()})
    return found


def _recalled(memory: Path) -> dict[str, list[int | str]]:
    try:
        known: dict[str, list[int | str]] = json.loads(memory.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known


def _remember(memory: Path, known: Mapping[str, object]) -> None:
    """Written aside and renamed. What cannot be remembered is computed again: no reason to stop."""
    aside = memory.with_name(f".{memory.name}.{os.getpid()}")
    with contextlib.suppress(OSError):
        memory.parent.mkdir(parents=True, exist_ok=True)
        aside.write_text(json.dumps(known), encoding="utf-8")
        aside.replace(memory)


def _hashed(path: str) -> str:
    with open(path, "rb") as file:  # noqa: PTH123 - fifty thousand paths made anew would take as long as the reading
        return hashlib.file_digest(file, "sha256").hexdigest()


def _state(path: Path) -> _State:
    status = path.stat()
    return status.st_size, status.st_mtime_ns, status.st_ino


@lru_cache(maxsize=4096)
def _digest(path: Path, _size: int, _mtime_ns: int, _inode: int) -> str:
    return _hashed(str(path))
