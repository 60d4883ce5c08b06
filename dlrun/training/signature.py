"""What a kept model takes and gives, written beside it: `signature.json`.

columns      names of the columns of a sample, in order; [] where samples are no rows of columns
kinds        what each of them holds: number, flag, category, date or text; [] where they are not told apart
written      how the dates of a column are written, by its name
decimal      the decimal sign of numbers that are given as text
missing      words that say that a cell is empty, beside those that always do
shape        of one raw sample, without the batch; null for height and width of images of any size
resizing     of such images what the model brings them into: height, width, channels, fit; else null
task         the spec's
classes      their names, in the order of the outputs; [] for values
levels       of masks: the value that each class has in their files, in the order of the outputs; else []
predictions  names of what is predicted: `prediction`, or `prediction_1` and so on for several values
outputs      what the network's outputs are: `probability`, `score` (of classes, unbounded) or `value`
threshold    of two classes: above which probability the second is called
modules      modules of the project that must be imported before the model can be opened
example      a few raw samples; [] where one alone has more than 100,000 numbers
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import numpy as np

from dlrun.data.columns import DATE_PARTS, Column, cells_of
from dlrun.data.dataset import Dataset
from dlrun.data.stored import part_of
from dlrun.serving.served_cells import ISO
from dlrun.training.threshold import DEFAULT

__all__ = ["SIGNATURE", "signature_of"]

SIGNATURE = "signature.json"
"""The file's name in the run's directory."""

_EXAMPLES = 3
_MOST_NUMBERS = 100_000  # in the example: three photographs, not three films
_PROBABILITIES = frozenset({"sigmoid", "hard_sigmoid", "softmax"})


def signature_of(
    model: Any, dataset: Dataset, data: Mapping[str, Any], modules: Sequence[str], threshold: float = DEFAULT
) -> Mapping[str, Any]:
    """The content of signature.json.

    Args:
        model: the core.
        dataset: what it was trained on; its first samples are the example.
        data: the spec's node of it.
        modules: dotted names.
        threshold: of a binary task: above which probability the second class is called.
    """
    resizing = dataset.resizing
    values = dataset.outputs if not dataset.classes else 1
    count = min(_EXAMPLES, dataset.samples, _MOST_NUMBERS // max(1, int(np.prod(dataset.input_shape))))
    return {
        "columns": list(dataset.features),
        "kinds": [column.kind for column in dataset.columns],
        "written": {column.name: column.written for column in dataset.columns if column.kind == "date"},
        "decimal": data.get("decimal", "point"),  # of a table in a text file alone
        "missing": list(data.get("missing_words", [])),
        "time": data.get("time"),
        "shape": list(_shape(dataset)),
        "resizing": None if resizing is None else asdict(resizing),
        "task": dataset.task,
        "classes": list(dataset.classes),
        "levels": list(dataset.levels),
        "predictions": ["prediction"] if values == 1 else [f"prediction_{i}" for i in range(1, values + 1)],
        "outputs": _kind(model) if dataset.classes else "value",
        "threshold": threshold,
        "modules": list(modules),
        "example": _example(dataset, count) if count else [],
    }


def _shape(dataset: Dataset) -> tuple[int | None, ...]:
    if dataset.columns:
        return (len(dataset.columns),)
    return dataset.input_shape if dataset.resizing is None else (None, None, dataset.resizing.channels)


def _example(dataset: Dataset, count: int) -> list[Any]:
    """The first samples as they would be handed in; None where a value is missing."""
    cells = np.asarray(part_of(dataset.x, np.arange(count))[:], dtype=np.float32)
    if not dataset.columns:
        found: list[Any] = _without_gaps(cells.tolist())
        return found
    places = cells_of(dataset.columns)
    return [[_shown(row[places[c.name]], c, dataset.texts) for c in dataset.columns] for row in cells]


def _without_gaps(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_gaps(each) for each in value]
    return None if value != value else value


def _shown(cell: np.ndarray, column: Column, texts: Sequence[str]) -> Any:
    first = float(cell[0])
    if first != first:
        return None
    match column.kind:
        case "category":
            return column.values[int(first)]
        case "text":
            return texts[int(first)]
        case "date":
            parts = dict(zip(DATE_PARTS, cell.tolist(), strict=True))
            names = ("year", "month", "day", "hour", "minute", "second")
            date = datetime(*(int(parts[name]) for name in names))  # type: ignore[arg-type]
            return date.isoformat(" ") if column.written == ISO else date.strftime(column.written)
    return float(str(cell[0]))  # as it was written, not as binary has it


def _kind(model: Any) -> str:
    """Whether the last layer makes probabilities; of a model with a `call` of its own it is taken for granted."""
    layers = getattr(model, "layers", None) if hasattr(model, "inputs") else None
    activation = getattr(layers[-1], "activation", None) if layers else None
    return "probability" if activation is None or activation.__name__ in _PROBABILITIES else "score"
