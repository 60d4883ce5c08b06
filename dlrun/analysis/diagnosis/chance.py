"""Models that are no better than a guess, and output layers that do not go with the loss."""

from __future__ import annotations

import math
import statistics

from dlrun.analysis.diagnosis.curves import Curves
from dlrun.analysis.diagnosis.finding import Finding
from dlrun.analysis.diagnosis.mends import Mends

__all__ = ["majority", "mismatch", "naive", "stuck"]

_NOTHING = 0.02  # explained so little, nothing was learned: rounding and class shares in batches make a hundredth
_EPOCHS_TO_SEE = 5
_SURE_AND_WRONG = -math.log(1e-7)  # what Keras's cross-entropies charge for it at most
_PRICY = 3.0  # times the yardstick: a cross-entropy that stays there is not of probabilities
_FLAT = 0.02  # relative change of the loss in the last quarter of the epochs
_SURE = 0.9  # accuracy at which a cross-entropy is far below the yardstick, or is not of the model's own probabilities
_FLOOR_SLACK = 0.02


def stuck(curves: Curves, mends: Mends) -> Finding | None:
    """The loss stays at what the best constant answer costs."""
    if not curves.yardstick or not curves.is_finite or curves.epochs < _EPOCHS_TO_SEE:
        return None
    # one epoch may have dipped in validation, by chance, where steps are long; most epochs and the late ones do not
    usual = min(statistics.median(curves.judged), statistics.median(curves.late(curves.judged)))
    if curves.explained(usual) >= _NOTHING or curves.explained(min(curves.loss)) >= _NOTHING:
        return None
    task, classes = curves.spec["task"], curves.spec["classes"]
    shares = f"the shares of the {classes} classes" if task != "regression" else "the mean of the targets"
    even = f" (ln {classes} = {math.log(classes):.3f} for equal ones)" if task != "regression" else ""
    return Finding(
        "stuck_at_chance",
        "The model has learned nothing: it is no better than the best answer that is the same for all.",
        f"training loss {min(curves.loss):.4g} at best; always answering {shares} costs {curves.yardstick:.4g}{even}",
        mends.first(*_ways_out(curves, mends)),
    )


def _ways_out(curves: Curves, mends: Mends) -> list[tuple[str, object]]:
    """What keeps a model at chance most often: penalties, no hidden layer, one squashing activation after another."""
    hidden = curves.spec["model"].get("hidden")
    if curves.spec["regularizer"]["option"] != "none":
        return [("regularizer", "none"), ("regularizer.l2", 1e-4), ("regularizer.l1", 1e-4)]
    if hidden is None or hidden == []:
        return [mends.wider(), ("trainer.lr_finder", True)]
    squashing = curves.spec["activation"]["option"] in ("sigmoid", "tanh", "hard_sigmoid", "softsign")
    ways: list[tuple[str, object]] = [("activation", "relu")] if squashing else []
    return [*ways, ("trainer.lr_finder", True)]


def majority(curves: Curves, mends: Mends) -> Finding | None:
    """A classifier that gives all rows to the most frequent class."""
    shares = curves.guess.get("accuracy") or {}
    scores, validation = curves.metrics.get("accuracy", ()), curves.metrics.get("val_accuracy", ())
    classes = curves.spec["classes"]
    if curves.epochs < _EPOCHS_TO_SEE or not scores or not validation or not classes or "validation" not in shares:
        return None
    is_even = shares["train"] < 1.5 / classes
    if is_even or max(scores[1:]) > shares["train"] + 0.01 or max(validation) > shares["validation"] + 0.01:
        return None
    return Finding(
        "majority_class",
        "The model never beats giving every row to the most frequent class.",
        f"accuracy {max(scores[1:]):.3g} in training, {max(validation):.3g} in validation; the most frequent class is"
        f" {shares['train']:.3g} of the training part",
        mends.first(*_rarer(curves), mends.learning_rate(10)),
    )


def _rarer(curves: Curves) -> list[tuple[str, object]]:
    """What makes rare classes count: pixels of a mask have no weights of their own."""
    return [("loss", "focal")] if curves.spec["task"] == "segmentation" else [("trainer.class_weight", "balanced")]


def naive(curves: Curves, mends: Mends) -> Finding | None:
    """A model of a series that forecasts no better than what needs no model: the last value again."""
    costs = {name: parts.get("validation") for name, parts in (curves.guess.get("naive") or {}).items()}
    known = {name: cost for name, cost in costs.items() if cost is not None}
    if curves.epochs < _EPOCHS_TO_SEE or not curves.validation or not curves.is_finite or not known:
        return None
    name, least = min(known.items(), key=lambda item: item[1])
    if min(curves.validation) < least:
        return None
    return Finding(
        "no_better_than_naive",
        f"The model forecasts no better than the {name} again.",
        f"validation loss {min(curves.validation):.4g} at best; the {name} costs {least:.4g}",
        mends.first(mends.learning_rate(3), mends.wider()),
    )


def mismatch(curves: Curves, mends: Mends) -> Finding | None:
    """Outputs that the loss does not take for what they are, and targets that the output layer cannot reach."""
    if not curves.is_finite or curves.epochs < _EPOCHS_TO_SEE:
        return None
    if curves.spec["task"] == "regression":
        return _out_of_reach(curves, mends)
    return _not_probabilities(curves, mends) or _squashed_twice(curves, mends)


def _out_of_reach(curves: Curves, mends: Mends) -> Finding | None:
    ends_in = _head_activation(curves)
    low, high = {"relu": (0.0, math.inf), "softplus": (0.0, math.inf), "sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0)}.get(
        ends_in or "", (-math.inf, math.inf)
    )
    least, greatest = curves.guess.get("least", 0.0), curves.guess.get("greatest", 0.0)
    if least >= low and greatest <= high:
        return None
    return Finding(
        "head_loss_mismatch",
        "The output layer cannot reach the targets: they are standardized, and it is bounded.",
        f"{ends_in} gives {low:g} to {high:g}; the targets, as trained on, {least:.3g} to {greatest:.3g}",
        mends.first(("model.head", "auto")),
    )


def _head_activation(curves: Curves) -> str | None:
    head = curves.spec["model"].get("head")
    dense = head.get("dense") if isinstance(head, dict) else None
    activation = dense.get("activation") if isinstance(dense, dict) else None
    return activation.get("option") if isinstance(activation, dict) else activation


def _not_probabilities(curves: Curves, mends: Mends) -> Finding | None:
    """Keras cuts what should be a probability off at 1e-7, and there the gradient ends."""
    late = curves.late(curves.loss)
    is_flat = max(late) - min(late) < _FLAT * max(late)
    if not curves.yardstick or not is_flat or not _PRICY * curves.yardstick < min(late) <= _SURE_AND_WRONG:
        return None
    return Finding(
        "head_loss_mismatch",
        "The loss stays at a height that probabilities do not cost: the output layer does not give any.",
        f"training loss {late[-1]:.3g}; a cross-entropy charges {_SURE_AND_WRONG:.1f} for a sure wrong answer",
        mends.first(("model.head", "auto")),
    )


def _squashed_twice(curves: Curves, mends: Mends) -> Finding | None:
    """A softmax of probabilities gives the likeliest of C classes e / (e + C - 1) at most."""
    classes = curves.spec["classes"]
    scores = curves.metrics.get("accuracy", ())
    if not curves.yardstick or not scores or classes is None or curves.spec["loss"].get("label_smoothing"):
        return None
    floor = math.log(1 + (classes - 1) / math.e) if classes > 2 else (math.log(1 + 1 / math.e) + math.log(2)) / 2
    late = curves.late(curves.loss)
    is_settled = max(late) - min(late) < _FLAT * max(late)  # else it may be on its way below
    if max(scores) < _SURE or not is_settled or min(curves.loss) < floor - _FLOOR_SLACK:
        return None
    return Finding(
        "head_loss_mismatch",
        "The loss squashes outputs that are probabilities already: it cannot fall, however good the model is.",
        f"training accuracy {max(scores):.3g} at a loss of {min(curves.loss):.3g}; squashed twice, {floor:.3g} is the"
        " least",
        mends.first(("loss", "auto"), ("model.head", "auto")),
    )
