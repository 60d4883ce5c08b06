"""Where a run begins: at its beginning, at its own checkpoint, or at the end of a shorter run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dlrun.config.catalog import Catalog
from dlrun.config.spec import Spec
from dlrun.errors import UserError
from dlrun.training.checkpoint import Checkpoint
from dlrun.training.extend import shorter_run
from dlrun.training.resume import changes
from dlrun.training.rundir import RunDirectory

__all__ = ["Beginning", "find_beginning"]


@dataclass(frozen=True)
class Beginning:
    """Where a run begins.

    Attributes:
        own: its own checkpoint, where it goes on with an earlier attempt.
        source: the shorter run whose end it begins at.
        end: the checkpoint of that.
        warnings: what the user should know of it.
        refused: why it must not go on there.
    """

    own: Checkpoint | None = None
    source: RunDirectory | None = None
    end: Checkpoint | None = None
    warnings: tuple[str, ...] = ()
    refused: UserError | None = None

    @property
    def resumed(self) -> dict[str, int] | None:
        """The `epoch` and `step` that an earlier attempt had finished; None where there is none to go on with."""
        return None if self.own is None else {"epoch": self.own.position.epoch, "step": self.own.position.step}

    @property
    def extends(self) -> dict[str, Any] | None:
        """The shorter `run`, and the `epoch` that it ended with."""
        if self.source is None:
            return None
        return {"epoch": self.epochs_before, "step": 0, "run": self.source.path.name}

    @property
    def epochs_before(self) -> int:
        """Epochs of the shorter run."""
        return 0 if self.end is None else self.end.position.epoch

    def adopt(self, directory: RunDirectory) -> None:
        """Make the shorter run's last state the run's own.

        Raises:
            StorageError: it cannot be written.
        """
        if self.end is not None:
            directory.checkpoints.write(self.end)


def find_beginning(spec: Spec, catalog: Catalog, directory: RunDirectory, steps_per_epoch: int) -> Beginning:
    """Where the run of `directory` begins. TensorFlow must have been set up.

    Args:
        steps_per_epoch: updates of the weights in an epoch, which schedules are measured by.
    """
    own = directory.checkpoints.newest()
    warnings = _of_damage(directory, own)
    if own is not None:
        return Beginning(own, warnings=warnings, refused=_refusal(own, spec, directory))
    if spec["checkpoint"]["option"] == "none":  # what it goes on with would have to become its own
        return Beginning(warnings=warnings)
    source, end = shorter_run(spec, catalog, directory, steps_per_epoch) or (None, None)
    return Beginning(source=source, end=end, warnings=warnings)


def _of_damage(directory: RunDirectory, own: Checkpoint | None) -> tuple[str, ...]:
    damaged = directory.checkpoints.damaged
    if not damaged:
        return ()
    then = "the run begins again" if own is None else f"the run goes on with the one before, of epoch {_where(own)}"
    return (f"{' and '.join(damaged)}: {then}",)


def _where(kept: Checkpoint) -> str:
    step = f" and step {kept.position.step}" if kept.position.step else ""
    return f"{kept.position.epoch}{step}"


def _refusal(own: Checkpoint, spec: Spec, directory: RunDirectory) -> UserError | None:
    changed = changes(own)
    if not changed or spec["checkpoint"].get("inexact"):
        return None
    return UserError(
        f"Run {directory.path.name[:8]} was begun on something else, so that it cannot end with the bits that it would"
        f" have ended with: {'; '.join(changed)}. Add --inexact to go on all the same, or remove"
        f" {directory.checkpoints.folder} to begin again."
    )
