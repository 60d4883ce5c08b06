"""Gradients that vanish or explode, units that are dead or saturated: what the probes show."""

from __future__ import annotations

import math
import statistics

from dlrun.analysis.diagnosis.curves import Curves
from dlrun.analysis.diagnosis.finding import Finding
from dlrun.analysis.diagnosis.mends import Mends

__all__ = ["dead", "exploding", "saturated", "vanishing"]

_VANISHED = 1e-3  # gradient of the first layer beside the last one's: 0.2 at the least in trainings that went well, and
# a sigmoid, whose slope is 0.25 at most, loses this much in five layers
_EXPLODED = 100.0  # times the gradient of the untrained model: in trainings that went well it never grew tenfold
_DEAD = 0.5  # share of a layer's units: 0.1 in the trainings that went well; half of a random layer's would be cut off
_SATURATED = 0.8  # share of a layer's values: 0.4 in the trainings that went well
_POOR = 0.5  # explained less, a symptom has done harm; explained more, it is none


def vanishing(curves: Curves, mends: Mends) -> Finding | None:
    """First layers that get next to no gradient while the last ones do."""
    seen = [list(layers.values()) for layers in curves.probes.get("gradient_norm", {}).values() if len(layers) > 1]
    ratios = [first / last for first, *_, last in seen if last > 0 and math.isfinite(first) and math.isfinite(last)]
    if not ratios or curves.best >= _POOR or statistics.median(ratios) >= _VANISHED:
        return None
    first, *_, last = curves.layers("gradient_norm")
    return Finding(
        "vanishing_gradients",
        "The gradient vanishes on its way back through the layers: the first ones do not learn.",
        f"the gradient of {first} is {statistics.median(ratios):.1g} of that of {last}",
        mends.first(("activation", "relu"), ("model.batch_norm", True), ("initializer", "he_normal")),
    )


def exploding(curves: Curves, mends: Mends) -> Finding | None:
    """Gradients that grow out of all measure."""
    seen = {epoch: math.hypot(*layers.values()) for epoch, layers in curves.probes.get("gradient_norm", {}).items()}
    if len(seen) < 2 or (curves.status != "diverged" and curves.best >= _POOR):
        return None
    begin, worst = seen[min(seen)], max(seen.values(), key=lambda norm: norm if math.isfinite(norm) else math.inf)
    if math.isfinite(worst) and worst <= _EXPLODED * begin:
        return None
    return Finding(
        "exploding_gradients",
        "The gradient explodes: single steps throw the weights far off.",
        f"its length went from {begin:.2g} to {worst:.2g}",
        mends.first(("optimizer.global_clipnorm", 1.0), mends.learning_rate(0.1)),
    )


def dead(curves: Curves, mends: Mends) -> Finding | None:
    """ReLU units that give 0 for all rows."""
    if (evidence := _most_of_a_layer(curves, "dead_units", _DEAD)) is None:
        return None
    return Finding(
        "dead_units",
        "Most units of a layer are dead: they give 0 for every row, and no gradient brings them back.",
        evidence,
        mends.first(("activation", "leaky_relu"), mends.learning_rate(0.1), ("initializer", "he_normal")),
    )


def saturated(curves: Curves, mends: Mends) -> Finding | None:
    """Sigmoid or tanh units that sit at their limits, where their slope is next to 0."""
    if (evidence := _most_of_a_layer(curves, "saturation", _SATURATED)) is None:
        return None
    return Finding(
        "saturation",
        "Most values of a layer sit at the limits of its activation, where next to no gradient comes through.",
        evidence,
        mends.first(
            ("preprocess", "auto"),
            ("initializer", "glorot_uniform"),
            ("initializer.stddev", 0.05),
            mends.learning_rate(0.1),
        ),
    )


def _most_of_a_layer(curves: Curves, probe: str, bound: float) -> str | None:
    """The largest share that a probe saw in a layer, in words; None below `bound`, or where the training went well."""
    shares = curves.layers(probe)
    layer = max(shares, key=lambda name: shares[name], default=None)
    if layer is None or shares[layer] < bound or curves.best >= _POOR:
        return None
    return f"{shares[layer]:.0%} of {layer} after the last epoch"
