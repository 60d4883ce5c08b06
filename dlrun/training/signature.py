"""What a kept model takes and gives, written beside it: `signature.json`.

columns      names of the columns of a sample, in order; [] where samples are no rows of columns
shape        of one raw sample, without the batch
task         the spec's
classes      their names, in the order of the outputs; [] for values
predictions  names of what is predicted: `prediction`, or `prediction_1` and so on for several values
outputs      what the network's outputs are: `probability`, `score` (of classes, unbounded) or `value`
modules      modules of the project that must be imported before the model can be opened
example      a few raw samples; [] where one alone has more than 100,000 numbers
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dlrun.data.dataset import Dataset
from dlrun.data.stored import part_of

__all__ = ["SIGNATURE", "signature_of"]

SIGNATURE = "signature.json"
"""The file's name in the run's directory."""

_EXAMPLES = 3
_MOST_NUMBERS = 100_000  # in the example: three photographs, not three films
_PROBABILITIES = frozenset({"sigmoid", "hard_sigmoid", "softmax"})


def signature_of(model: Any, dataset: Dataset, modules: Sequence[str]) -> Mapping[str, Any]:
    """The content of signature.json.

    Args:
        model: the core.
        dataset: what it was trained on; its first samples are the example.
        modules: dotted names.
    """
    values = dataset.outputs if not dataset.classes else 1
    count = min(_EXAMPLES, dataset.samples, _MOST_NUMBERS // max(1, int(np.prod(dataset.input_shape))))
    return {
        "columns": list(dataset.features),
        "shape": list(dataset.input_shape),
        "task": dataset.task,
        "classes": list(dataset.classes),
        "predictions": ["prediction"] if values == 1 else [f"prediction_{i}" for i in range(1, values + 1)],
        "outputs": _kind(model) if dataset.classes else "value",
        "modules": list(modules),
        "example": np.asarray(part_of(dataset.x, np.arange(count))[:], dtype=np.float32).tolist() if count else [],
    }


def _kind(model: Any) -> str:
    """Whether the last layer makes probabilities; of a model with a `call` of its own it is taken for granted."""
    layers = getattr(model, "layers", None) if hasattr(model, "inputs") else None
    activation = getattr(layers[-1], "activation", None) if layers else None
    return "probability" if activation is None or activation.__name__ in _PROBABILITIES else "score"
