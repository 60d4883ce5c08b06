"""How much each training row counts in the loss, by its class: `trainer.class_weight` as sample weights."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from dlrun.config.suggest import did_you_mean
from dlrun.errors import ConfigError, Problem

if TYPE_CHECKING:
    import numpy as np

__all__ = ["check_class_weight", "row_weights"]

_KEY = "trainer.class_weight"

Chosen = str | Mapping[str, float]
"""`balanced`, or weights by class."""


def check_class_weight(chosen: Chosen | None, task: str, classes: int | None) -> Iterator[Problem]:
    """What is wrong with it that shows before the data is there.

    Args:
        classes: how many there are, where that is known.
    """
    if chosen is None:
        return
    if task == "regression":
        yield Problem(_KEY, "must be null: a regression has no classes", _shown(chosen), f"Type {_KEY}=null.")
        return
    if task == "segmentation":
        mend = f"Type {_KEY}=null; loss=focal passes over pixels that are recognised already."
        yield Problem(
            _KEY, "must be null for masks: it weighs samples, and a sample has many classes", _shown(chosen), mend
        )
        return
    weights = chosen if isinstance(chosen, Mapping) else {}
    for name, weight in weights.items():
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight < math.inf:
            yield Problem(f"{_KEY}.{name}", "must be a number in [0, inf)", got=str(weight))
    if classes is not None and len(weights) > classes:
        yield Problem(_KEY, f"must weigh the {classes} classes at most", got=f"{len(weights)} weights")


def row_weights(y: np.ndarray, names: Sequence[str], chosen: Chosen) -> np.ndarray:
    """The weight of each training row, as Keras's `fit(class_weight=...)` makes it.

    Args:
        y: labels as they are trained on: class indices of shape (n,), or 0 and 1 of shape (n, 1).
        names: of the classes, in the order of their indices.
        chosen: weights by a class's name or index, a name first where it can be either; a class that is not named
            counts once. `balanced` gives each class the same sum of weights and the rows a mean of 1:
            n / (classes * rows of the class). A class without training rows is left out of that.

    Returns:
        float32 of shape (n,).

    Raises:
        ConfigError: there is no such class.

    References:
        King & Zeng, Logistic Regression in Rare Events Data (2001), as in scikit-learn's `compute_class_weight`.
    """
    import numpy as np  # not above: the checks are made before anything heavy is imported

    labels = np.round(y).astype(np.int64).reshape(len(y))
    weights = np.ones(len(names), dtype=np.float32)
    if isinstance(chosen, Mapping):
        _check_names(names, chosen)
        for name, weight in chosen.items():
            weights[_index(name, names)] = weight
    else:
        counts = np.bincount(labels, minlength=len(names))
        there = counts > 0
        weights[there] = len(labels) / (there.sum() * counts[there])
    return weights[labels]


def _check_names(names: Sequence[str], chosen: Mapping[str, float]) -> None:
    problems = []
    indices: dict[int, str] = {}
    for name in chosen:
        index = _index(name, names)
        if index is None:
            mend = did_you_mean(name, names, shown="{}") or ""
            listed = ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")
            mend = f"{mend} The classes are: {listed}.".strip()
            problems.append(Problem(f"{_KEY}.{name}", "must name a class of the data, or its index", name, mend))
        elif index in indices:
            rule = f"must weigh each class once: {indices[index]} is the same class"
            problems.append(Problem(f"{_KEY}.{name}", rule, name, f"Take one of the two away: ~{_KEY}.{name}."))
        else:
            indices[index] = name
    if problems:
        raise ConfigError(problems)


def _index(name: str, names: Sequence[str]) -> int | None:
    if name in names:
        return names.index(name)
    return int(name) if name.isdecimal() and int(name) < len(names) else None


def _shown(chosen: Chosen) -> str:
    return chosen if isinstance(chosen, str) else "weights by class"
