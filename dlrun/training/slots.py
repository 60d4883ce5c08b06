"""The places in a model, its optimizer and its loss that hold numbers which a program can be fed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from dlrun.training.fed import Fed, Pool
from dlrun.training.objective import Objective

__all__ = ["Feeds", "numbers_in"]


@dataclass(frozen=True)
class _Slot:
    """An attribute, or an entry of the arguments that a loss function is called with."""

    owner: Any
    name: str

    @property
    def _arguments(self) -> dict[str, Any] | None:
        arguments = getattr(self.owner, "_fn_kwargs", None)
        return arguments if isinstance(arguments, dict) and self.name in arguments else None

    def get(self) -> Any:
        return getattr(self.owner, self.name) if self._arguments is None else self._arguments[self.name]

    @property
    def number(self) -> float | None:
        """The number that is there, which some regularizers hold as a tensor; None where there is something else."""
        value = self.get()
        if tf.is_tensor(value) and value.shape.rank == 0:
            return float(value)
        return value if isinstance(value, int | float) else None

    def set(self, value: Any) -> None:
        if self._arguments is None:
            setattr(self.owner, self.name, value)
        else:
            self._arguments[self.name] = value


def numbers_in(model: Any, objective: Objective) -> list[float]:
    """The numbers of `model` and `objective` that can be fed, always in the same order."""
    return [slot.number or 0.0 for slot in _slots(model, objective)]


def _slots(model: Any, objective: Objective) -> list[_Slot]:
    slots = [
        _Slot(owner, name) for owner in _owners(model, objective) for name in objective.reusable.get(type(owner), ())
    ]
    return [slot for slot in slots if slot.number]  # neither None nor 0


def _owners(model: Any, objective: Objective) -> Iterator[Any]:
    seen: set[int] = set()
    for layer in model._flatten_layers(include_self=False):
        held = [
            layer,
            getattr(layer, "activity_regularizer", None),
            *(v.regularizer for v in layer.trainable_variables),
        ]
        for owner in held:
            if owner is not None and id(owner) not in seen:
                seen.add(id(owner))
                yield owner
    yield from (objective.optimizer, objective.loss)


class Feeds:
    """The numbers of a model that its program reads from variables.

    Args:
        which: the places of the fed numbers among `numbers_in`.
    """

    def __init__(self, model: Any, objective: Objective, which: Sequence[int]) -> None:
        slots = _slots(model, objective)
        pool = Pool(len(which))
        self._fed = {index: (slots[index], Fed(slots[index].number or 0.0, pool)) for index in which}

    @property
    def which(self) -> frozenset[int]:
        """The places of the fed numbers."""
        return frozenset(self._fed)

    def fit(self, numbers: Sequence[float]) -> bool:
        """Whether the program would have been traced alike with `numbers`."""
        return all(fed.fits(numbers[index]) for index, (_, fed) in self._fed.items())

    def assign(self, numbers: Sequence[float]) -> None:
        """Feed `numbers`, as `numbers_in` gives them; the objects hold them too, for whoever looks."""
        for index, (slot, fed) in self._fed.items():
            fed.assign(numbers[index])
            slot.set(tf.constant(numbers[index]) if tf.is_tensor(slot.get()) else numbers[index])

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """While a graph is traced: have the objects hold what is fed in place of their numbers."""
        before = [(slot, slot.get()) for slot, _ in self._fed.values()]
        try:
            for slot, fed in self._fed.values():
                slot.set(fed)
            yield
        finally:
            for slot, value in before:
                slot.set(value)
