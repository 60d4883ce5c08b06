"""Models that learn by heart, learn too little, or were stopped too soon."""

from __future__ import annotations

import statistics
from itertools import pairwise

from dlrun.analysis.diagnosis.curves import Curves
from dlrun.analysis.diagnosis.finding import Finding
from dlrun.analysis.diagnosis.mends import Mends

__all__ = ["best_was_first", "overfitting", "underfitting", "unfinished"]

# Shares of the yardstick: see `Curves.yardstick`.
_RISEN = (
    0.1  # rise of the validation loss since its best epoch: 0.04 at most where early stopping ended a good training
)
_APART = 0.15  # validation loss above training loss at the end: 0.12 at most in trainings that went well
_EPOCHS_ABOVE = 3  # that stay above the best one by `_RISEN`: fewer are a jump
_JUMP = 0.25  # share of the rise that an epoch takes back on average: 0.01 where it rises, 1 and more to and fro
_LITTLE = 0.3  # explained less of its own training rows, a model has missed most of what there is
_TOGETHER = 0.1  # validation and training loss so near each other that not learning by heart is the trouble
_FALLING = 0.05  # fall of the validation loss in the last fifth of the epochs: it would have gone on
_GOOD = 0.8  # explained so much, nothing need be said
_EPOCHS_TO_SEE = 10
_EPOCHS_TO_GO_ON = 20  # who asks for fewer is trying something out, and knows it


def overfitting(curves: Curves, mends: Mends) -> Finding | None:
    """Validation gets worse while training gets better."""
    if not curves.yardstick or not curves.validation or not curves.is_finite:
        return None
    lowest = min(curves.validation)
    best = curves.validation.index(lowest) + 1
    last, trained, before = curves.validation[-1], curves.loss[-1], curves.loss[best - 1]
    if not _has_risen(curves) or (last - trained) / curves.yardstick < _APART or trained >= before:
        return None
    stopped = any(node["option"] == "early_stopping" for node in curves.spec["callback"].values())
    changes = [("model.dropout", 0.5), ("regularizer", "l2"), ("optimizer.weight_decay", 0.01)]
    if not stopped:
        changes.insert(0, ("callback", [*curves.spec["callback"], "early_stopping"]))
    return Finding(
        "overfitting",
        f"The model learns the training rows by heart: from epoch {best} on it gets worse on others.",
        f"validation loss {lowest:.3g} in epoch {best} and {last:.3g} in epoch {curves.epochs}, while the training loss"
        f" went from {before:.3g} to {trained:.3g}",
        mends.first(*changes),
    )


def _has_risen(curves: Curves) -> bool:
    """Whether the validation loss rose after its best epoch and stays up, without jumping to and fro."""
    assert curves.yardstick is not None
    lowest = min(curves.validation)
    later = curves.validation[curves.validation.index(lowest) + 1 :]
    late = later[-max(_EPOCHS_ABOVE, len(later) // 4) :]
    if len(late) < _EPOCHS_ABOVE or (min(late) - lowest) / curves.yardstick < _RISEN:
        return False
    fall_an_epoch = statistics.mean(max(0.0, before - after) for before, after in pairwise(late))
    return fall_an_epoch < _JUMP * (statistics.median(late) - lowest)


def underfitting(curves: Curves, mends: Mends) -> Finding | None:
    """Little is learned even of the rows that are trained on, by a model with few weights or a tight rein."""
    if not curves.yardstick or not curves.is_finite or curves.epochs < _EPOCHS_TO_SEE:
        return None
    explained = curves.explained(min(curves.loss))
    apart = (min(curves.judged) - min(curves.loss)) / curves.yardstick
    if explained >= _LITTLE or apart > _TOGETHER:
        return None
    reined = curves.spec["model"].get("dropout", 0) or curves.spec["regularizer"]["option"] != "none"
    small = (curves.parameters or 0) < curves.samples.get("train", 0)
    if not (reined or small):
        return None
    changes = [("regularizer", "none"), ("regularizer.l2", 1e-4), ("model.dropout", 0.0)] if reined else []
    return Finding(
        "underfitting",
        "The model learns little even of the rows that it is trained on: it is too small or held too tightly, or the"
        " inputs tell little.",
        f"{max(0.0, explained):.0%} of what always giving the same answer leaves open, after {curves.epochs} epochs",
        mends.first(*changes, mends.wider()),
    )


def unfinished(curves: Curves, mends: Mends) -> Finding | None:
    """The last epoch was the best, and the loss was still falling fast."""
    if not curves.yardstick or not curves.is_finite or curves.epochs < max(_EPOCHS_TO_GO_ON, curves.planned):
        return None
    judged = curves.judged
    falling = (judged[-1 - len(judged) // 5] - judged[-1]) / curves.yardstick
    if falling < _FALLING or min(judged) < judged[-1] or curves.best >= _GOOD:
        return None
    return Finding(
        "unfinished",
        "The training ended while it was still learning fast.",
        f"the loss fell from {judged[-1 - len(judged) // 5]:.3g} to {judged[-1]:.3g} in the last fifth of the epochs",
        mends.first(("trainer.epochs", 3 * curves.epochs)),
    )


def best_was_first(curves: Curves, mends: Mends) -> Finding | None:
    """No epoch was better than the first one."""
    if not curves.yardstick or not curves.is_finite or curves.epochs < _EPOCHS_TO_SEE or curves.best >= _GOOD:
        return None
    if curves.judged[0] > min(curves.judged):
        return None
    return Finding(
        "best_was_first",
        "No epoch was better than the first one: what is learned after it does not help.",
        f"loss {curves.judged[0]:.3g} in epoch 1, {curves.judged[-1]:.3g} in epoch {curves.epochs}",
        mends.first(mends.learning_rate(0.1)),
    )
