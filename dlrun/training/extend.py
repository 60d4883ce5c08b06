"""More epochs for a finished run: the longer run goes on from the last weights of the shorter one.

They are two runs with two ids. A run that leaves a checkpoint is noted by what it is less its number of epochs:

    runs/.shorter/<identity without epochs>/<epochs>     holds the run's id

so that a longer one finds it with one look, however many runs there are.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from dlrun.config.build import arguments
from dlrun.config.catalog import Catalog
from dlrun.config.identity import id_without_epochs
from dlrun.config.spec import Spec
from dlrun.training import machine
from dlrun.training.atomic import write_text
from dlrun.training.checkpoint import Checkpoint
from dlrun.training.objective import Horizon
from dlrun.training.resume import changes
from dlrun.training.rundir import RunDirectory

__all__ = ["note_extensible", "shorter_run"]

_INDEX = ".shorter"


def note_extensible(spec: Spec, catalog: Catalog, directory: RunDirectory) -> None:
    """Note a finished run that a longer one can go on from; nothing where it has left no checkpoint.

    Raises:
        StorageError: the note cannot be written.
    """
    if spec["checkpoint"]["option"] == "none":
        directory.checkpoints.clear()  # an earlier attempt's: they are not of the end
    if spec["trainer"]["fast_dev_run"] or not directory.checkpoints.exist():
        return
    directory.checkpoints.keep_one()
    folder = directory.path.parent / _INDEX / id_without_epochs(spec, catalog)
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / str(spec["trainer"]["epochs"]), directory.path.name + "\n")


def shorter_run(
    spec: Spec, catalog: Catalog, directory: RunDirectory, steps_per_epoch: int
) -> tuple[RunDirectory, Checkpoint] | None:
    """The longest finished run of which a run of `spec` is the continuation, and its last state; None if none is.

    None too where a schedule depends on the number of epochs, and where the shorter run was made with other threads,
    another processor or other libraries, unless `checkpoint.inexact` allows that: then nothing is gained by an end
    that differs from that of the same run from its beginning.
    """
    epochs = spec["trainer"]["epochs"]
    folder = directory.path.parent / _INDEX / id_without_epochs(spec, catalog)
    for shorter in sorted((length for length in _lengths(folder) if length < epochs), reverse=True):
        if not _same_schedule(spec, catalog, Horizon(steps_per_epoch, shorter)):
            return None
        found = RunDirectory(directory.path.parent / (folder / str(shorter)).read_text(encoding="utf-8").strip())
        result = found.result()
        if result is None or result.status != "finished":
            continue
        kept = found.checkpoints.newest(owned=False)
        if kept is not None and not kept.position.step and _fits(kept, spec):
            return found, kept
    return None


def _lengths(folder: Any) -> Iterator[int]:
    with contextlib.suppress(OSError):
        yield from (int(path.name) for path in folder.iterdir() if path.name.isdigit())


def _same_schedule(spec: Spec, catalog: Catalog, shorter: Horizon) -> bool:
    """Whether the learning rate of every step is the same however many epochs follow."""
    node = spec["schedule"]
    option = catalog.get("schedule", node["option"])
    rate = spec["optimizer"].get("learning_rate", 0.0)
    built: list[Mapping[str, Any]] = [
        arguments(catalog, option, node, horizon.names(rate))
        for horizon in (shorter, replace(shorter, epochs=spec["trainer"]["epochs"]))
    ]
    return built[0] == built[1]


def _fits(kept: Checkpoint, spec: Spec) -> bool:
    same_threads = kept.origin["threads"] == machine.resolved_threads(spec["trainer"]["threads"])
    return (same_threads and not changes(kept)) or bool(spec["checkpoint"]["inexact"])
