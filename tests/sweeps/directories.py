"""Run directories as trainings leave them, made by hand, and an observer that keeps what it is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dlrun.sweeps.record import Sweep, Trial
from dlrun.tracking.journal import Journal
from dlrun.training.outcome import Moment, Outcome
from dlrun.training.result import Result
from dlrun.training.rundir import RunDirectory


def sweep_of(runs: Mapping[str, Sequence[str]]) -> Sweep:
    """A sweep of named trials with these runs."""
    trials = [Trial(f"t{name}", name, (name,), tuple(ids)) for name, ids in runs.items()]
    return Sweep("5" * 16, "rate x seed", "dlrun -m a=1,2", ("a",), trials)


class Folder:
    """A working directory with `runs/` and the directory of `sweep_of`."""

    def __init__(self, work: Path) -> None:
        self.work, self.runs, self.sweep = work, work / "runs", work / "sweeps" / ("5" * 16)
        self.runs.mkdir()
        self.sweep.mkdir(parents=True)

    def directory(self, run: str) -> RunDirectory:
        return RunDirectory(self.runs / run)

    def begin(self, run: str, epochs: int = 0, attempt: int = 1) -> RunDirectory:
        """A run that is begun and has told some of its ten epochs."""
        directory = self.directory(run)
        directory.path.mkdir(exist_ok=True)
        (directory.path / "result.json").unlink(missing_ok=True)
        with Journal(directory.journal) as journal:
            journal.append("start", run=run, name=run, attempt=attempt, epochs=10)
            for epoch in range(1, epochs + 1):
                journal.append("epoch", epoch=epoch, metrics={"val_loss": 1 / epoch})
        return directory

    def end(self, run: str, outcome: Outcome, attempt: int = 1) -> Result:
        """A run that has come to this."""
        directory = self.directory(run)
        directory.path.mkdir(exist_ok=True)
        result = outcome.result(run, run, "multiclass", attempt, Moment())
        return directory.finish(result)


class Told:
    """Keeps the calls of an observer: name and arguments; of results their run and status."""

    def __init__(self, wants_epochs: bool = True) -> None:
        self.wants_epochs = wants_epochs
        self.calls: list[tuple[Any, ...]] = []

    def __getattr__(self, name: str) -> Any:
        def keep(*arguments: Any, **named: Any) -> None:
            given = [(each.id, each.status) if isinstance(each, Result) else each for each in arguments]
            self.calls.append((name, *given, *named.values()))

        return keep

    def named(self, name: str) -> list[tuple[Any, ...]]:
        return [call[1:] for call in self.calls if call[0] == name]
