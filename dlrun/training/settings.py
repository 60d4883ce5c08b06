"""What TensorFlow is told once in a process: runs that differ in it are trained by processes of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dlrun.training import machine
from dlrun.training.rundir import RunDirectory

__all__ = ["Settings", "as_begun"]


@dataclass(frozen=True)
class Settings:
    """One combination of the trainer's keys `deterministic`, `threads` and `device`."""

    deterministic: bool
    threads: int | None
    device: str

    @classmethod
    def of(cls, trainer: Mapping[str, Any]) -> Settings:
        """Those that `trainer` asks for."""
        return cls(trainer["deterministic"], trainer["threads"], trainer["device"])

    def __str__(self) -> str:
        threads = "null" if self.threads is None else self.threads
        return f"deterministic={str(self.deterministic).lower()} threads={threads} device={self.device}"


def as_begun(trainer: Mapping[str, Any], directory: RunDirectory) -> Mapping[str, Any]:
    """The trainer's settings, with the threads that the run was begun with, if it was begun."""
    manifest = directory.checkpoints.manifest()
    if manifest is None or manifest["origin"].get("threads") in (None, machine.resolved_threads(trainer["threads"])):
        return trainer
    return {**trainer, "threads": manifest["origin"]["threads"]}
