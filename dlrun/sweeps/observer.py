"""Who is told how a sweep goes: the display of the command line, or a program's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, cast

from dlrun.sweeps.record import Sweep
from dlrun.training.result import Result

__all__ = ["Nobody", "Observer", "while_read"]


class Observer(Protocol):
    """Told how a sweep goes, one call at a time, from other threads than the one that trains.

    Attributes:
        wants_epochs: whether the journals of runs are to be followed while they are trained.
    """

    wants_epochs: bool

    def began(self, sweep: Sweep, finished: Sequence[Result]) -> None:
        """The sweep begins; `finished` were done before."""

    def said(self, text: str) -> None:
        """A sentence for the user."""

    def running(self, run: str, attempt: int) -> None:
        """A run has begun, for the time that `attempt` says."""

    def epoch(self, run: str, epoch: int, epochs: int, metrics: Mapping[str, float]) -> None:
        """A run has finished `epoch` of `epochs`; of one that goes on, the epochs before are told too."""

    def warned(self, run: str, text: str) -> None:
        """A run has warned of something."""

    def lost(self, run: str, cause: Mapping[str, Any], attempt: int, again: bool) -> None:
        """An attempt has ended without a result; with `again` the run is begun once more."""

    def left(self, run: str, cause: Mapping[str, Any], attempt: int) -> None:
        """The sweep ends with a run that is interrupted, and whose process has said nothing."""

    def added(self, run: str, of: str, name: str) -> None:
        """A run was added beside the run `of`: the same with half the batch."""

    def ended(self, result: Result) -> None:
        """A run has ended."""


class Nobody:
    """Not interested."""

    wants_epochs = False

    def began(self, sweep: Sweep, finished: Sequence[Result]) -> None: ...

    def said(self, text: str) -> None: ...

    def running(self, run: str, attempt: int) -> None: ...

    def epoch(self, run: str, epoch: int, epochs: int, metrics: Mapping[str, float]) -> None: ...

    def warned(self, run: str, text: str) -> None: ...

    def lost(self, run: str, cause: Mapping[str, Any], attempt: int, again: bool) -> None: ...

    def left(self, run: str, cause: Mapping[str, Any], attempt: int) -> None: ...

    def added(self, run: str, of: str, name: str) -> None: ...

    def ended(self, result: Result) -> None: ...


def while_read(observer: Observer) -> Observer:
    """The observer, until nobody reads what it prints: `dlrun -m ... | head` must not end a sweep."""
    return cast(Observer, _WhileRead(observer))


class _WhileRead:
    def __init__(self, observer: Observer) -> None:
        self._observer = observer

    def __getattr__(self, name: str) -> Any:
        told = getattr(self._observer, name)
        return self._guarded(told) if callable(told) else told

    def _guarded(self, told: Callable[..., None]) -> Callable[..., None]:
        def tell(*facts: Any) -> None:
            try:
                told(*facts)
            except BrokenPipeError:
                self._observer = Nobody()

        return tell
