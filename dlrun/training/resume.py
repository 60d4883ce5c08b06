"""Train from where a run was left: the engine's session between the newest checkpoint and the next ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from dlrun.config.catalog import Catalog
from dlrun.errors import UserError
from dlrun.training import machine
from dlrun.training.bookkeeping import Bookkeeper, Emit
from dlrun.training.checkpoint import Checkpoint
from dlrun.training.checkpointer import Checkpointer, Safety
from dlrun.training.choose import Choice, choose
from dlrun.training.engine import BEGINNING, Course, Position, Session
from dlrun.training.interrupts import deferred
from dlrun.training.rundir import RunDirectory
from dlrun.training.state import Member, Misfit, restore_model

__all__ = ["Resumption", "changes", "members_of", "origin_of"]


class Resumption:
    """How a run's training begins, goes on and is kept safe.

    Args:
        spec: the run's.
        directory: the run's directory; its newest checkpoint is where the training goes on.
        emit: told a `warning` where something may not be as it seems.
    """

    def __init__(self, spec: Mapping[str, Any], directory: RunDirectory, emit: Emit) -> None:
        self._spec = spec
        self._directory = directory
        self._emit = emit
        self._checkpoint = directory.checkpoints.newest()

    def start(self, course: Course) -> Position:
        """Where the training begins; at the end of the course where a callback has ended it before."""
        kept = self._checkpoint
        if kept is None:
            return BEGINNING
        return Position(course.epochs) if kept.stopped else kept.position

    def chosen(self, callbacks: Sequence[Any], course: Course, model: Any) -> Choice:
        """The engine that trains: a resumed training's is the one that it was begun with."""
        kept = self._checkpoint
        if kept is None:
            return choose(self._spec["trainer"]["engine"], callbacks, course, model)
        choice = choose(kept.origin["engine"], callbacks, course, model)
        begun = choice.engine.name == kept.origin["engine"]
        return replace(choice, why="the run was begun with it") if begun else choice

    def fit(self, session: Session, course: Course, choice: Choice, callbacks: Mapping[str, Member]) -> None:
        """Train the session's model to the end of the course.

        Args:
            callbacks: by name and in order, the bookkeeper first.

        Raises:
            UserError: the checkpoint is not of this model.
            ConfigError: a callback's state cannot be written.
            StorageError: a checkpoint cannot be written; the one before is as it was.
            KeyboardInterrupt: a signal has ended the training, after a checkpoint.
        """
        self._restore(session)
        keeper = next(iter(callbacks.values())).callback
        assert isinstance(keeper, Bookkeeper)
        with deferred() as interrupts:
            node = self._spec["checkpoint"]
            is_kept = node["option"] != "none" and not self._spec["trainer"]["fast_dev_run"]
            safety = Safety(
                checkpoints=self._directory.checkpoints if is_kept else None,
                every_seconds=node["every_seconds"] if is_kept else 0.0,
                origin=origin_of(self._spec["trainer"], choice.engine.name),
                interrupts=interrupts,
                resumed=self._checkpoint,
                emit=self._emit,
            )
            self._directory.checkpoints.forget()
            last = Checkpointer(keeper, callbacks, course, safety)
            session.fit([*(member.callback for member in callbacks.values()), last], self.start(course))

    def _restore(self, session: Session) -> None:
        if self._checkpoint is None:
            return
        try:
            restore_model(session.model, self._checkpoint.state)
        except Misfit as error:
            folder = self._directory.checkpoints.folder
            mend = "Remove it to begin again."
            raise UserError(f"The checkpoint in {folder} is of another model: {error}. {mend}") from error


def members_of(spec: Mapping[str, Any], catalog: Catalog, callbacks: Sequence[Any]) -> dict[str, Member]:
    """The callbacks of a spec, built in its order, with what their options say of their state."""
    members = {}
    for (entry, node), callback in zip(spec["callback"].items(), callbacks, strict=True):
        facts = catalog.get("callback", node["option"]).facts
        members[f"callback.{entry}"] = Member(callback, facts.get("state"), facts.get("state_files", ()))
    return members


def origin_of(trainer: Mapping[str, Any], engine: str) -> dict[str, Any]:
    """What a training's last bits depend on beside its spec."""
    return machine.describe() | {"threads": machine.resolved_threads(trainer["threads"]), "engine": engine}


def changes(checkpoint: Checkpoint) -> list[str]:
    """What is not as it was when a checkpoint was written and cannot be made so again, a line each."""
    return machine.differences(checkpoint.origin, machine.describe())
