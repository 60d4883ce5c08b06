"""A learning rate that is too high or too low, and trainings that diverge of it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from dlrun.analysis.diagnosis.curves import Curves
from dlrun.analysis.diagnosis.finding import Finding
from dlrun.analysis.diagnosis.mends import Mends

__all__ = ["diverged", "too_high", "too_low"]

# Losses are measured by the yardstick: what the best constant answer costs. The figures beside the thresholds are from
# trainings of the packaged models on the packaged data.
_THROWN = (
    10.0  # an epoch that costs this many times the yardstick: 33 at the least where the rate is 100 times too high,
)
# 2 at most in trainings that went well, on inputs that are scaled
_FAR = 1000.0  # times the yardstick: the rate is some thousand times too high, else some hundred
_ROUGH = 0.005  # rise of the training loss an epoch: 0.01 at ten times a good rate, 0.001 under dropout of a half
_EPOCHS_TO_SEE = 8  # a rough curve or a flat one needs some epochs to be told from a chance
_GOOD = 0.9  # explained so much, a rough curve has done no harm
_LITTLE = 0.2  # explained so little after all epochs, even of the rows that are trained on, it has hardly begun
_STEADY = (
    0.25  # share of the fall that its second half must bring: half in a straight line, 0.15 in one that has settled
)
_STILL = 0.001  # an epoch that moves no layer by more than this would take a thousand to make a model of its own
_BY_FAN_IN = ("glorot", "he_", "lecun", "orthogonal", "variance_scaling", "zeros")


def diverged(curves: Curves, mends: Mends) -> Finding | None:
    """A training that ended in NaN, infinity or a loss beyond all measure."""
    if curves.status != "diverged":
        return None
    scaled = _is_scaled(curves)
    changes = [mends.learning_rate(0.1), ("optimizer.global_clipnorm", 1.0)]
    return Finding(
        "diverged",
        "The training diverged: steps were so long that each made the loss larger."
        if scaled
        else "The training diverged: inputs and targets as they come make steps too long.",
        curves.cause or "the loss is no finite number",
        mends.first(*(changes if scaled else [("preprocess", "auto"), *changes])),
    )


def too_high(curves: Curves, mends: Mends) -> Finding | None:
    """Steps that throw the model far off, or to and fro."""
    if not curves.yardstick or not curves.is_finite:
        return None
    return _thrown(curves, mends) or _rough(curves, mends)


def _thrown(curves: Curves, mends: Mends) -> Finding | None:
    assert curves.yardstick is not None
    worst = max(curves.loss)
    times = worst / curves.yardstick
    has_recovered = curves.explained(curves.loss[-1]) >= _GOOD
    if times <= _THROWN or has_recovered or not (_is_scaled(curves) and _starts_small(curves)):
        return None
    return Finding(
        "learning_rate_too_high",
        "The learning rate is far too high: steps throw the model off.",
        f"in epoch {curves.loss.index(worst) + 1} the training loss was {worst:.3g}, where always giving the same"
        f" answer costs {curves.yardstick:.3g}",
        mends.first(mends.learning_rate(0.001 if times > _FAR else 0.01), mends.learning_rate(0.1)),
    )


def _rough(curves: Curves, mends: Mends) -> Finding | None:
    assert curves.yardstick is not None
    # Of both losses: dropout on few rows makes that of training go to and fro at any rate, and overfitting lets that of
    # validation rise.
    together = min(sum(curves.rises), sum(max(b - a, 0.0) for a, b in pairwise(curves.judged)))
    rise_an_epoch = together / curves.epochs / curves.yardstick
    if curves.best >= _GOOD or curves.epochs < _EPOCHS_TO_SEE or rise_an_epoch <= _ROUGH:
        return None
    ups = sum(rise > 0 for rise in curves.rises)
    changes = [mends.learning_rate(0.1)]
    finding = "The learning rate is too high: the training goes to and fro and does not settle."
    if not _is_scaled(curves):
        changes.insert(0, ("preprocess", "auto"))
        finding = "The training goes to and fro: inputs of very different size want different learning rates."
    return Finding(
        "learning_rate_too_high",
        finding,
        f"the training loss rose in {ups} of {curves.epochs - 1} epochs, by {sum(curves.rises):.3g} together",
        mends.first(*changes),
    )


def too_low(curves: Curves, mends: Mends) -> Finding | None:
    """Steps so short that after all epochs the model has hardly begun to learn."""
    if not curves.yardstick or not curves.is_finite or curves.epochs < _EPOCHS_TO_SEE:
        return None
    if max(curves.best, curves.explained(min(curves.loss))) >= _LITTLE:
        return None
    ratios = [max(layers.values()) for layers in curves.probes.get("update_ratio", {}).values() if layers]
    moved, fall = max(ratios, default=1.0), curves.loss[0] - curves.loss[-1]
    if _is_steady(curves.loss):
        share = fall / curves.loss[0]
        evidence = f"the training loss fell in every epoch, and by only {100 * share:.2g}% in {curves.epochs} epochs"
    elif 0 < moved < _STILL:
        evidence = f"no epoch changed the weights of a layer by more than {moved:.2g} of their length"
    else:
        return None
    return Finding(
        "learning_rate_too_low",
        "The learning rate is too low: the model has hardly begun to learn.",
        evidence,
        mends.first(mends.learning_rate(10)),  # more may be too high by far where something else slows it
    )


def _is_steady(loss: Sequence[float]) -> bool:
    """Whether the loss falls in every epoch, and in the second half of them nearly as much as in the first."""
    falls = [before - after for before, after in pairwise(loss)]
    return min(falls) > 0 and sum(falls[len(falls) // 2 :]) > _STEADY * sum(falls)


def _starts_small(curves: Curves) -> bool:
    """Whether the untrained model costs little, so that a loss beyond measure is made in training.

    Its weights follow the number of inputs, and no penalty on them is part of the loss. Of a model in Python nothing is
    known.
    """
    spec = curves.spec
    layers = str(spec["model"].get("layers", "regularizer"))
    penalized = spec["regularizer"]["option"] != "none" or "regularizer" in layers
    return not penalized and str(spec["initializer"]["option"]).startswith(_BY_FAN_IN)


def _is_scaled(curves: Curves) -> bool:
    return bool(curves.spec["preprocess"]["option"] != "none")
