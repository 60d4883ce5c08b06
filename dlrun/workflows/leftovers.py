"""What processes that were killed, and commands that have ended, leave lying about: nothing reads it any more."""

from __future__ import annotations

import contextlib
import json
import pkgutil
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from dlrun.analysis.runs import is_held
from dlrun.config.catalog import Catalog
from dlrun.config.roots import Roots
from dlrun.data.tables.kept import ABOUT, cache_of, entry_of
from dlrun.data.tables.layout import Settings, format_of
from dlrun.errors import UserError
from dlrun.tracking.owner import is_alive
from dlrun.tracking.tombstones import FOLDER

__all__ = ["children", "moved_aside", "unfinished_files", "unused_cache", "writer_logs"]

_ASIDE = re.compile(r"\..+\.(\d+)")  # see `training.atomic`
_LOG = re.compile(r"\.writer-(\d+)-[0-9a-f]+\.log")
_OF_A_RUN = ("model.partial.keras", "weights.partial.npz", "best.writing.weights.h5", "checkpoint/.writing")
_OF_A_SWEEP = ("workers", "owner.json")


def children(folder: Path, dotted: bool = False) -> list[Path]:
    """The folders in `folder`, links left out, by name; those that begin with a dot only if `dotted`."""
    try:
        found = [path for path in folder.iterdir() if path.is_dir() and not path.is_symlink()]
    except OSError:
        return []
    return sorted(path for path in found if dotted or not path.name.startswith("."))


def moved_aside(work: Path) -> list[Path]:
    """Run and sweep directories that were being deleted when that was killed."""
    folders = (work / "runs" / FOLDER, work / "sweeps" / FOLDER)
    return [path for folder in folders if not folder.is_symlink() for path in children(folder, dotted=True)]


def writer_logs(work: Path) -> list[Path]:
    """What tracking writers wrote down of what went wrong, those of living ones left out."""
    return [path for path in _files(work / "runs") if (m := _LOG.fullmatch(path.name)) and not is_alive(int(m[1]))]


def unfinished_files(work: Path) -> list[Path]:
    """Half-written files, what workers of ended sweeps printed, and notes about runs that are gone."""
    runs, sweeps = work / "runs", work / "sweeps"
    found = [*_asides(runs), *_asides(sweeps), *_stale_notes(runs)]
    found += [] if (runs / FOLDER).is_symlink() else _asides(runs / FOLDER)
    for run in children(runs):
        if left := [*_asides(run), *_present(run, _OF_A_RUN), *_without_manifest(run / "checkpoint")]:
            found += [] if is_held(run) else left
    for sweep in children(sweeps):
        if left := [*_asides(sweep), *_present(sweep, _OF_A_SWEEP)]:
            found += [] if is_held(sweep) else left
    return found


def unused_cache(roots: Roots) -> list[Path]:
    """Converted data files that no run here has learned from, or that are half-written."""
    cache = cache_of(roots)
    entries = [] if cache.is_symlink() else children(cache)
    if not entries or _is_locked(cache / ".lock"):
        return []
    used = set(_entries_of(roots, cache))
    return [entry for entry in entries if entry not in used or not (entry / ABOUT).is_file()]


def _entries_of(roots: Roots, cache: Path) -> Iterator[Path]:
    """The entry of each data set that a run's spec names, as far as its file is still there."""
    nodes: dict[str, Any] = {}
    for run in children(roots.work / "runs"):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            node = json.loads((run / "spec.json").read_bytes())["data"]
            nodes[json.dumps(node, sort_keys=True)] = node
    catalog = Catalog(roots)
    for node in nodes.values():
        with contextlib.suppress(OSError, KeyError, TypeError, AttributeError, UserError):
            option = catalog.get("data", node["option"])
            if "entry" in option.facts:
                entry = pkgutil.resolve_name(option.facts["entry"])(option.defaults | node, roots)
                yield from () if entry is None else (entry,)
            else:
                yield entry_of(
                    cache, roots.file(str(node["path"])), Settings.of(option.defaults | node, format_of(option))
                )


def _is_locked(lock: Path) -> bool:
    if not lock.exists():
        return False
    try:
        with FileLock(lock, timeout=0):
            return False
    except (Timeout, OSError):
        return True


def _asides(folder: Path) -> Iterator[Path]:
    for path in _files(folder):
        if (match := _ASIDE.fullmatch(path.name)) and not is_alive(int(match[1])):
            yield path


def _stale_notes(runs: Path) -> Iterator[Path]:
    """See `training.extend`: a note names a run that a longer one may go on from."""
    index = runs / ".shorter"
    if index.is_symlink():
        return
    for folder in children(index):
        yield from _asides(folder)
        for note in _files(folder):
            if note.name.isdigit():
                with contextlib.suppress(OSError, UnicodeDecodeError):
                    if not (runs / note.read_text(encoding="utf-8").strip()).is_dir():
                        yield note


def _without_manifest(checkpoint: Path) -> list[Path]:
    """States that were being written, or removed: a state counts with its manifest only."""
    states = [] if checkpoint.is_symlink() else [path for path in _files(checkpoint) if path.suffix == ".state"]
    return [path for path in states if not path.with_suffix(".json").exists()]


def _present(folder: Path, names: Iterable[str]) -> list[Path]:
    """Those of the names that are there, none of them behind a link."""
    found = [path for name in names if (path := folder / name).exists() and not path.is_symlink()]
    return [path for path in found if path.parent == folder or not path.parent.is_symlink()]


def _files(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_file() and not path.is_symlink())
    except OSError:
        return []
