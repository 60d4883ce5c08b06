"""One of two runs that are held against each other, with all that its directory tells of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dlrun.analysis.contrast.surroundings import surroundings_of
from dlrun.analysis.diagnosis.curves import curves_of
from dlrun.analysis.ranking import value_of
from dlrun.analysis.runs import RunRecord
from dlrun.analysis.which import find_run
from dlrun.config.catalog import Catalog
from dlrun.errors import UserError
from dlrun.tracking.journal import JOURNAL, Event, last_attempt, read

__all__ = ["Side", "find_two", "side_of"]


@dataclass(frozen=True)
class Side:
    """A run and what it left behind.

    Attributes:
        curves: metric to values, an epoch each.
        data: name and digest of what it learned from; None where the journal does not say.
        command: what was typed for it alone, or None.
        surroundings: what it ran on: see `surroundings_of`.
    """

    run: RunRecord
    curves: Mapping[str, Sequence[float]]
    data: tuple[str, str] | None
    command: str | None
    surroundings: Mapping[str, str]

    @property
    def scores(self) -> dict[str, float]:
        """Metrics of the weights that were kept, each under its plain name (`loss`, `val_loss`, `test_loss`)."""
        names = [name for name in self.run.metrics if not name.startswith(("best_", "restored_"))]
        found = ((name, value_of(self.run, name)) for name in names)
        return {name: value for name, value in found if value is not None}

    @property
    def facts(self) -> dict[str, float]:
        """Numbers that are no scores: epochs, the kept one, weights, seconds of training."""
        result = self.run.result
        seconds = result.get("durations")
        told: dict[str, Any] = {
            "epochs": result.get("epochs_run"),
            "kept epoch": result.get("kept_epoch"),
            "weights": result.get("parameters"),
            "training seconds": seconds.get("train_seconds") if isinstance(seconds, Mapping) else None,
        }
        return {name: value for name, value in told.items() if isinstance(value, int | float)}

    @property
    def findings(self) -> list[Mapping[str, str]]:
        """What its diagnosis found: `kind finding evidence try`."""
        kept = self.run.result.get("diagnosis")
        return [each for each in kept if isinstance(each, Mapping)] if isinstance(kept, list) else []


def side_of(run: RunRecord) -> Side:
    """All that the run's directory tells."""
    events = last_attempt(read(run.path / JOURNAL))
    return Side(run, curves_of(events, {}).metrics, data_of(events), _command(events), surroundings_of(run))


def data_of(events: Sequence[Event]) -> tuple[str, str] | None:
    """Name and digest of the data of an attempt."""
    told = [event for event in events if event.event == "data" and event.get("digest")]
    return (str(told[-1].get("name")), str(told[-1]["digest"])) if told else None


def find_two(first: str, second: str, work: Path, catalog: Catalog) -> tuple[Side, Side]:
    """The two runs that the words address.

    Raises:
        UserError: one of them addresses none, or more than one, or both the same: all of it at once.
    """
    found: list[RunRecord] = []
    wrong: list[str] = []
    for which in (first, second):
        try:
            found.append(find_run(which, work, catalog))
        except UserError as error:
            wrong.append(str(error))
    if wrong:
        raise UserError("\n".join(dict.fromkeys(wrong)))
    if found[0].path.resolve() == found[1].path.resolve():
        mend = "Name two; dlrun runs lists them."
        raise UserError(f"Two runs must be named; {first} and {second} are both run {found[0].short_id}. {mend}")
    return side_of(found[0]), side_of(found[1])


def _command(events: Sequence[Event]) -> str | None:
    told = [event for event in events if event.event == "start" and event.get("command")]
    return str(told[-1]["command"]) if told else None
