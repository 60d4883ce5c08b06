"""Where a yes begins: the threshold of a binary model's probability, given or found on the validation part.

It is found when training is over, with the weights that are kept, on validation rows alone; test rows only tell what it
is worth. At 0.5 a model of a rare class may never say yes, and be right with its order all the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from dlrun.errors import Problem

if TYPE_CHECKING:
    import numpy as np

__all__ = ["DEFAULT", "best_threshold", "check_threshold", "scores_at"]

DEFAULT = 0.5
"""What Keras' metrics call positive from above on."""

_KEY = "trainer.threshold"


def check_threshold(spec: Mapping[str, Any]) -> Iterator[Problem]:
    """What is wrong with it that shows before the data is there."""
    chosen = spec["trainer"]["threshold"]
    if spec["task"] != "binary" and chosen != DEFAULT:
        rule = f"must be {DEFAULT} for task {spec['task']}: one probability that is held against it is a binary task's"
        yield Problem(_KEY, rule, got=str(chosen), mend=f"Leave {_KEY} out.")


def best_threshold(truth: np.ndarray, probability: np.ndarray, by: str) -> float:
    """The threshold at which a score is best; of equally good ones the nearest to 0.5.

    Args:
        truth: 0 or 1, shape (n,), both of them there.
        probability: of a 1, shape (n,).
        by: `f1`, `balanced_accuracy` (which is best where Youden's J is) or `matthews`.

    Returns:
        The middle between two neighbouring probabilities, from above which on a sample is called positive.

    References:
        Youden, W. J. (1950). Index for rating diagnostic tests. Cancer 3, 32-35.
    """
    import numpy as np
    from sklearn.metrics import roc_curve

    negative_rate, recall, scores = roc_curve(truth, probability.astype(np.float64), drop_intermediate=False)
    positives, negatives = float(truth.sum()), float(len(truth) - truth.sum())
    scores[0] = 1.0  # instead of infinity: the first point calls nothing positive
    cuts = (scores + np.append(scores[1:], 0.0)) / 2
    is_cut = (cuts < scores) | (np.arange(len(cuts)) == 0)  # a probability of 0 is above no cut
    worth = _scores(recall * positives, negative_rate * negatives, positives, negatives)[by]
    worth = np.where(is_cut, worth, -np.inf)
    best = np.flatnonzero(worth >= worth.max() - 1e-12)
    return float(cuts[best[np.abs(cuts[best] - DEFAULT).argmin()]])


def scores_at(truth: np.ndarray, probability: np.ndarray, threshold: float) -> dict[str, float]:
    """Accuracy, balanced accuracy, F1, Matthews' correlation, precision and recall at a threshold.

    A score that is nothing divided by nothing is 0.
    """
    called, positive = probability > threshold, truth > DEFAULT
    hits, misses = float((called & positive).sum()), float((called & ~positive).sum())
    return {name: float(value) for name, value in _scores(hits, misses, positive.sum(), (~positive).sum()).items()}


def _scores(hits: Any, misses: Any, positives: float, negatives: float) -> dict[str, Any]:
    """Scores of so many samples rightly and wrongly called positive: numbers, or arrays of them."""
    right = negatives - misses
    alone = (hits + misses) * positives * negatives * (positives - hits + right)
    return {
        "accuracy": (hits + right) / (positives + negatives),
        "balanced_accuracy": (_share(hits, positives) + _share(right, negatives)) / 2,
        "f1": _share(2 * hits, hits + misses + positives),
        "matthews": _share(hits * right - misses * (positives - hits), alone**0.5),
        "precision": _share(hits, hits + misses),
        "recall": _share(hits, positives),
    }


def _share(part: Any, whole: Any) -> Any:
    import numpy as np

    shape = np.broadcast(part, whole).shape
    return np.divide(part, whole, out=np.zeros(shape), where=np.asarray(whole, dtype=np.float64) != 0)
