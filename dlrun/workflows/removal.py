"""Delete runs: their directories at once, their MLflow runs with the next command.

    runs/.deleted/<run id>-<store>.json    a tombstone: what that store is to mark as deleted, see `tracking.tombstones`
    runs/.deleted/<run id>/                a directory that is being removed: moved there, so that no run is half there

In that order: a tombstone counts from the instant in which the directory is moved away. After a kill the next
deletion, or `dlrun clean`, does the rest. On a full disk what is large goes first, then the tombstones are written, and
only then the note goes that names the stores.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dlrun.analysis.ledger import DELETED
from dlrun.analysis.runs import RunRecord, SweepRecord, is_held, read_sweeps
from dlrun.errors import StorageError, UserError
from dlrun.sweeps.ledger import Ledger
from dlrun.tracking.journal import JOURNAL
from dlrun.tracking.state import SYNCED, Note, Synced, all_synced
from dlrun.tracking.tombstones import FOLDER, content_of, is_void
from dlrun.training.atomic import storage_errors, write_json
from dlrun.workflows.holding import held

__all__ = ["Removal", "Removed", "finish", "plan", "remove", "size_of"]

_SENDING_SECONDS = 5.0  # how long a writer that sends a run at this moment is waited for
_NAMED = 6


@dataclass(frozen=True)
class Removal:
    """What a deletion would take.

    Attributes:
        runs: those that have a directory.
        sizes: bytes of each, by its id.
        losses: the sweeps that go on without some of their runs, with how many they lose.
        sweeps: those of which nothing would be left.
        work: the folder that holds `runs/` and `sweeps/`.
    """

    runs: tuple[RunRecord, ...]
    sizes: Mapping[str, int]
    losses: tuple[tuple[SweepRecord, int], ...]
    sweeps: tuple[SweepRecord, ...]
    work: Path


@dataclass(frozen=True)
class Removed:
    """What a deletion took.

    Attributes:
        runs: how many run directories.
        sweeps: how many sweep directories.
        size: bytes.
        in_store: how many of them a store has, which is to mark them as deleted.
        busy: runs that a training or a writer took up just then: they are there as before.
    """

    runs: int
    sweeps: int
    size: int
    in_store: int
    busy: tuple[RunRecord, ...]


def plan(runs: Sequence[RunRecord], work: Path, addressed: Sequence[SweepRecord] = ()) -> Removal:
    """What deleting `runs` would take. Removes nothing.

    Args:
        addressed: sweeps that were named: one without a run directory goes, too.

    Raises:
        UserError: a run is at work, or is none of this folder's; all that is wrong is told at once.
    """
    once = {run.id: run for run in runs}  # two sweeps may have it
    there = [run for run in once.values() if os.path.lexists(run.path)]
    sweeps = read_sweeps(work)
    gone = {run.id for run in there}
    touched = [(sweep, len(gone & sweep.run_names.keys())) for sweep in sweeps]
    named = {sweep.id for sweep in addressed}
    touched = [(sweep, lost) for sweep, lost in touched if lost or sweep.id in named]
    problems = [*_refused(there, work), *_at_work([sweep for sweep, _ in touched])]
    if problems:
        raise UserError("\n\n".join([*problems[:-1], f"{problems[-1]} Nothing was deleted."]))
    empty = [sweep for sweep, _ in touched if not any(_is_left(work, run, gone) for run in sweep.run_names)]
    ending = {sweep.id for sweep in empty}
    losses = [(sweep, lost) for sweep, lost in touched if lost and sweep.id not in ending]
    return Removal(tuple(there), {run.id: size_of(run.path) for run in there}, tuple(losses), tuple(empty), work)


def _is_left(work: Path, run: str, gone: set[str]) -> bool:
    return run not in gone and (work / "runs" / run).is_dir()


def _refused(runs: Sequence[RunRecord], work: Path) -> Iterator[str]:
    if at_work := [run for run in runs if run.status == "running"]:
        ids, are = _listed([run.short_id for run in at_work]), "is" if len(at_work) == 1 else "are"
        yield f"A run must have ended before it is deleted; {ids} {are} being trained at this moment. Stop it first."
    home = (work / "runs").resolve()
    for run in runs:
        if run.path.is_symlink():
            yield f"A run must lie in {home} itself; {run.short_id} is a link to elsewhere. Remove the link by hand."
        elif run.path.parent.resolve() != home:
            yield f"A run must lie in {home} to be deleted from here; got {run.path}. Type the command in its folder."


def _at_work(sweeps: Sequence[SweepRecord]) -> Iterator[str]:
    for sweep in sweeps:
        if is_held(sweep.path):
            yield f"Sweep {sweep.short_id} must have ended before it loses runs; it is being run at this moment."


def remove(removal: Removal) -> Removed:
    """Delete what was planned, and finish what an earlier deletion was killed in.

    Raises:
        StorageError: a directory cannot be moved or removed; what was not reached is as it was.
    """
    runs = removal.work / "runs"
    for aside in _left(runs / FOLDER):
        _free(aside)
    busy, in_store = [], 0
    for run in removal.runs:
        aside_now = _moved(run.path, runs / FOLDER)
        if aside_now is None:
            busy.append(run)
        else:
            in_store += bool(all_synced(aside_now))
            _free(aside_now)
    kept = {run.id for run in busy}
    empty = [sweep for sweep in removal.sweeps if not kept & sweep.run_names.keys()]
    ended = sum(_moved_sweep(sweep.path) for sweep in empty)
    finish(removal.work)
    gone = [run for run in removal.runs if run.id not in kept]
    _tell_ledgers(removal, {run.id for run in gone})
    return Removed(len(gone), ended, sum(removal.sizes[run.id] for run in gone), in_store, tuple(busy))


def _tell_ledgers(removal: Removal, gone: set[str]) -> None:
    """Have the sweeps that go on say which of their runs were deleted: these are not left to be trained."""
    for sweep in [*(sweep for sweep, _ in removal.losses), *removal.sweeps]:
        lost = [run for run in sweep.run_names if run in gone]
        if lost and sweep.path.is_dir():
            with contextlib.suppress(StorageError), Ledger(sweep.path) as ledger:  # the runs are gone either way
                ledger.record_all([(run, DELETED, {}) for run in lost])


def finish(work: Path) -> int:
    """Remove what a killed deletion has moved aside; returns how many directories.

    Raises:
        StorageError: one cannot be removed.
    """
    left = [*_left(work / "runs" / FOLDER), *_left(work / "sweeps" / FOLDER)]
    for aside in left:
        _free(aside)
    for aside in left:
        _bury(aside)
    _drop_void(work)
    for folder in ("runs", "sweeps"):
        _tidy(work / folder / FOLDER)
    return len(left)


def _left(folder: Path) -> list[Path]:
    if folder.is_symlink() or not folder.is_dir():
        return []
    return [path for path in folder.iterdir() if path.is_dir() and not path.is_symlink()]


def _moved(path: Path, deleted: Path) -> Path | None:
    """The directory, moved aside; None where somebody is at work in it."""
    if not path.is_dir():
        return None
    aside = deleted / path.name
    with held(path) as is_ours:
        if not is_ours:
            return None
        with _unsent(path) as is_quiet, storage_errors(path):
            if not is_quiet:
                return None
            _require_plain(deleted)
            deleted.mkdir(exist_ok=True)
            if aside.is_dir():  # it was trained anew since a deletion was killed
                _bury(aside)
            with contextlib.suppress(StorageError):  # a full disk: they are written when there is room
                _note(path.name, all_synced(path), deleted)
            path.rename(aside)
    return aside


def _require_plain(deleted: Path) -> None:
    if deleted.is_symlink():
        raise UserError(f"{deleted} must be a folder; it is a link to elsewhere. Remove the link by hand.")


@contextlib.contextmanager
def _unsent(path: Path) -> Iterator[bool]:
    """Whether no writer sends the run while inside; one that does now is waited for."""
    if not (path / JOURNAL).exists():
        yield True
        return
    deadline = time.monotonic() + _SENDING_SECONDS
    with storage_errors(path):
        note = Note.hold(path)
        while note is None and time.monotonic() < deadline:
            time.sleep(0.05)
            note = Note.hold(path)
    try:
        yield note is not None
    finally:
        if note is not None:
            note.release()


def _free(aside: Path) -> None:
    """Remove what is in a directory, but for what it says of the stores."""
    with storage_errors(aside), contextlib.suppress(FileNotFoundError):
        for path in aside.iterdir():
            if path.name != SYNCED:
                _discard(path)


def _bury(aside: Path) -> None:
    """See that the stores are to forget the run, then remove the directory."""
    folder = aside.parent
    synced = [each for each in all_synced(aside) if not is_void(content_of(aside.name, each), folder.parent.parent)]
    _note(aside.name, synced, folder)
    with storage_errors(aside):
        _discard(aside)


def _discard(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, onerror=_unless_gone)
    else:
        path.unlink(missing_ok=True)


def _unless_gone(function: Callable[..., object], path: str, error: tuple[type, BaseException, object]) -> None:
    if not isinstance(error[1], FileNotFoundError):  # another command does the same
        raise error[1]


def _note(run: str, synced: Sequence[Synced], folder: Path) -> None:
    """Write the run's tombstones; others of it, of which a store has not heard yet, stay."""
    for each in synced:
        content, name = content_of(run, each), f"{run}-{each.store}"
        number, path = 1, folder / f"{name}.json"
        while path.exists() and _content(path) != content:
            number += 1
            path = folder / f"{name}-{number}.json"
        if not path.exists():
            write_json(path, content)


def _content(path: Path) -> Any:
    with contextlib.suppress(OSError, ValueError):
        return json.loads(path.read_bytes())
    return None


def _drop_void(work: Path) -> None:
    """Remove the tombstones of runs that are there: a deletion was killed before the directory was moved."""
    deleted = work / "runs" / FOLDER
    for path in () if deleted.is_symlink() else deleted.glob("*.json"):
        with contextlib.suppress(OSError, KeyError, TypeError, AttributeError, StorageError):
            content = _content(path)
            if is_void(content, work):
                with held(work / "runs" / content["run"]) as is_ours:  # else it is being deleted at this moment
                    if is_ours and is_void(content, work):
                        path.unlink()


def _moved_sweep(path: Path) -> bool:
    """Move a sweep's directory aside; False where it is being run."""
    deleted = path.parent / FOLDER
    with held(path) as is_ours:
        if not is_ours:
            return False
        with storage_errors(path):
            _require_plain(deleted)
            deleted.mkdir(exist_ok=True)
            if (deleted / path.name).is_dir():
                _bury(deleted / path.name)
            path.rename(deleted / path.name)
    return True


def _tidy(folder: Path) -> None:
    with contextlib.suppress(OSError):  # it still holds tombstones
        folder.rmdir()


def size_of(path: Path) -> int:
    """Bytes of the files in `path`, or of the file `path`; links are not followed."""
    return sum(status.st_size for status in _statuses(path))


def _statuses(path: Path) -> Iterator[os.stat_result]:
    with contextlib.suppress(OSError):  # it went away just now, or is somebody else's
        if path.is_symlink() or not path.is_dir():
            yield path.lstat()
            return
        for entry in path.iterdir():
            yield from _statuses(entry)


def _listed(words: Sequence[str]) -> str:
    return ", ".join(words[:_NAMED]) + (f" and {len(words) - _NAMED} more" if len(words) > _NAMED else "")
