"""What a sweep asks for, and which runs make which trial: its `sweep.json`."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path

from dlrun.training.atomic import storage_errors, write_json

__all__ = ["Sweep", "Trial"]


@dataclass(frozen=True)
class Trial:
    """One point of the search space: the runs that differ only in replicate keys."""

    id: str
    name: str
    overrides: Sequence[str]
    runs: Sequence[str]


@dataclass(frozen=True)
class Sweep:
    """All trials of one command, as written to `sweeps/<id>/sweep.json`.

    Attributes:
        experiment: the experiment that was chosen, if one was.
        names: what varies in each run, by its id.
        started: seconds since 1970.
    """

    id: str
    name: str
    command: str
    varied: Sequence[str]
    trials: Sequence[Trial]
    experiment: str | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    started: float = field(default_factory=time.time)

    def trial_of(self, run: str) -> Trial:
        """The trial that a run repeats."""
        return self._by_run[run]

    @cached_property
    def repeats(self) -> bool:
        """Whether a trial has several runs."""
        return any(len(trial.runs) > 1 for trial in self.trials)

    @cached_property
    def _by_run(self) -> dict[str, Trial]:
        return {run: trial for trial in self.trials for run in trial.runs}

    @classmethod
    def read(cls, directory: Path) -> Sweep:
        """The sweep that `directory` describes.

        Raises:
            StorageError: it cannot be read.
        """
        with storage_errors(directory):
            facts = json.loads((directory / "sweep.json").read_bytes())
        return cls(**facts | {"trials": [Trial(**trial) for trial in facts["trials"]]})

    def write(self, directory: Path) -> None:
        """Write it to `directory`, whole or not at all.

        Raises:
            StorageError: it cannot be written.
        """
        with storage_errors(directory):
            directory.mkdir(parents=True, exist_ok=True)
        write_json(directory / "sweep.json", asdict(self))
