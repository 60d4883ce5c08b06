"""Follow the journal of a run that is being trained: what was appended since the last look, and no more."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dlrun.sweeps.observer import Observer
from dlrun.tracking.journal import Event, read_from

__all__ = ["Tail"]


class Tail:
    """The end of one run's journal, which need not be there yet.

    Args:
        run: the run's id.
        journal: its file.
    """

    def __init__(self, run: str, journal: Path) -> None:
        self._run = run
        self._journal = journal
        self._offset = 0
        self._epochs = 0

    def tell(self, observer: Observer) -> None:
        """Tell the epochs and warnings that were appended since the last call.

        The first call tells the epochs of earlier attempts too: a run that goes on has them.
        """
        events = self._events()
        starts = [index for index, event in enumerate(events) if event.event == "start"]
        for index, event in enumerate(events):
            if event.event == "start":
                self._epochs = int(event["epochs"])
            elif event.event == "epoch" and observer.wants_epochs:
                observer.epoch(self._run, event["epoch"], self._epochs, event["metrics"])
            elif event.event == "warning" and index > max(starts, default=-1):
                observer.warned(self._run, str(event["text"]))

    def _events(self) -> Sequence[Event]:
        try:
            if self._journal.stat().st_size <= self._offset:
                return ()
            reading = read_from(self._journal, self._offset)
        except OSError:  # not there yet, or gone: looking on is no reason to end anything
            return ()
        self._offset = reading.offset
        return reading.events
