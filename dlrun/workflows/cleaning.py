"""Free the disk of what nothing needs, and of more where that is asked for; nothing is removed unseen.

What resuming or training on needs is never touched unasked: the checkpoints of runs that have not ended, ever.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dlrun.analysis.ranking import default_metric
from dlrun.analysis.runs import RunRecord, read_runs, read_sweeps
from dlrun.analysis.which import best_trial
from dlrun.config.catalog import Catalog
from dlrun.config.roots import Roots
from dlrun.tracking.state import pending
from dlrun.training.atomic import storage_errors
from dlrun.training.result import FINAL
from dlrun.workflows import leftovers
from dlrun.workflows.holding import held
from dlrun.workflows.probe import MODEL_FILES
from dlrun.workflows.removal import finish, size_of

__all__ = ["Asked", "Heap", "Kind", "clear", "survey"]


@dataclass(frozen=True)
class Kind:
    """What files can go.

    Attributes:
        name: in a word or two.
        what: what they are, in a line.
        cost: what cannot be had any more without them.
        option: the option that asks for them; None where nothing needs them.
    """

    name: str
    what: str
    cost: str
    option: str | None = None


_DELETED = Kind("deleted runs", "directories whose deletion was killed", "nothing: they were to go")
_LOGS = Kind("writer logs", "why a store did not take what was sent", "nothing: no command reads them")
_LEFT = Kind("leftovers", "files of killed processes", "nothing: they are half-written, or of no use")
_CACHED = Kind("cached data", "converted files that no run here has learned from", "such a file is read as text again")
_DIVERGED = Kind("checkpoints", "of diverged runs", "nothing: no training goes on with them")
_TWICE = Kind("weights", f"beside what is opened in their place ({MODEL_FILES[0]})", "nothing: no command reads them")
_EXTENSIBLE = Kind("checkpoints", "of finished runs", "more epochs will then begin at the first", "--checkpoints")
_MODELS = Kind("models", "of finished and diverged runs", "what opens a model must train it again first", "--models")
_UNSENT = Kind("models", "that a store is still to get", _MODELS.cost, "dlrun sync, then --models")


@dataclass(frozen=True)
class Asked:
    """What the user wants to go beside what nothing needs.

    Attributes:
        checkpoints: of finished runs.
        models: of finished and diverged runs: `model.keras`, or weights alone.
        keep_best: not those of the best run of each sweep, and of the single runs on each data set.
    """

    checkpoints: bool = False
    models: bool = False
    keep_best: bool = False


@dataclass(frozen=True)
class Heap:
    """Files of one kind that can go.

    Attributes:
        paths: files, and folders with all that is in them.
        sizes: bytes of each.
        owners: of those that lie in the directory of a run or a sweep, this: they stay while it is at work.
        is_asked: whether they are to go.
    """

    kind: Kind
    paths: tuple[Path, ...]
    sizes: tuple[int, ...]
    owners: Mapping[Path, Path]
    is_asked: bool = True

    @property
    def size(self) -> int:
        """Bytes in all."""
        return sum(self.sizes)

    @property
    def files(self) -> int:
        """How many files, those in folders counted."""
        return sum(_count(path) for path in self.paths)


def survey(roots: Roots, asked: Asked) -> list[Heap]:
    """What can go, a heap a kind; kinds of which there is nothing are left out. Removes nothing."""
    runs = [run for run in read_runs(roots.work) if not run.path.is_symlink()]
    kept = _best(roots, runs) if asked.keep_best else set()
    heaps = [*_unneeded(roots, runs), *_on_demand(roots.work, [run for run in runs if run.id not in kept], asked)]
    return [heap for heap in heaps if heap.paths]


def clear(heaps: Sequence[Heap], work: Path) -> int:
    """Remove the heaps that are asked for; what a training has taken up meanwhile stays. Returns the bytes removed.

    Raises:
        StorageError: a file cannot be removed; those before it are gone.
    """
    freed = 0
    for heap in (heap for heap in heaps if heap.is_asked):
        if heap.kind is _DELETED:
            continue  # these leave a note for the stores: where the disk is full there is room for that at the end
        for path, size in zip(heap.paths, heap.sizes, strict=True):
            owner = heap.owners.get(path)
            with held(owner) if owner is not None else contextlib.nullcontext(True) as is_ours:
                if is_ours:
                    _remove(path)
                    freed += size
    finish(work)
    return freed + sum(heap.size for heap in heaps if heap.kind is _DELETED)


def _unneeded(roots: Roots, runs: Sequence[RunRecord]) -> Iterator[Heap]:
    work = roots.work
    yield _heap(_DELETED, leftovers.moved_aside(work), work)
    yield _heap(_LOGS, leftovers.writer_logs(work), work)
    yield _heap(_LEFT, leftovers.unfinished_files(work), work)
    yield _heap(_CACHED, leftovers.unused_cache(roots), work)
    yield _heap(_DIVERGED, [run.path / "checkpoint" for run in runs if run.status == "diverged"], work)
    yield _heap(_TWICE, [path for run in runs if run.status in FINAL for path in _kept(run)[1:]], work)


def _on_demand(work: Path, runs: Sequence[RunRecord], asked: Asked) -> Iterator[Heap]:
    checkpoints = [run.path / "checkpoint" for run in runs if run.status == "finished"]
    yield _heap(_EXTENSIBLE, checkpoints, work, asked.checkpoints)
    ended, unsent = [run for run in runs if run.status in FINAL], _unsent(work, runs)
    models = [path for run in ended if run.id not in unsent for path in _kept(run)[:1]]
    yield _heap(_MODELS, models, work, asked.models)
    yield _heap(_UNSENT, [run.path / MODEL_FILES[0] for run in ended if run.id in unsent], work, is_asked=False)


def _unsent(work: Path, runs: Sequence[RunRecord]) -> set[str]:
    """Those of the runs whose models the stores that their specs name have not got."""
    from dlrun.workflows.sync import batches

    recorded = [run.path for run in runs if run.spec.get("tracking.option") not in (None, "none")]
    found = batches([path for path in recorded if _is_there(path / MODEL_FILES[0])], work, {"option": "none"})
    # one whose address cannot be had, say of an environment variable that is not set, may have got nothing
    return {path.name for batch in found for path in (pending(batch.runs, batch.uri) if batch.uri else batch.runs)}


def _kept(run: RunRecord) -> list[Path]:
    """Its files of weights, that first which is opened."""
    return [path for name in MODEL_FILES if _is_there(path := run.path / name)]


def _heap(kind: Kind, paths: Sequence[Path], work: Path, is_asked: bool = True) -> Heap:
    there = tuple(path for path in paths if _is_there(path))
    owners = {path: owner for path in there if (owner := _owner(path, work)) is not None}
    return Heap(kind, there, tuple(size_of(path) for path in there), owners, is_asked)


def _owner(path: Path, work: Path) -> Path | None:
    """The run or sweep directory that a file lies in."""
    folder, name, *rest = path.relative_to(work).parts
    is_owned = rest and folder in ("runs", "sweeps") and not name.startswith(".")
    return work / folder / name if is_owned else None


def _is_there(path: Path) -> bool:
    return path.exists() and not path.is_symlink()


def _best(roots: Roots, runs: Sequence[RunRecord]) -> set[str]:
    """The runs that `--keep-best` keeps."""
    by_id = {run.id: run for run in runs}
    sweeps = read_sweeps(roots.work)
    swept = {run for sweep in sweeps for run in sweep.run_names}
    groups = [[by_id[run] for run in sweep.run_names if run in by_id] for sweep in sweeps]
    alone = [run for run in runs if run.id not in swept]
    groups += [
        [run for run in alone if run.spec.get("data.option") == data]
        for data in {run.spec.get("data.option") for run in alone}
    ]
    catalog = Catalog(roots)
    found = (best_trial(group, default_metric(group), catalog) for group in groups if group)
    return {best[0].id for best in found if best is not None}


def _count(path: Path) -> int:
    if path.is_symlink() or not path.is_dir():
        return 1
    return sum(_count(entry) for entry in path.iterdir())


def _remove(path: Path) -> None:
    with storage_errors(path), contextlib.suppress(FileNotFoundError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
