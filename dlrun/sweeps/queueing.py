"""Which run a worker gets next: one that its compiled programs fit, where there is one."""

from __future__ import annotations

import json
from collections import OrderedDict, deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from dlrun.job import Job
from dlrun.training.settings import Settings

__all__ = ["Order", "Queue", "likeness"]


@dataclass
class Order:
    """A run that waits for a worker, or is in the hands of one.

    Attributes:
        settings: what TensorFlow must have been told in the process that trains it.
        likeness: what runs agree in that can probably share a compiled program.
        crashes: how often its worker has crashed with it.
        is_half: whether it is what another run was, with half the batch.
    """

    job: Job
    settings: Settings
    likeness: str
    crashes: int = 0
    is_half: bool = False


def likeness(spec: Mapping[str, Any]) -> str:
    """What runs agree in that can probably share a compiled program: everything but seeds and fractions.

    Cheap and rough: `training.structure` tells for certain, when a run has reached its worker. Where the two differ a
    program is compiled once too often.
    """
    return json.dumps(_rough(spec), sort_keys=True, default=str)


def _rough(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _rough(part) for key, part in value.items() if key != "seed"}
    return "number" if isinstance(value, float) and value != 0 else value


class Queue:
    """Runs that wait, those that are alike together, in the order they were asked for."""

    def __init__(self, orders: Iterable[Order] = ()) -> None:
        self._waiting: OrderedDict[tuple[Settings, str], deque[Order]] = OrderedDict()
        for order in orders:
            self.put(order)

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def put(self, order: Order, first: bool = False) -> None:
        """Have a run wait, behind those that are like it or before them."""
        group = self._waiting.setdefault((order.settings, order.likeness), deque())
        if first:
            group.appendleft(order)
        else:
            group.append(order)

    def take(self, settings: Settings | None, known: Collection[str], held: Collection[str]) -> Order | None:
        """The next run for a worker; None where none that waits suits its settings.

        Args:
            settings: what TensorFlow has been told in the worker; None where nothing yet.
            known: likenesses of the runs it has trained.
            held: those of the runs that the other workers train.
        """
        suited = [key for key in self._waiting if settings in (None, key[0])]
        if not suited:
            return None
        own = [key for key in suited if key[1] in known]
        key = own[0] if own else max(suited, key=lambda key: (key[1] not in held, len(self._waiting[key])))
        group = self._waiting[key]
        order = group.popleft()
        if not group:
            del self._waiting[key]
        return order
