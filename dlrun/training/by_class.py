"""What the kept weights make of each class: precision, recall and F1 of the test part, and the confusion matrix."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from dlrun.training.threshold import DEFAULT, best_threshold, scores_at

if TYPE_CHECKING:
    from dlrun.data.prepare import Part, Prepared
    from dlrun.training.bookkeeping import Emit

__all__ = ["Verdicts", "verdicts_of"]

_MOST_CLASSES = 100  # that a table is kept of
_BATCH = 1024
_NAME = "test_{}_at_threshold"


@dataclass(frozen=True)
class Verdicts:
    """What is known of a classification beside its metrics.

    Attributes:
        threshold: above which probability the second of two classes is called.
        metrics: of the test part at a threshold other than 0.5, under names of their own.
        per_class: `class`, `precision`, `recall`, `f1` and `rows` of each class of the test part, then `macro`, the
            mean over the classes (its recall is balanced accuracy), and `weighted` by rows.
        confusion: rows of each true class, in the order of the classes, by the class that was named.
    """

    threshold: float = DEFAULT
    metrics: Mapping[str, float] = field(default_factory=dict)
    per_class: list[dict[str, Any]] = field(default_factory=list)
    confusion: list[list[int]] = field(default_factory=list)


def verdicts_of(model: Any, prepared: Prepared, chosen: float | str, is_single: bool, emit: Emit) -> Verdicts:
    """Settle the threshold, and look at each class.

    Args:
        model: the core, with the weights that are kept.
        chosen: the config's `trainer.threshold`.
        is_single: whether the classes are looked at: in a sweep it would cost each trial a walk through the test part.
        emit: told a warning where no threshold can be found.
    """
    if prepared.task not in ("binary", "multiclass") or len(prepared.test.y) == 0:
        return Verdicts()
    if not is_single and chosen == DEFAULT:
        return Verdicts()
    outputs = _predicted(model, prepared.test)
    if prepared.task != "binary":
        return _verdicts(prepared, outputs.argmax(axis=1)) if is_single else Verdicts()
    probability, threshold = outputs[:, 0], _threshold(model, prepared, chosen, emit)
    metrics: dict[str, float] = {}
    if threshold != DEFAULT:
        found = scores_at(prepared.test.y[:, 0], probability, threshold)
        metrics = {_NAME.format(name): value for name, value in found.items()}
    if not is_single:
        return Verdicts(threshold, metrics)
    return _verdicts(prepared, (probability > threshold).astype(np.int64), threshold, metrics)


def _threshold(model: Any, prepared: Prepared, chosen: float | str, emit: Emit) -> float:
    if not isinstance(chosen, str):
        return float(chosen)
    probability, truth = _predicted(model, prepared.validation)[:, 0], prepared.validation.y[:, 0]
    if len(np.unique(truth)) < 2 or probability.min() < 0 or probability.max() > 1:
        why = "its rows are of one class" if len(np.unique(truth)) < 2 else "the model gives no probabilities"
        emit("warning", {"text": f"no threshold can be found on the validation part: {why}. It stays {DEFAULT}."})
        return DEFAULT
    return best_threshold(truth, probability, chosen)


def _predicted(model: Any, part: Part) -> np.ndarray:
    """What the model gives for a part: float32, shape (n, outputs). Called as it is, it has nothing to compile."""
    import keras

    slices = (part.x[begin : begin + _BATCH] for begin in range(0, part.samples, _BATCH))
    batches = [keras.ops.convert_to_numpy(model(rows, training=False)) for rows in slices]
    found: np.ndarray = np.concatenate(batches).astype(np.float32)
    return found.reshape(len(found), -1)


def _verdicts(
    prepared: Prepared, named: np.ndarray, threshold: float = DEFAULT, metrics: Mapping[str, float] | None = None
) -> Verdicts:
    from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

    if len(prepared.classes) > _MOST_CLASSES:
        return Verdicts(threshold, metrics or {})
    truth, labels = np.round(prepared.test.y).astype(np.int64).reshape(-1), range(len(prepared.classes))
    each = precision_recall_fscore_support(truth, named, labels=labels, average=None, zero_division=0)
    table = [
        {"class": name, "precision": float(p), "recall": float(r), "f1": float(f), "rows": int(rows)}
        for name, p, r, f, rows in zip(prepared.classes, *each, strict=True)
    ]
    there = np.unique(truth)  # a class without test rows would count as one that is never recognised
    for average in ("macro", "weighted"):
        found = precision_recall_fscore_support(truth, named, labels=there, average=average, zero_division=0)
        scores = dict(zip(("precision", "recall", "f1"), map(float, found[:3]), strict=True))
        table.append({"class": average, **scores, "rows": len(truth)})
    return Verdicts(threshold, metrics or {}, table, confusion_matrix(truth, named, labels=labels).tolist())
