"""What stands in front of a network: from raw samples to the numbers that it learns from, all of it as plain data.

Raw samples are what `model.keras` takes. Of a table these are its numbers, `rows`, with NaN where one is missing, and
its words and texts, `words`, with an empty text there; a table without words has rows alone. Images and sequences are
`rows` too. A branch takes some of them through its steps; what comes out of all branches is put side by side.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from dlrun.data.columns import Column, cells_of
from dlrun.data.encoding import calendar, fill, prose, scale, words
from dlrun.data.encoding.step import NotSteps, Step, from_json, to_json
from dlrun.data.resizing import Resizing

__all__ = ["FRONT", "ROWS", "WORDS", "Branch", "Embedded", "Front"]

FRONT = "front.json"
"""The file's name in the run's directory."""

ROWS, WORDS = "rows", "words"
"""The names of a model's inputs."""

_BATCH = 8192  # samples that pass the steps at a time, so that a large dataset is not held twice on a device
_MOST_NUMBERS = 2**25  # of a batch behind the steps
_STEPS: dict[str, type[Step]] = {
    each.__name__: each
    for module in (calendar, fill, prose, scale, words)
    for each in vars(module).values()
    if isinstance(each, type) and issubclass(each, Step) and each is not Step
}


@dataclass(frozen=True)
class Branch:
    """A part of the raw samples, and what is done to it.

    Attributes:
        name: of its layers.
        source: `rows` or `words`.
        places: columns of the source; None for samples as they are.
        outputs: names of the numbers that come out; () where they have none.
    """

    name: str
    source: str
    places: tuple[int, ...] | None
    steps: tuple[Step, ...]
    outputs: tuple[str, ...] = ()

    def __call__(self, raw: Mapping[str, Any]) -> Any:
        """The numbers that come out, of raw samples or of symbolic ones."""
        from keras import ops

        x = raw[self.source]
        if self.source == WORDS:
            x = x[:, self.places[0]] if self.places else x
        elif self.places is not None and self.places != tuple(range(x.shape[-1])):
            x = ops.take(x, np.asarray(self.places), axis=-1)
        for place, step in enumerate(self.steps):
            x = step(x, f"{self.name}_{place}")
        return x


@dataclass(frozen=True)
class Embedded:
    """A category whose numbers are learned, inside the network.

    Attributes:
        name: of the column.
        numbers: how many words and slots there are.
        size: how many numbers stand for a word.
        is_sequence: whether it is the words of a text, in their order; 0 is no word.
    """

    name: str
    numbers: int
    size: int
    is_sequence: bool = False


@dataclass(frozen=True)
class Front:
    """The whole of it.

    Attributes:
        columns: of a table; () of images and sequences.
        raw_shape: of one raw sample that is no row of a table; None stands for any size.
        embedded: what the network embeds: the last of the numbers that come out, in order.
        is_masked: whether steps of a sequence that are all 0 are left out.
        resizing: what raw images go through first.
    """

    branches: tuple[Branch, ...]
    columns: tuple[Column, ...] = ()
    raw_shape: tuple[int | None, ...] = ()
    embedded: tuple[Embedded, ...] = ()
    is_masked: bool = False
    resizing: Resizing | None = None

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the numbers that come out of a table."""
        return tuple(name for branch in self.branches for name in branch.outputs)

    @property
    def numbers(self) -> int:
        """How many numbers a raw row of a table has."""
        return sum(column.cells for column in self.columns if not column.holds_words)

    @property
    def words(self) -> int:
        """How many words a raw row of a table has."""
        return sum(column.holds_words for column in self.columns)

    @property
    def is_plain(self) -> bool:
        """Whether there is nothing but numbers."""
        return not self.words

    def inputs(self) -> dict[str, Any]:
        """Symbolic raw samples."""
        import keras

        if not self.columns:
            return {ROWS: keras.Input(self.raw_shape, name=ROWS)}
        found = {}
        if self.numbers:
            found[ROWS] = keras.Input((self.numbers,), name=ROWS)
        if self.words:
            found[WORDS] = keras.Input((self.words,), name=WORDS, dtype="string")
        return found

    def __call__(self, raw: Mapping[str, Any], is_resized: bool = False) -> Any:
        """The numbers that a network learns from, of raw samples or of symbolic ones.

        Args:
            is_resized: whether images have gone through `resizing` already.
        """
        from keras import ops

        if self.resizing is not None and not is_resized:
            raw = {ROWS: self.resizing(raw[ROWS])}
        parts = [branch(raw) for branch in self.branches]
        return parts[0] if len(parts) == 1 else ops.concatenate(parts, axis=-1)

    def raw(self, cells: np.ndarray, texts: Sequence[str]) -> dict[str, Any]:
        """Samples as a dataset holds them, as raw samples: tensors."""
        import tensorflow as tf

        if not self.columns or self.is_plain:
            return {ROWS: tf.convert_to_tensor(cells, tf.float32)}
        places = cells_of(self.columns)
        numbers = [cells[:, places[column.name]] for column in self.columns if not column.holds_words]
        spelled = [_spelled(cells[:, places[c.name]][:, 0], c, texts) for c in self.columns if c.holds_words]
        found = {WORDS: tf.convert_to_tensor(np.stack(spelled, axis=1), tf.string)}
        return found | ({ROWS: tf.convert_to_tensor(np.concatenate(numbers, axis=1))} if numbers else {})

    def encode(self, cells: np.ndarray, texts: Sequence[str] = ()) -> np.ndarray:
        """Samples as a dataset holds them, behind all steps, batch by batch: float32."""
        import keras

        if not self.columns and not any(branch.steps for branch in self.branches):
            return cells
        batches: list[np.ndarray] = []
        most = _MOST_NUMBERS // max(1, int(np.prod(cells.shape[1:])))
        first, size = 0, 256 if self.words else max(1, min(_BATCH, most))  # a text may become thousands of numbers
        while first < len(cells) or not batches:
            raw = self.raw(cells[first : first + size], texts)
            batches.append(np.asarray(keras.ops.convert_to_numpy(self(raw, is_resized=True)), np.float32))
            first += size
            size = max(1, min(_BATCH, _MOST_NUMBERS // max(1, int(np.prod(batches[0].shape[1:])))))
        return np.concatenate(batches)

    def to_json(self) -> dict[str, Any]:
        """As it is kept."""
        branches = [
            {**asdict(branch), "steps": [_step_json(step) for step in branch.steps]} for branch in self.branches
        ]
        return {
            "branches": branches,
            "columns": [asdict(column) for column in self.columns],
            "raw_shape": self.raw_shape,
            "embedded": [asdict(each) for each in self.embedded],
            "is_masked": self.is_masked,
            "resizing": None if self.resizing is None else asdict(self.resizing),
        }

    @classmethod
    def from_json(cls, content: Any) -> Front:
        """What `content` describes.

        Raises:
            NotSteps: it describes none.
        """
        try:
            return cls(
                branches=tuple(_branch(each) for each in content["branches"]),
                columns=tuple(Column(**_with_tuples(each)) for each in content["columns"]),
                raw_shape=tuple(None if size is None else int(size) for size in content["raw_shape"]),
                embedded=tuple(Embedded(**each) for each in content["embedded"]),
                is_masked=bool(content["is_masked"]),
                resizing=None if content["resizing"] is None else Resizing(**content["resizing"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise NotSteps(f"it must be as dlrun writes it: {type(error).__name__}: {error}") from error


def _spelled(codes: np.ndarray, column: Column, texts: Sequence[str]) -> np.ndarray:
    gaps = np.isnan(codes)
    places = np.where(gaps, 0, codes).astype(np.int64)
    if column.kind == "category":
        found = np.asarray(column.values or ("",), dtype=object)[places]
    else:
        found = np.asarray([texts[place] for place in places.tolist()], dtype=object)
    found[gaps] = ""
    return found


def _step_json(step: Step) -> dict[str, Any]:
    content = to_json(step)
    if isinstance(step, fill.Blank | fill.Marked):
        content["inner"] = [_step_json(each) for each in step.inner]
    return content


def _step(content: Any) -> Step:
    if isinstance(content, Mapping) and "inner" in content:
        inner = tuple(_step(each) for each in content["inner"])
        outer = {name: value for name, value in content.items() if name != "inner"}
        return from_json(outer, _STEPS, inner=inner)
    return from_json(content, _STEPS)


def _branch(content: Mapping[str, Any]) -> Branch:
    return Branch(**{**_with_tuples(content), "steps": tuple(_step(each) for each in content["steps"])})


def _with_tuples(content: Mapping[str, Any]) -> dict[str, Any]:
    return {str(name): tuple(value) if isinstance(value, list) else value for name, value in content.items()}
