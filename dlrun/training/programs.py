"""The compiled programs of this process, kept so that trials of one structure share one."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

import keras
import numpy as np
import tensorflow as tf

from dlrun.data.room import available_bytes
from dlrun.training import process
from dlrun.training.blocks import is_small_step
from dlrun.training.compiled import compile_model
from dlrun.training.engine import Course
from dlrun.training.objective import Objective
from dlrun.training.program import Program
from dlrun.training.slots import Feeds, numbers_in
from dlrun.training.structure import fed_numbers

__all__ = ["PROGRAMS", "Others", "Programs"]

Others: TypeAlias = Callable[[], Iterable[tuple[Any, Objective]]]
"""Builds models and objectives of trials that are to come."""

_MOST = 8
_LEAST_FREE_BYTES = 1_000_000_000  # TensorFlow, a model's gradients and the rest of the machine need some too
_COPIES = 6  # of the weights: themselves, Adam's two moments, gradients, and the starting values of the last two


class _Kept:
    """A program, and the state that its optimizer starts from."""

    def __init__(self, program: Program, numbers: Sequence[float]) -> None:
        self.program = program
        self.numbers = tuple(numbers)
        self.optimizer_start = [variable.numpy() for variable in program.model.optimizer.variables]

    @property
    def bytes(self) -> int:
        """Roughly what it holds in memory."""
        weights: int = sum(int(np.prod(v.shape)) * 4 for v in self.program.model.variables)
        return _COPIES * weights

    def start_over(self, model: Any, objective: Objective, numbers: Sequence[float]) -> None:
        """Be what `model` and `objective` are, freshly built: weights, seeds, optimizer, numbers."""
        own = self.program.model
        for variable, fresh in zip(own.variables, model.variables, strict=True):
            variable.assign(fresh)
        for variable, start in zip(own.optimizer.variables, self.optimizer_start, strict=True):
            variable.assign(start)
        if not isinstance(objective.optimizer._learning_rate, keras.optimizers.schedules.LearningRateSchedule):
            own.optimizer.learning_rate.assign(objective.optimizer.learning_rate)
        self.program.feeds.assign(numbers)
        own.reset_metrics()


class Programs:
    """Compiled programs by structure, the most recently used ones: bounded in number and by the memory that is left.

    Attributes:
        compiled: how many programs were compiled so far.
    """

    def __init__(self) -> None:
        self.compiled = 0
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._others: Others = tuple

    def __len__(self) -> int:
        return len(self._kept)

    def clear(self) -> None:
        """Let go of all."""
        self._kept.clear()

    @contextmanager
    def expecting(self, others: Others) -> Iterator[None]:
        """Inside, a program that is compiled is fed what differs in `others` of its structure from the first trial on.

        Without that a second trial compiles it once more. The others are built then only, and thrown away.
        """
        self._others = others
        try:
            yield
        finally:
            self._others = tuple

    def take(self, model: Any, objective: Objective, course: Course) -> Program:
        """A program that trains as `model` freshly compiled would, to the bit.

        A number becomes one that is fed when another trial, one before or one that is expected, has another value for
        it: a fed number costs a little at every step, and so those that all trials agree in stay in the graph.
        """
        numbers = numbers_in(model, objective)
        structure = _whole_structure(model, objective, len(numbers))
        kept = None if structure is None else self._kept.get(structure)
        if kept is not None and not kept.program.is_reusable:
            kept = None
        which: frozenset[int] = frozenset()
        if kept is not None and len(kept.numbers) == len(numbers):
            which = kept.program.feeds.which
            others = frozenset(i for i, number in enumerate(numbers) if number != kept.numbers[i]) - which
            if not others and kept.program.feeds.fit(numbers):
                assert structure is not None
                self._kept.move_to_end(structure)
                kept.start_over(model, objective, numbers)
                self._make_room(structure)
                return kept.program
            which |= others
        elif structure is not None:
            which = self._differing(structure, numbers)
        self.compiled += 1
        compile_model(model, objective, course)
        program = Program(model, Feeds(model, objective, sorted(which)), _may_be_quick(model, course))
        if structure is not None:
            self._kept[structure] = _Kept(program, numbers)
            self._kept.move_to_end(structure)
            self._make_room(structure)
        return program

    def _differing(self, structure: str, numbers: Sequence[float]) -> frozenset[int]:
        """The places of the numbers that are others in trials to come."""
        found: set[int] = set()
        for model, objective in self._others():
            other = numbers_in(model, objective)
            if _whole_structure(model, objective, len(other)) == structure and len(other) == len(numbers):
                found |= {i for i, number in enumerate(numbers) if number != other[i]}
        return frozenset(found)

    def _make_room(self, newest: str) -> None:
        """Let go of the oldest programs; of all but the newest where memory is short."""
        free = available_bytes()
        short = free is not None and free < _LEAST_FREE_BYTES + self._kept[newest].bytes
        while len(self._kept) > (1 if short else _MOST):
            self._kept.popitem(last=False)


def _may_be_quick(model: Any, course: Course) -> bool:
    """Whether bits need not be `model.fit`'s, and steps are so small that there is something to save."""
    on_gpu = bool(tf.config.list_logical_devices("GPU"))
    return not process.is_deterministic() and not on_gpu and is_small_step(course.rows_a_step, model)


def _whole_structure(model: Any, objective: Objective, numbers: int) -> str | None:
    """What a program depends on, shapes included; None where not every open number was found in the model."""
    if objective.structure is None or not hasattr(model, "inputs") or fed_numbers(objective.structure) != numbers:
        return None
    shapes = [tuple(tensor.shape) for tensor in (*model.inputs, *model.outputs)]
    return f"{objective.structure} {shapes}"


PROGRAMS = Programs()
"""Those of this process."""
