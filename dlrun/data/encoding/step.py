"""A step of an encoding: numbers that were measured once, and the Keras layers that they make.

Steps are called with tensors while data is prepared, and with symbolic ones where a model is kept: one rule for both.
They are made of stock Keras layers and operations, so that a kept model loads without dlrun. Each is plain data, kept
as JSON beside the model.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

__all__ = ["Behind", "NotSteps", "Step", "array", "from_json", "to_json"]


class NotSteps(ValueError):
    """What was read is no description of steps."""


@dataclass(frozen=True)
class Step(ABC):
    """From one tensor to another; see its members in `fill`, `scale`, `calendar`, `words` and `prose`."""

    @abstractmethod
    def __call__(self, x: Any, name: str) -> Any:
        """The tensor behind the step.

        Args:
            x: of shape (n, ..., numbers) or, of words, strings of shape (n,).
            name: what the layers that it makes are called by: no two of a model may have one name.
        """


def array(values: Sequence[Any]) -> np.ndarray:
    """Numbers as the constants of operations: float32."""
    return np.asarray(values, np.float32)


def to_json(step: Step) -> dict[str, Any]:
    """The step as plain data."""
    return {"step": type(step).__name__, **asdict(step)}


def from_json(content: Any, known: Mapping[str, type[Step]], **made: Any) -> Step:
    """The step that plain data describes.

    Args:
        made: of its values those that are made already.

    Raises:
        NotSteps: it is none of `known`, or its values are not numbers and words.
    """
    if not isinstance(content, Mapping) or content.get("step") not in known:
        raise NotSteps("a step must be one of dlrun's")
    values = {str(name): _tuples(value) for name, value in content.items() if name != "step"}
    try:
        return known[content["step"]](**values, **made)
    except TypeError as error:
        raise NotSteps(str(error)) from error


def _tuples(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(map(_tuples, value))
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise NotSteps("a step must hold numbers and words")


@dataclass(frozen=True)
class Behind:
    """Samples behind some steps, read as they are asked for."""

    x: Any
    steps: tuple[Step, ...]

    def __len__(self) -> int:
        return len(self.x)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the samples; steps that fill or scale leave it."""
        return tuple(self.x.shape)

    @property
    def ndim(self) -> int:
        """Dimensions of the whole."""
        return len(self.shape)

    def __getitem__(self, chosen: Any) -> np.ndarray:
        block: Any = self.x[chosen]
        for place, step in enumerate(self.steps):
            block = step(block, f"measured_{place}")
        return np.asarray(block, np.float32)
