"""Which engine trains, and why."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dlrun.data.room import available_bytes
from dlrun.training.demands import has_own_step, looking_at_batches
from dlrun.training.engine import Course, Engine, columns, is_stream
from dlrun.training.strategy import shared_by

__all__ = ["Choice", "choose"]


@dataclass(frozen=True)
class Choice:
    """The engine that trains, and why it does."""

    engine: Engine
    why: str


def choose(name: str, callbacks: Sequence[Any] = (), course: Course | None = None, model: Any = None) -> Choice:
    """The engine that `trainer.engine` names, or for `auto` the one that suits.

    `fused` gives way to `fit` where it cannot do what is asked, and the reason says so.

    Args:
        course: what is trained on, where that is known.
        model: what is trained, where that is known.
    """
    from dlrun.training.fit import FitEngine
    from dlrun.training.fused import FusedEngine

    if devices := shared_by():
        return Choice(FitEngine(), f"trainer.strategy=mirrored trains with fit; {devices}")
    if name == "fit":
        return Choice(FitEngine(), "trainer.engine=fit")
    if course is not None and any(map(is_stream, (course.train, course.validation))):
        return Choice(FitEngine(), "the data is read from a file as it is needed, and fused holds it as tensors")
    if has_own_step(model):
        return Choice(FitEngine(), "the model has a train_step or test_step of its own, which fit knows how to call")
    if batchwise := looking_at_batches(callbacks):
        return Choice(FitEngine(), f"{', '.join(batchwise)} looks at single batches, which fused has none of")
    if name == "fused":
        return Choice(FusedEngine(), "trainer.engine=fused")
    if course is not None and not _fits_in_memory(course):
        return Choice(FitEngine(), "there is too little free memory for the data as tensors")
    return Choice(FusedEngine(), "the data fits in memory")


def _fits_in_memory(course: Course) -> bool:
    """Whether the data could be held a second time: TensorFlow copies arrays that it cannot share."""
    parts = (course.train, course.validation)
    columns_held = [column for part in parts if part is not None for column in columns(part)]
    wanted = sum(math.prod(column.shape) * column.dtype.itemsize for column in columns_held)
    free = available_bytes()
    return free is None or wanted < free
